"""Write TO and LO frequencies of polar crystals beside measured ones into docs/observables.md.

    python tools/polar_modes_table.py [WEIGHTS] [--members N]

Crystals stand in their textbook cells at room temperature. Beside the predictions stand commonly
quoted values of infrared and Raman spectroscopy, rounded, which were not traced to a source.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from entropy_table import ENTRIES, FACES
from phonodos.evaluation.measures import markdown_table
from phonodos.files import write_text
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import AnyPredictor, load
from phonodos.studies.modes import ModeStudy, modes

PAGE = Path(__file__).parents[1] / "docs" / "observables.md"
BEGIN, END = "<!-- polar:begin -->", "<!-- polar:end -->"
HEAD = ("crystal", "mode", "TO predicted", "TO quoted", "LO predicted", "LO quoted")


@dataclass(frozen=True)
class PolarMode:
    """A crystal, the irrep and the axis of its polar mode, and quoted TO and LO [cm^-1]."""

    crystal: Crystal
    irrep: str
    axis: str
    transverse: float
    longitudinal: float


def _zincblende(a: float, symbols: str) -> Crystal:
    coords = np.outer((0.0, 0.25), np.ones(3)) @ np.linalg.inv(FACES)
    return Crystal.ordered(a * FACES, coords, symbols.split())


MODES: Sequence[tuple[str, PolarMode]] = (
    ("NaCl", PolarMode(ENTRIES["NaCl"].crystal, "T1u", "a", 164.0, 264.0)),
    ("MgO", PolarMode(ENTRIES["MgO"].crystal, "T1u", "a", 401.0, 719.0)),
    ("GaAs", PolarMode(ENTRIES["GaAs"].crystal, "T2", "a", 268.0, 292.0)),
    ("3C-SiC", PolarMode(_zincblende(4.360, "Si C"), "T2", "a", 796.0, 972.0)),
    ("ZnO", PolarMode(ENTRIES["ZnO"].crystal, "A1", "c", 378.0, 574.0)),
    ("ZnO", PolarMode(ENTRIES["ZnO"].crystal, "E1", "a", 410.0, 588.0)),
    ("quartz", PolarMode(ENTRIES["quartz"].crystal, "A2", "c", 364.0, 388.0)),
    ("quartz", PolarMode(ENTRIES["quartz"].crystal, "A2", "c", 495.0, 547.0)),
    ("quartz", PolarMode(ENTRIES["quartz"].crystal, "A2", "c", 778.0, 791.0)),
    ("quartz", PolarMode(ENTRIES["quartz"].crystal, "A2", "c", 1080.0, 1229.0)),
)


def rows(predictor: AnyPredictor) -> Iterator[list[str]]:
    """Yield the rows of the table, in the order of `HEAD`."""
    studies = {name: modes(mode.crystal, model=predictor) for name, mode in MODES}
    place: dict[tuple[str, str], int] = {}
    for name, mode in MODES:
        k = place.setdefault((name, mode.irrep), 0)
        place[name, mode.irrep] += 1
        transverse, longitudinal = pairs(studies[name], mode.irrep, mode.axis)[k]
        yield [
            name, mode.irrep, f"{transverse:.0f}", f"{mode.transverse:.0f}",
            f"{longitudinal:.0f}", f"{mode.longitudinal:.0f}",
        ]  # fmt: skip


def pairs(study: ModeStudy, irrep: str, axis: str) -> list[tuple[float, float]]:
    """Return TO and LO [cm^-1] of every infrared set of an irrep, LO of waves along an axis.

    Between a TO and the next of the same irrep lies one LO each: they are paired by rank.
    """
    transverse = sorted(s.frequency for s in study.sets if s.infrared and s.irrep == irrep)
    return list(zip(transverse, sorted(study.longitudinal[axis]), strict=True))


def with_table(text: str, content: str) -> str:
    """Return the page with its table between the marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="?", default=None)
    parser.add_argument("--members", type=int, default=None)
    words = parser.parse_args()
    content = markdown_table(HEAD, list(rows(load(words.weights, members=words.members))), words=2)
    write_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), content))
    print(content)


if __name__ == "__main__":
    main()
