"""`Calculator`: holds a network and turns chunks of structures into rows, in whatever process."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phonodos.data.members import sha256_of
from phonodos.errors import PhonodosError, WeightsError
from phonodos.screening.chunks import Chunk
from phonodos.screening.rows import Row, failed_row, predicted_row, reason_of

DIGITS = 16  # of the SHA-256 of a weight file


@dataclass(frozen=True)
class Recipe:
    """What the numbers of a table depend on besides the structures.

    Attributes
    ----------
    weights
        Weight file.
    name
        Name of the weights.
    digest
        First 16 digits of the SHA-256 of the weight file.
    members
        How many members of an ensemble are used; all if None.
    temperatures
        [K], rising.
    """

    weights: str
    name: str
    digest: str
    members: int | None
    temperatures: tuple[float, ...]

    @classmethod
    def of(
        cls, model: str | Path | None, members: int | None, temperatures: Sequence[float]
    ) -> "Recipe":
        """Return the recipe with released weights (by name) or those of a path.

        Raises
        ------
        WeightsError
            If the weights are unknown or damaged, or have fewer members.
        """
        from phonodos.model.weights import weights_path
        from phonodos.prediction.predictor import DEFAULT_WEIGHTS, load

        path = weights_path(model or DEFAULT_WEIGHTS)
        name = load(path, members=members).name
        return cls(str(path), name, str(sha256_of(path))[:DIGITS], members, tuple(temperatures))

    def located(self) -> Path:
        """Return the weight file on this machine, which may be another than that of the recipe.

        Raises
        ------
        WeightsError
            If there is none, or it is another file.
        """
        from phonodos.model.weights import weights_path

        path = Path(self.weights)
        path = path if path.is_file() else weights_path(self.name)
        if str(sha256_of(path))[:DIGITS] != self.digest:
            raise WeightsError(
                f"{path} is not the weight file of this run",
                f"the SHA-256 of that begins with {self.digest}",
                "install the same version of phonodos on every machine, or copy the weights there",
            )
        return path


class Calculator:
    """A loaded network and what it was trained on."""

    def __init__(self, recipe: Recipe) -> None:
        from phonodos.prediction.predictor import load

        self.recipe = recipe
        self.predictor = load(recipe.located(), members=recipe.members)
        header = self.predictor.header
        self._formulas = frozenset(header.training_formulas)
        self._ids = frozenset(header.split.get("train", ()))

    def rows(self, chunk: Chunk) -> list[Row] | str:
        """Return the rows of a chunk, or in one line why the whole chunk failed.

        What a single crystal is to blame for is in its row; what is no `PhonodosError` (a lack of
        memory, a fault in a library) cannot be laid at the door of one crystal of many.
        """
        try:
            return self._rows(chunk)
        except Exception as error:  # the run goes on, and the reason is kept
            return f"{type(error).__name__}: {error}".splitlines()[0]

    def _rows(self, chunk: Chunk) -> list[Row]:
        start = time.thread_time()
        good = [i.content for i in chunk.items if not isinstance(i.content, PhonodosError)]
        answers = self.predictor.predict_many(good, errors="yield")
        found = []
        for item in chunk.items:
            answer = item.content if isinstance(item.content, PhonodosError) else next(answers)
            try:
                if isinstance(answer, PhonodosError):
                    raise answer
                row = predicted_row(item, answer, self.recipe.temperatures)
            except PhonodosError as error:
                row = failed_row(item, reason_of(error))
            row["in_training"] = self._trained_on(row)
            found.append(row)
        spent = time.thread_time() - start
        for item, row in zip(chunk.items, found, strict=True):
            row["seconds"] = spent * item.n_atoms / max(chunk.n_atoms, 1)
        return [self._signed(row) for row in found]

    def _trained_on(self, row: Row) -> bool | None:
        if row.get("formula") is None:
            return None
        return row["formula"] in self._formulas or row["id"] in self._ids

    def _signed(self, row: Row) -> Row:
        return row | {"model": self.recipe.name, "model_hash": self.recipe.digest}
