"""`Split`: which records train, which choose, which judge."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import ConfigError, DataError
from phonodos.files import refused, write_text

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Ids of every part; parts are disjoint and none is empty.

    Raises
    ------
    DataError
        If a part is missing or empty, or an id occurs twice.
    """

    parts: Mapping[str, tuple[str, ...]]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        absent = [name for name in PARTS if not self.parts.get(name)]
        if absent:
            raise DataError(
                f"the split has no {' and no '.join(absent)} part",
                "every split needs ids under train, valid and test",
                "add the missing list, or make a split with phonodos data split",
            )
        owner: dict[str, str] = {}
        for part, ids in self.parts.items():
            for name in ids:
                if name in owner:
                    raise DataError(
                        f"{name} occurs twice in the split",
                        f"it is listed under {owner[name]} and under {part}",
                        "a record may belong to one part only, once",
                    )
                owner[name] = part

    @classmethod
    def read(cls, path: str | Path) -> "Split":
        """Return the split in a JSON file; lists of ids by part, anything else is metadata.

        Raises
        ------
        DataError
            If the file is missing or no such JSON, or the split is invalid.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            parts = {name: tuple(map(str, values[name])) for name in PARTS if name in values}
            rest = {k: v for k, v in values.items() if k not in PARTS}
        except FileNotFoundError as err:
            raise DataError(
                f"no split file {path}",
                "the file does not exist",
                "check the path, or make one with phonodos data split",
            ) from err
        except OSError as err:
            raise DataError(
                f"{path} cannot be read", err.strerror or str(err), "check the path"
            ) from err
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as err:
            raise DataError(
                f"{path} is not a split",
                f"a JSON object with lists train, valid and test is expected ({err})",
                "make one with phonodos data split",
            ) from err
        return cls(parts, rest)

    def write(self, path: str | Path) -> None:
        """Write the split as JSON, atomically; raises `DataError` if the disk refuses."""
        target = Path(path)
        values = {**self.metadata, **{name: list(ids) for name, ids in self.parts.items()}}
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise refused(target, err) from err
        write_text(target, json.dumps(values, indent=1))


def random_split(
    ids: Sequence[str], formulas: Sequence[str], *, valid: float, test: float, seed: int
) -> Split:
    """Return a random split in which no formula occurs in two parts.

    Polymorphs stay together, so that a model is not judged on what it was taught. `valid` and
    `test` are shares of the records; whole formulas are drawn until each share is reached.

    Raises
    ------
    ConfigError
        If the shares are no shares or leave nothing to train on.
    DataError
        If there are too few formulas for three parts.
    """
    if not (valid > 0.0 and test > 0.0 and valid + test < 1.0):
        raise ConfigError(
            f"shares {valid:g} for valid and {test:g} for test leave a part empty",
            "both must be positive and their sum below 1",
            "for example --valid 0.1 --test 0.1",
        )
    groups: dict[str, list[str]] = {}
    for name, formula in zip(ids, formulas, strict=True):
        groups.setdefault(formula, []).append(name)
    order = np.random.default_rng(seed).permutation(sorted(groups))
    parts: dict[str, list[str]] = {"test": [], "valid": [], "train": []}
    wanted = {"test": test * len(ids), "valid": valid * len(ids), "train": float("inf")}
    for formula in order:
        part = next(p for p in parts if len(parts[p]) < wanted[p])
        parts[part] += groups[formula]
    if not parts["train"] or not parts["valid"]:
        raise DataError(
            f"{len(groups)} formulas are too few for three parts",
            "records of one formula stay together, and nothing was left to train on",
            "use smaller shares or a larger data set",
        )
    metadata = {"made_by": "phonodos data split", "seed": seed, "grouped_by": "formula"}
    return Split({name: tuple(parts[name]) for name in PARTS}, metadata)


def shared_formulas(train: Iterable[str], judged: Iterable[str]) -> list[str]:
    """Return the formulas that occur in both, sorted: they must not where sets are mixed."""
    return sorted(set(train) & set(judged))
