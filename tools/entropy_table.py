"""Write the standard entropies of textbook crystals into the README.

    python tools/entropy_table.py [WEIGHTS] [--members N]

Crystals stand in their textbook cells at room temperature. Beside the predictions stand measured
standard entropies at 298.15 K: of NaCl that of NIST-JANAF (table Cl-053), of rutile CODATA's, of
the others commonly quoted values of such tables, which were not traced.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonodos.evaluation.measures import markdown_table
from phonodos.files import write_text
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import AnyPredictor, load

PAGE = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- entropies:begin -->", "<!-- entropies:end -->"
STANDARD_TEMPERATURE = 298.15  # [K]

FACES = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
RHOMBOHEDRAL = np.array([[2.0, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3  # of hexagonal vectors
ROCK_SALT, ZINCBLENDE = (0.0, 0.5), (0.0, 0.25)
FLUORITE = (0.0, 0.25, 0.75)


def _hexagonal(a: float, c: float) -> np.ndarray:
    return np.array([[a, 0.0, 0.0], [-a / 2, a * np.sqrt(0.75), 0.0], [0.0, 0.0, c]])


def _cubic(a: float, symbols: str, diagonal: Sequence[float]) -> Crystal:
    """Return a face-centred crystal with atoms on the space diagonal of the cube."""
    coords = np.outer(diagonal, np.ones(3)) @ np.linalg.inv(FACES)
    return Crystal.ordered(a * FACES, coords, symbols.split())


def _corundum(a: float, c: float, z: float, x: float) -> Crystal:
    cell = RHOMBOHEDRAL @ _hexagonal(a, c)
    metals = [[0.0, 0.0, s] for s in (z, 0.5 - z, -z, 0.5 + z)]
    oxygens = [
        [x, 0, 0.25],
        [0, x, 0.25],
        [-x, -x, 0.25],
        [-x, 0, 0.75],
        [0, -x, 0.75],
        [x, x, 0.75],
    ]
    coords = np.array(metals + oxygens) @ np.linalg.inv(RHOMBOHEDRAL)
    return Crystal.ordered(cell, coords, ["Al"] * 4 + ["O"] * 6)


def _quartz(a: float, c: float, u: float, x: float, y: float, z: float) -> Crystal:
    """Return alpha quartz in P3_2 21: silicon on 3a (u, 0, 2/3), oxygen on 6c."""
    t = 1 / 3
    silicon = [[u, 0, 2 * t], [0, u, t], [-u, -u, 0]]
    oxygen = [
        [x, y, z], [-y, x - y, z + 2 * t], [y - x, -x, z + t],
        [y, x, -z], [x - y, -y, t - z], [-x, y - x, 2 * t - z],
    ]  # fmt: skip
    return Crystal.ordered(_hexagonal(a, c), silicon + oxygen, ["Si"] * 3 + ["O"] * 6)


def _rutile(a: float, c: float, u: float) -> Crystal:
    titanium, half = [[0.0, 0, 0], [0.5, 0.5, 0.5]], 0.5
    oxygen = [[u, u, 0], [-u, -u, 0], [half + u, half - u, half], [half - u, half + u, half]]
    return Crystal.ordered(np.diag([a, a, c]), titanium + oxygen, ["Ti"] * 2 + ["O"] * 4)


def _wurtzite(a: float, c: float, u: float) -> Crystal:
    places = [[1 / 3, 2 / 3, z] for z in (0.0, u)] + [[2 / 3, 1 / 3, 0.5 + z] for z in (0.0, u)]
    return Crystal.ordered(_hexagonal(a, c), places, ["Zn", "O", "Zn", "O"])


@dataclass(frozen=True)
class Entry:
    """A textbook cell, and the measured entropy [J/(K mol of formula units)] at 298.15 K."""

    crystal: Crystal
    measured: float


ENTRIES: Mapping[str, Entry] = {
    "NaCl": Entry(_cubic(5.640, "Na Cl", ROCK_SALT), 72.1),
    "KBr": Entry(_cubic(6.600, "K Br", ROCK_SALT), 95.9),
    "LiF": Entry(_cubic(4.027, "Li F", ROCK_SALT), 35.7),
    "MgO": Entry(_cubic(4.211, "Mg O", ROCK_SALT), 26.9),
    "CaF2": Entry(_cubic(5.463, "Ca F F", FLUORITE), 68.9),
    "Al2O3": Entry(_corundum(4.759, 12.991, 0.3523, 0.3064), 50.9),
    "quartz": Entry(_quartz(4.913, 5.405, 0.4697, 0.4135, 0.2669, 0.7858), 41.5),
    "rutile": Entry(_rutile(4.594, 2.959, 0.3053), 50.6),
    "ZnO": Entry(_wurtzite(3.250, 5.207, 0.382), 43.7),
    "GaAs": Entry(_cubic(5.653, "Ga As", ZINCBLENDE), 64.2),
    "Si": Entry(_cubic(5.431, "Si Si", ZINCBLENDE), 18.8),
    "diamond": Entry(_cubic(3.567, "C C", ZINCBLENDE), 2.38),
}


def entropy(name: str, predictor: AnyPredictor) -> str:
    """Return the predicted entropy of a crystal of `ENTRIES`, with the digits of the measured."""
    entry = ENTRIES[name]
    (found,) = predictor.predict_many([entry.crystal])
    thermal = found.thermal_properties(STANDARD_TEMPERATURE).per("formula", entry.crystal)
    return f"{thermal.entropy[0]:.{_digits(entry.measured)}f}"


def _digits(value: float) -> int:
    return 2 if value < 10.0 else 1


def table(predictor: AnyPredictor) -> str:
    """Return the table of the README: a column a crystal."""
    measured = [f"{entry.measured:.{_digits(entry.measured)}f}" for entry in ENTRIES.values()]
    predicted = [entropy(name, predictor) for name in ENTRIES]
    head = ("S(298.15 K) [J/(K mol)]", *ENTRIES)
    return markdown_table(head, [["predicted", *predicted], ["measured", *measured]])


def with_table(text: str, content: str) -> str:
    """Return the page with its table between the marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="?", default=None)
    parser.add_argument("--members", type=int, default=None)
    words = parser.parse_args()
    content = table(load(words.weights, members=words.members))
    write_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), content))
    print(content)


if __name__ == "__main__":
    main()
