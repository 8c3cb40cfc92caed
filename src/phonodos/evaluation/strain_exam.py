"""Exams on strain: how a mean frequency answers to the cell, calculated against predicted.

A file of an exam is a JSON object with ``states``: one crystal in several cells, each with
``lattice`` [A], ``frac_coords``, ``numbers`` (atomic), ``volume`` [A^3] and ``mean_frequency``
[cm^-1] of a calculation. gamma = -d ln wbar / d ln V is the slope of a straight line through the
states whose cell keeps the angles of the first one; a cell that occurs twice counts once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.model.header import ExamScore, StrainScore
from phonodos.model.weights import add_to_header
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import symbols
from phonodos.prediction.predictor import AnyPredictor, load

SECTION = "strain"  # of metrics.json, and field of the header
SAME_ANGLE = 1e-3  # cosine
SAME_CELL = 1e-4  # [A]
SAME_VOLUME = 1e-3  # relative, of the stored volume and that of the lattice
STRAIGHT = 1e-5  # [ln of a length] by which an axis has to change
LARGEST = 256 * 2**20  # bytes of a file
LONGEST_NAME = 100

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """How a mean frequency answers to the cell.

    Attributes
    ----------
    gamma
        -d ln wbar / d ln V.
    along
        d ln wbar / d ln a of axes that change by themselves, by name; axes that change alike are
        one, under the name of the first. Empty where the states do not tell them apart.
    """

    gamma: float
    along: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class StrainExam:
    """One crystal in several cells.

    Attributes
    ----------
    name
        Of the file, without its ending.
    crystals
        One a state; the first is that which the others are strained from.
    means
        (n,) calculated mean frequencies [cm^-1].
    """

    name: str
    crystals: tuple[Crystal, ...]
    means: Array

    def response(self, means: Sequence[float] | Array) -> Response:
        """Return the response of mean frequencies [cm^-1], one a state."""
        cells = np.array([c.cell for c in self.crystals])
        values = np.log(np.asarray(means, dtype=np.float64))
        volume = np.log(np.abs(np.linalg.det(cells)))
        slope = float(np.polyfit(volume - volume.mean(), values, 1)[0])
        return Response(-slope, _along(np.log(np.linalg.norm(cells, axis=2)), values))


@dataclass(frozen=True)
class ExamResult:
    """What weights made of one exam.

    Attributes
    ----------
    name, formula
        Of the exam and its crystal.
    states
        How many cells the slopes are drawn through.
    dft, predicted
        Responses of the calculation and of the weights.
    """

    name: str
    formula: str
    states: int
    dft: Response
    predicted: Response

    @property
    def error(self) -> float:
        """``|gamma - DFT|``."""
        return abs(self.predicted.gamma - self.dft.gamma)

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON."""
        return {
            "name": self.name,
            "formula": self.formula,
            "states": self.states,
            "gamma_dft": self.dft.gamma,
            "gamma": self.predicted.gamma,
            "dln_wbar_dln_axis_dft": dict(self.dft.along),
            "dln_wbar_dln_axis": dict(self.predicted.along),
        }

    @property
    def text(self) -> str:
        """The result in a line."""
        line = (
            f"{self.name} ({self.formula}, {self.states} cells): gamma = -d ln wbar / d ln V "
            f"{self.predicted.gamma:.2f}, DFT {self.dft.gamma:.2f}"
        )
        return line + "".join(
            f"; d ln wbar / d ln {axis} {self.predicted.along[axis]:.2f}, DFT {value:.2f}"
            for axis, value in self.dft.along.items()
        )


