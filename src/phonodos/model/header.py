"""`WeightHeader`: what a weight file says of itself, checked once when it is read."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from phonodos.errors import WeightsError
from phonodos.model.bond_lengths import TrainingLengths

# 1 has neither tensors in 8 bits nor networks of several copies, 2 no multipoles in the pair head.
FORMAT_VERSION = 3
HEADER_KEY = "phonodos"
REQUIRED_KEYS = ("format_version", "name", "network", "target", "split", "training", "reference")
MOST_MEMBERS = 1000
FROM_ELSEWHERE = "the file was written by something else or edited"

Count = Annotated[int, Field(strict=True, ge=0, le=10**9)]
Answers = list[list[FiniteFloat]]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Checksum(BaseModel):
    """SHA-256 of a weight file's two parts, as hexadecimal digits.

    Attributes
    ----------
    tensors
        Of all tensors in the order of their names: name, type, shape and bytes of each.
    header
        Of the header without its checksum, as JSON with sorted keys and without spaces.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    tensors: Sha256
    header: Sha256


class CalibrationEntry(BaseModel):
    """What turns the spread of members into a half width (`prediction.uncertainty`)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    factor: Annotated[FiniteFloat, Field(ge=0)]
    floor: Annotated[FiniteFloat, Field(ge=0)]
    materials: Count


class ExamScore(BaseModel):
    """gamma = -d ln wbar / d ln V of one exam on strain, by `members` together and by DFT."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    formula: Annotated[str, Field(max_length=200)] = ""
    states: Count = 0
    members: Count = 1
    gamma_dft: FiniteFloat
    gamma: FiniteFloat


class StrainScore(BaseModel):
    """What weights were judged on under strain: mean ``|gamma - DFT|`` over exams, and each."""

    model_config = ConfigDict(extra="allow", frozen=True)

    gamma_mae: Annotated[FiniteFloat, Field(ge=0)]
    exams: Annotated[tuple[ExamScore, ...], Field(min_length=1)]


class StabilityEntry(BaseModel):
    """What turns the lowest frequency into a probability (`prediction.stability`).

    Attributes
    ----------
    intercept, slope
        a and b [1/cm^-1] of the logistic function.
    lowest_from, lowest_to
        Between which lowest frequencies [cm^-1] it changes.
    unstable_above, stable_below
        Probabilities beyond which a verdict is spoken.
    materials, unstable_materials
        How many it was fitted on, and how many of them are unstable.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    intercept: FiniteFloat
    slope: Annotated[FiniteFloat, Field(le=0)]
    lowest_from: FiniteFloat
    lowest_to: FiniteFloat
    unstable_above: Annotated[FiniteFloat, Field(ge=0, le=1)]
    stable_below: Annotated[FiniteFloat, Field(ge=0, le=1)]
    materials: Count
    unstable_materials: Count


class WeightHeader(BaseModel):
    """What a weight file says of itself.

    Keys of older and newer versions of phonodos that are not fields here are kept as they are.

    Attributes
    ----------
    format_version, name, description
        Of the file's format; name of the weights; what they are, in words.
    network
        Kind and hyperparameters.
    target, split, more_splits
        Recipe of the 51 points; ids of every part of the first and of further data sets, whose
        `parts` names those trained on. Of an ensemble, ``train`` is what any member was trained on.
    training, metrics, versions
        Settings, data and curves; scores by part; versions of the packages that wrote the file.
    training_elements, training_bonds, training_formulas
        Crystals of training with an element or a kind of bond; their formulas.
    predicted_formulas, earlier_formulas
        Of crystals that were taught by predictions of other weights, not by calculations; of those
        that only the weights were taught which training began from.
    training_lengths
        How close atoms come in training and how far they stand apart; None in files of 0.1.
    members
        How many networks the file holds; None for a single one whose tensors have no number.
    calibration
        By number of members and quantity.
    strain
        How they did in exams on strain; None where they sat none.
    stability
        By number of members; empty in files of 0.1.
    reference, references
        Answers of the first network on the reference crystals; those of all of them.
    checksum
        None in files of release 0.1.
    formerly
        SHA-256 of earlier files with the same tensors, network and calibration.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    format_version: Annotated[int, Field(strict=True, ge=1)] = 1
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str | None = None
    network: dict[str, Any] = {}
    target: dict[str, Any] = {}
    split: dict[str, tuple[str, ...]] = {}
    more_splits: tuple[dict[str, tuple[str, ...]], ...] = ()
    training: dict[str, Any] = {}
    metrics: dict[str, dict[str, Any]] = {}
    versions: dict[str, str] = {}
    training_elements: dict[str, Count] = {}
    training_bonds: dict[str, Count] = {}
    training_formulas: tuple[str, ...] = ()
    predicted_formulas: tuple[str, ...] = ()
    earlier_formulas: tuple[str, ...] = ()
    training_lengths: TrainingLengths | None = None
    members: Annotated[int, Field(strict=True, ge=1, le=MOST_MEMBERS)] | None = None
    calibration: dict[str, dict[str, CalibrationEntry]] = {}
    strain: StrainScore | None = None
    stability: dict[str, StabilityEntry] = {}
    reference: Answers = []
    references: tuple[Answers, ...] = ()
    checksum: Checksum | None = None
    formerly: tuple[Sha256, ...] = ()

    @classmethod
    def of(cls, header: "WeightHeader | Mapping[str, Any]") -> "WeightHeader":
        """Return a header as it is, or that of a mapping with some of its keys."""
        return header if isinstance(header, cls) else checked(dict(header), "the header")

    def to_dict(self) -> dict[str, Any]:
        """Return the header as it stands in the file."""
        return self.model_dump(mode="json", exclude_unset=True)

    def __getitem__(self, key: str) -> Any:
        """Return a value as it stands in the file; raises `KeyError` if it does not."""
        return self.to_dict()[key]

    def keys(self) -> list[str]:
        """Return the keys that stand in the file: ``{**header}`` is the header as a dict."""
        return list(self.to_dict())

    @property
    def held(self) -> int:
        """How many networks the file holds."""
        return self.members or 1

    @property
    def kind(self) -> str:
        """Kind of the network; empty where the header names none."""
        found = self.network.get("kind")
        return found if isinstance(found, str) else ""

    @property
    def taught_formulas(self) -> frozenset[str]:
        """Formulas of all that was ever taught, by calculations or by predictions."""
        return frozenset(
            (*self.training_formulas, *self.predicted_formulas, *self.earlier_formulas)
        )

    @property
    def trained_ids(self) -> frozenset[str]:
        """Ids of what any member was trained on, in all data sets."""
        return trained_ids([self.split, *self.more_splits])

    def prefix(self, number: int) -> str:
        """Return what the names of the tensors of member `number`, from 0, begin with."""
        return "" if self.members is None else f"{number}."

    def answers(self, number: int) -> Answers | None:
        """Return the reference answers of member `number`, from 0; None where none are kept."""
        if self.references:
            return self.references[number] if number < len(self.references) else None
        return self.reference if number == 0 else None


