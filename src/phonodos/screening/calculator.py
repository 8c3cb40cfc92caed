"""`Calculator`: holds a network and turns chunks of structures into rows, in whatever process."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phonodos.errors import PhonodosError, PredictionError, WeightsError, failure_of, reason_of
from phonodos.physics.isotopes import element_formula
from phonodos.prediction.failures import without_frames
from phonodos.screening.rows import Row, failed_row, predicted_row
from phonodos.screening.source import Chunk, Item, Lost
from phonodos.structures.archives import sha256_of
from phonodos.time_limit import TimeLimitExceeded, time_limit

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction

ALONE = "compute its crystals one by one"

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
    check, metal
        Whether distances are held against those of training, and charges left out.
    extra
        Readings that have columns (`phonodos.studies.readings.READINGS`).
    """

    weights: str
    name: str
    digest: str
    members: int | None
    temperatures: tuple[float, ...]
    check: bool = True
    metal: bool = False
    extra: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        model: str | Path | None,
        members: int | None,
        temperatures: Sequence[float],
        check: bool = True,
        metal: bool = False,
        extra: Sequence[str] = (),
    ) -> "Recipe":
        """Return the recipe with released weights (by name) or those of a path.

        Raises
        ------
        WeightsError
            If the weights are unknown or damaged, or have fewer members.
        ConfigError
            If `metal` is asked of a network that predicts no charges.
        """
        from phonodos.model.weights import weights_path
        from phonodos.prediction.predictor import DEFAULT_WEIGHTS, load

        path = weights_path(model or DEFAULT_WEIGHTS)
        name = load(path, members=members, metal=metal).name
        digest = str(sha256_of(path))[:DIGITS]
        return cls(
            str(path), name, digest, members, tuple(temperatures), check, metal, tuple(extra)
        )

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
    """A loaded network and what it was trained on.

    Attributes
    ----------
    recipe, predictor
        What is computed, and by whom.
    failure
        Why the last row holds no prediction, None if it does.
    """

    def __init__(self, recipe: Recipe) -> None:
        from phonodos.prediction.predictor import load

        self.recipe = recipe
        self.failure: PhonodosError | None = None
        self.predictor = load(
            recipe.located(), members=recipe.members, check=recipe.check, metal=recipe.metal
        )
        header = self.predictor.header
        self._formulas = frozenset(header.training_formulas)
        self._ids = header.trained_ids

    def rows(self, chunk: Chunk) -> list[Row] | str:
        """Return the rows of a chunk, or in one line why the whole chunk failed."""
        try:
            return list(self.stream(chunk))
        except Exception as error:  # the reason is kept
            return reason_of(failure_of(error, "", PredictionError, ALONE))

    def stream(self, chunk: Chunk) -> Iterator[Row]:
        """Yield the rows of a chunk in its order, each as soon as it is computed.

        Whatever goes wrong with a single crystal is in its row. What is raised cannot be laid at
        the door of one crystal of many (a lack of memory for a batch, a fault in a library).
        """
        good = [i.content for i in chunk.items if not isinstance(i.content, PhonodosError)]
        answers = self.predictor.predict_many(good, errors="yield")
        shared: float | None = None  # [s] for the chunk as a whole, until its first answer
        for item in chunk.items:
            start = time.thread_time()
            answer = item.content if isinstance(item.content, PhonodosError) else next(answers)
            if shared is None and not isinstance(item.content, PhonodosError):
                shared = time.thread_time() - start
                start += shared
            row = self._row(item, answer)
            share = (shared or 0.0) * item.n_atoms / max(chunk.n_atoms, 1)
            row["seconds"] = time.thread_time() - start + share
            yield row | {"model": self.recipe.name, "model_hash": self.recipe.digest}

    def _row(self, item: Item, answer: "Prediction | PhonodosError") -> Row:
        self.failure = None
        try:
            if isinstance(answer, PhonodosError):
                raise answer
            row = predicted_row(item, answer, self.recipe.temperatures, self.recipe.extra)
        except Exception as error:  # MemoryError and RecursionError too: it is this crystal's
            found = failure_of(error, item.id, PredictionError, "leave this crystal out")
            row = failed_row(item, reason_of(found))
            self.failure = without_frames(found)
        row["in_training"] = self._trained_on(row, item)
        return row

    def _trained_on(self, row: Row, item: Item) -> bool | None:
        if row.get("formula") is None or isinstance(item.content, PhonodosError):
            return None
        return element_formula(item.content) in self._formulas or row["id"] in self._ids


def start_calculator(recipe: Recipe) -> Callable[[Chunk], Iterator[Row]]:
    """Return the function that computes chunks on one thread: what a worker process starts with."""
    from phonodos.model.threads import stay_on_one_thread

    stay_on_one_thread()
    return Calculator(recipe).stream


def limited(
    stream: Callable[[Chunk], Iterator[Row]], chunk: Chunk, timeout: float | None
) -> Iterator[Row | Lost]:
    """Yield the rows of a chunk in this process, and what is lost because of time or faults.

    Parameters
    ----------
    stream
        `Calculator.stream`.
    chunk
        The structures.
    timeout
        Longest time from one row to the next [s].
    """
    made = 0
    try:
        rows = stream(chunk)
        while made < len(chunk.items):
            with time_limit(timeout):
                row = next(rows)
            yield row
            made += 1
    except TimeLimitExceeded as error:
        yield Lost(chunk.items[made:], error.summary, late=True)
    except Exception as error:  # MemoryError and RecursionError too: the run goes on
        yield Lost(chunk.items[made:], failure_of(error, "", PredictionError, ALONE).reason)