@dataclass(frozen=True)
class StrainJudgement:
    """What weights made of one exam or several."""

    results: tuple[ExamResult, ...]

    @property
    def gamma_mae(self) -> float:
        """Mean ``|gamma - DFT|`` over the exams."""
        return float(np.mean([result.error for result in self.results]))

    def to_dict(self) -> dict[str, Any]:
        """Return what metrics.json holds under ``strain``."""
        return {"gamma_mae": self.gamma_mae, "exams": [r.to_dict() for r in self.results]}

    @property
    def text(self) -> str:
        """The results, a line an exam and one for all."""
        names = ", ".join(result.name for result in self.results)
        mean = f"mean |gamma - DFT| {self.gamma_mae:.2f} ({names})"
        return "\n".join([*(result.text for result in self.results), mean])

    def score(self, members: int) -> StrainScore:
        """Return what the header of a weight file keeps; `members` were judged together."""
        exams = tuple(
            ExamScore(
                name=r.name, formula=r.formula, states=r.states, members=members,
                gamma_dft=round(r.dft.gamma, 3), gamma=round(r.predicted.gamma, 3),
            )
            for r in self.results
        )  # fmt: skip
        return StrainScore(gamma_mae=round(self.gamma_mae, 3), exams=exams)


def judge_strain(predictor: AnyPredictor, files: Sequence[Path]) -> StrainJudgement:
    """Judge weights on the exams in `files`.

    Raises
    ------
    ConfigError
        If there is no file, or one is named twice.
    DataError
        As `read_exam`.
    PredictionError
        If there is no spectrum for a state.
    """
    if not files or len({Path(f).resolve() for f in files}) < len(files):
        raise ConfigError(
            f"{len(files)} strain files" if not files else "a strain file is named twice",
            "the mean over exams counts each once",
            "write for example --strain-file zno.json",
        )
    exams = [read_exam(Path(file)) for file in files]
    return StrainJudgement(tuple(_sat(predictor, exam) for exam in exams))


def _sat(predictor: AnyPredictor, exam: StrainExam) -> ExamResult:
    found = [p.dos.mean_frequency for p in predictor.predict_many(exam.crystals)]
    first = exam.crystals[0]
    return ExamResult(
        exam.name, first.formula, len(found), exam.response(exam.means), exam.response(found)
    )


def keep_judgement(path: Path, files: Sequence[Path]) -> StrainJudgement:
    """Judge all members of a weight file and keep the result in its header.

    Tensors stay to the bit; a file that holds this result already stays as it is.

    Raises
    ------
    ConfigError, DataError, PredictionError
        As `judge_strain`.
    WeightsError
        If the weight file is unreadable or damaged.
    """
    predictor = load(path)
    judged = judge_strain(predictor, files)
    score = judged.score(len(predictor.networks))
    add_to_header(path, {SECTION: score.model_dump(mode="json")})
    return judged


def read_exam(path: Path) -> StrainExam:
    """Return the exam in a file: the states whose cells keep the angles of the first.

    Raises
    ------
    DataError
        If the file cannot be read or is not of that form, a state lacks something or holds what is
        no number, or the states have fewer than two volumes.
    """
    record = _record(path)
    states = record.get("states")
    if not isinstance(states, list) or not all(isinstance(state, dict) for state in states):
        raise _wrong(path, "it has no list 'states' of objects")
    kept: list[tuple[Crystal, float]] = []
    for number, state in enumerate(states, 1):
        crystal, mean = _state(path, f"state {number}", state)
        if kept and not _same_atoms(kept[0][0], crystal):
            raise _wrong(path, f"state {number} is not of the same atoms as the first")
        if kept and np.abs(_cosines(crystal) - _cosines(kept[0][0])).max() > SAME_ANGLE:
            continue
        if all(np.abs(crystal.cell - other.cell).max() > SAME_CELL for other, _ in kept):
            kept.append((crystal, mean))
    volumes = np.log([crystal.volume for crystal, _ in kept]) if kept else np.zeros(0)
    if len(volumes) < 2 or np.ptp(volumes) < 3.0 * STRAIGHT:
        raise _wrong(
            path,
            f"{len(states)} states hold {len(kept)} cells of the angles of the first, "
            "and a slope needs two volumes",
        )
    return StrainExam(
        path.stem[:LONGEST_NAME], tuple(c for c, _ in kept), np.array([w for _, w in kept])
    )


