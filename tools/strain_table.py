"""Write the table of Grueneisen parameters over structure types into docs/strain.md.

    python tools/strain_table.py [WEIGHTS] [--members N]

Crystals stand in their textbook lattices at room temperature. Beside the predictions stand commonly
quoted values of the thermal Grueneisen parameter, which were not traced to a source.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonodos.evaluation.measures import UNDEFINED, markdown_table
from phonodos.files import write_text
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import AnyPredictor, load
from phonodos.studies.mode_gruneisen import ModeGruneisen
from phonodos.studies.strain import strain

PAGE = Path(__file__).parents[1] / "docs" / "strain.md"
BEGIN, END = "<!-- gammas:begin -->", "<!-- gammas:end -->"
STRAINS = (-0.01, 0.0, 0.01)
HEAD = (
    "crystal", "structure type", "mean frequency", "modes, average", "modes, 300 K",
    "quoted, thermal", "lowest branch at X", "at L",
)  # fmt: skip
FACES = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def _cubic(
    symbols: str, *coords: tuple[float, float, float], primitive: bool = True
) -> Callable[[float], Crystal]:
    """Return a function of the lattice constant [A] that gives a cubic crystal."""
    cell = FACES if primitive else np.eye(3)
    inverse = np.linalg.inv(cell)
    return lambda a: Crystal.ordered(a * cell, np.array(coords) @ inverse, symbols.split())


ORIGIN, QUARTER, HALF = (0.0, 0.0, 0.0), (0.25, 0.25, 0.25), (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Entry:
    """A crystal of the table, its structure type, and the quoted value if there is one."""

    crystal: Crystal
    structure: str
    quoted: float | None


def _wurtzite(a: float, c: float, u: float) -> Crystal:
    cell = np.array([[a, 0.0, 0.0], [-a / 2, a * np.sqrt(0.75), 0.0], [0.0, 0.0, c]])
    places = [[1 / 3, 2 / 3, z] for z in (0.0, u)] + [[2 / 3, 1 / 3, 0.5 + z] for z in (0.0, u)]
    return Crystal.ordered(cell, places, ["Zn", "O", "Zn", "O"])


ENTRIES: Mapping[str, Entry] = {
    "NaCl": Entry(_cubic("Na Cl", ORIGIN, HALF)(5.640), "rock salt", 1.6),
    "MgO": Entry(_cubic("Mg O", ORIGIN, HALF)(4.211), "rock salt", 1.5),
    "CaF2": Entry(
        _cubic("Ca F F", ORIGIN, QUARTER, (0.75, 0.75, 0.75))(5.463), "fluorite", 1.9
    ),
    "SrTiO3": Entry(
        _cubic(
            "Sr Ti O O O", ORIGIN, HALF, (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5),
            primitive=False,
        )(3.905),
        "perovskite",
        None,
    ),
    "ZnO": Entry(_wurtzite(3.250, 5.207, 0.382), "wurtzite", None),
    "ZnS": Entry(_cubic("Zn S", ORIGIN, QUARTER)(5.409), "zincblende", 0.75),
    "GaAs": Entry(_cubic("Ga As", ORIGIN, QUARTER)(5.653), "zincblende", 0.7),
    "Si": Entry(_cubic("Si Si", ORIGIN, QUARTER)(5.431), "diamond", 0.45),
}  # fmt: skip


def row(name: str, predictor: AnyPredictor) -> list[str]:
    """Return the row of a crystal of `ENTRIES`, in the order of `HEAD`."""
    entry = ENTRIES[name]
    study = strain(entry.crystal, STRAINS, model=predictor, by_mode=True)
    modes = study.modes
    assert modes is not None
    return [
        name,
        entry.structure,
        f"{study.gruneisen.mean_frequency:.2f}",
        f"{modes.mode_average:.2f}",
        f"{modes.thermal:.2f}",
        UNDEFINED if entry.quoted is None else f"{entry.quoted:g}",
        lowest(modes, "X"),
        lowest(modes, "L"),
    ]


def lowest(modes: ModeGruneisen, label: str) -> str:
    """Return gamma of the lowest branch at a special point; a dash where there is none."""
    for point in modes.points:
        if point.label == label and np.isfinite(point.gammas[0]):
            return f"{point.gammas[0]:+.2f}"
    return UNDEFINED


def with_table(text: str, rows: Sequence[Sequence[str]]) -> str:
    """Return the page with its table between the marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{markdown_table(HEAD, rows, words=2)}\n\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="?", default=None)
    parser.add_argument("--members", type=int, default=None)
    words = parser.parse_args()
    predictor = load(words.weights, members=words.members)
    rows = [row(name, predictor) for name in ENTRIES]
    write_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), rows))
    print(markdown_table(HEAD, rows, words=2))


if __name__ == "__main__":
    main()