def trained_ids(splits: Iterable[Mapping[str, Sequence[str]]]) -> frozenset[str]:
    """Return the ids that were trained on: those of the parts in `parts`, else of train."""
    return frozenset(
        name
        for ids in splits
        for part in ids.get("parts", ("train",))
        for name in ids.get(part, ())
    )


def judged_ids(splits: Iterable[Mapping[str, Sequence[str]]]) -> frozenset[str]:
    """Return the ids in valid and test, where these are not among the parts trained on."""
    return frozenset(
        name
        for ids in splits
        for part in ("valid", "test")
        if part not in ids.get("parts", ())
        for name in ids.get(part, ())
    )


def parse_header(text: str, source: str) -> tuple[WeightHeader, str]:
    """Return the header in a JSON text, and the digest that its checksum should hold.

    Raises
    ------
    WeightsError
        If it is no JSON object without repeated keys, of a newer format, or a key is missing or
        has a value that it cannot have.
    """
    try:
        header = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as err:
        raise WeightsError(
            f"{source} holds no phonodos header",
            f"the JSON text in it cannot be read ({str(err)[:200]})",
            "use weights written by phonodos train or phonodos models",
        ) from err
    if not isinstance(header, dict):
        raise WeightsError(
            f"{source} holds no phonodos header",
            f"a JSON object is expected, not a {type(header).__name__}",
            "use weights written by phonodos train or phonodos models",
        )
    version = header.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise WeightsError(
            f"{source} is of a newer format ({str(version)[:40]})",
            f"this version of phonodos reads formats up to {FORMAT_VERSION}",
            "pip install --upgrade phonodos",
        )
    if missing := [key for key in REQUIRED_KEYS if key not in header]:
        raise WeightsError(
            f"{source}: the header lacks {', '.join(missing)}",
            FROM_ELSEWHERE,
            "use weights written by phonodos train",
        )
    return checked(header, source), header_digest(header)


def checked(header: dict[str, Any], source: str) -> WeightHeader:
    """Return the header of a mapping; raises `WeightsError` as `parse_header` does."""
    try:
        found = WeightHeader.model_validate(header)
    except ValidationError as err:
        problem = err.errors()[0]
        where = ".".join(str(part)[:60] for part in problem["loc"])
        raise WeightsError(
            f"{source}: the header is invalid at '{where}'",
            f"{problem['msg']}; {FROM_ELSEWHERE}",
            "use weights written by phonodos train or phonodos models",
        ) from err
    if found.references and len(found.references) != found.held:
        raise WeightsError(
            f"{source}: the header is invalid at 'references'",
            f"it has answers of {len(found.references)} members and holds {found.held}",
            "use weights written by phonodos train or phonodos models",
        )
    return found


def header_digest(header: dict[str, Any]) -> str:
    """Return the SHA-256 of a header without its checksum, independent of the order of keys."""
    kept = {key: value for key, value in header.items() if key != "checksum"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found