def _record(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise _wrong(path, f"it is larger than {LARGEST // 2**20} MiB")
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read", error.strerror or str(error), "check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"it is no JSON ({str(error)[:200]})") from error
    if not isinstance(found, dict):
        raise _wrong(path, f"a JSON object is expected, not a {type(found).__name__}")
    return found


def _state(path: Path, who: str, state: Mapping[str, Any]) -> tuple[Crystal, float]:
    lattice = _numbers(path, who, state, "lattice", (3, 3))
    coords = _numbers(path, who, state, "frac_coords", (-1, 3))
    numbers = _numbers(path, who, state, "numbers", (-1,))
    volume = float(_numbers(path, who, state, "volume", ()))
    mean = float(_numbers(path, who, state, "mean_frequency", ()))
    elements = symbols()
    if len(numbers) != len(coords) or not all(
        n == int(n) and 1 <= n <= len(elements) for n in numbers
    ):
        raise _wrong(path, f"{who}: 'numbers' are not the atomic number of every atom")
    if not mean > 0.0:
        raise _wrong(path, f"{who}: a mean frequency of {mean:g} cm^-1")
    try:
        crystal = Crystal.ordered(lattice, coords, [elements[int(n) - 1] for n in numbers])
    except PhonodosError as error:
        raise _wrong(path, f"{who}: {error.summary}: {error.reason}") from error
    if abs(volume - crystal.volume) > SAME_VOLUME * crystal.volume:
        raise _wrong(
            path, f"{who}: 'volume' is {volume:g} A^3, that of 'lattice' {crystal.volume:g} A^3"
        )
    return crystal, mean


def _numbers(
    path: Path, who: str, state: Mapping[str, Any], key: str, shape: tuple[int, ...]
) -> Array:
    if key not in state:
        raise _wrong(path, f"{who} has no '{key}'")
    try:
        plain = np.array(state[key])
    except ValueError as error:
        raise _wrong(path, f"{who}: the rows of '{key}' are not equally long") from error
    fits = plain.ndim == len(shape) and all(
        n == wanted or (wanted == -1 and n > 0)
        for n, wanted in zip(plain.shape, shape, strict=True)
    )
    if plain.dtype.kind not in "iuf" or not fits or not np.isfinite(plain).all():
        words = "x".join("n" if n == -1 else str(n) for n in shape) or "one"
        raise _wrong(path, f"{who}: '{key}' is not {words} finite numbers")
    return np.asarray(plain, dtype=np.float64)


def _wrong(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} is no exam on strain",
        reason,
        "give a JSON object with 'states', a list of objects with lattice [A], frac_coords, "
        "numbers, volume [A^3] and mean_frequency [cm^-1]",
    )


def _same_atoms(first: Crystal, other: Crystal) -> bool:
    return first.symbols == other.symbols


def _cosines(crystal: Crystal) -> Array:
    unit = crystal.cell / np.linalg.norm(crystal.cell, axis=1)[:, None]
    return np.asarray((unit @ unit.T)[np.triu_indices(3, 1)])


def _along(lengths: Array, values: Array) -> dict[str, float]:
    """Return d ln wbar / d ln of every axis that changes by itself, from (n, 3) ln of lengths."""
    away = lengths - lengths.mean(axis=0)
    axes: dict[str, Array] = {}
    for name, column in zip("abc", away.T, strict=True):
        if all(np.abs(column - other).max() > STRAIGHT for other in axes.values()):
            axes[name] = column
    if len(axes) < 2:
        return {}
    table = np.stack(list(axes.values()), axis=1)
    changing = np.ptp(table, axis=0) > STRAIGHT
    sizes = np.linalg.svd(table, compute_uv=False)
    if not changing.all() or len(values) <= len(axes) or sizes[-1] < 1e-2 * sizes[0]:
        return {}
    slopes = np.linalg.lstsq(table, values - values.mean(), rcond=None)[0]
    return {name: float(slope) for name, slope in zip(axes, slopes, strict=True)}
