"""`PredictMaker`: a job of jobflow that predicts a list of structures, a document each.

jobflow, where it is installed, keeps the documents in its store; `phonodos.workflows.document`
makes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phonodos.errors import ConfigError
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.workflows.document import predict_documents

try:
    from jobflow import Maker, job
except ImportError as err:
    raise ConfigError(
        "phonodos.workflows.maker needs jobflow",
        f"it is not installed ({err})",
        "pip install jobflow, or use phonodos.workflows.document, which needs nothing",
    ) from err


@dataclass
class PredictMaker(Maker):  # type: ignore[misc]  # jobflow may be absent where types are checked
    """Makes a job that predicts a list of structures and returns a document of each, in order.

    Attributes
    ----------
    name
        Of the job.
    model, members, metal, temperatures, per, extra
        See `phonodos.workflows.document.predict_document`.
    errors
        With ``document`` a structure that fails is a document that says so; with ``raise`` the job
        fails.
    """

    name: str = "predict phonons"
    model: str | None = None
    members: int | None = None
    metal: bool = False
    temperatures: Sequence[float] = (ROOM_TEMPERATURE,)
    per: str = "formula"
    extra: Sequence[str] = ()
    errors: str = "document"

    @job  # type: ignore[untyped-decorator]
    def make(self, structures: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the job; its output is the list of documents.

        One job for many structures: weights are loaded once, and crystals computed in batches.

        Parameters
        ----------
        structures
            pymatgen structures or outputs of other jobs, or anything else that jobflow can write
            as JSON and `Predictor.predict` reads, such as paths.
        """
        return list(
            predict_documents(
                structures, model=self.model, members=self.members, metal=self.metal,
                temperatures=self.temperatures, per=self.per, extra=self.extra,
                errors=self.errors,
            )
        )  # fmt: skip
