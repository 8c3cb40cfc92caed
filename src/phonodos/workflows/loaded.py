"""`loaded`: a predictor that a process loads once, however often its tasks ask for it."""

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonodos.prediction.predictor import AnyPredictor

HELD = 4  # predictors that a process keeps
_one_at_a_time = threading.Lock()  # threads of a worker that start together load once


def loaded(
    model: "AnyPredictor | str | Path | None" = None,
    *,
    members: int | None = None,
    metal: bool = False,
    vacancies: str = "refuse",
) -> "AnyPredictor":
    """Return the predictor of these weights, which this process keeps; one given is itself.

    Weights are loaded again where their file has changed.

    Parameters
    ----------
    model, members, metal, vacancies
        See `phonodos.load`.

    Raises
    ------
    WeightsError, ConfigError
        As `phonodos.load`.
    """
    from phonodos.model.weights import weights_path
    from phonodos.prediction.predictor import DEFAULT_WEIGHTS, AnyPredictor

    if isinstance(model, AnyPredictor):
        return model
    path = weights_path(model or DEFAULT_WEIGHTS)
    state = path.stat()
    with _one_at_a_time:
        return _loaded(path, state.st_mtime_ns, state.st_size, members, metal, vacancies)


@lru_cache(maxsize=HELD)
def _loaded(
    path: Path,
    changed: int,  # noqa: ARG001 - tells files apart
    size: int,  # noqa: ARG001
    members: int | None,
    metal: bool,
    vacancies: str,
) -> "AnyPredictor":
    from phonodos.prediction.predictor import load

    return load(path, members=members, metal=metal, vacancies=vacancies)
