"""Metals and a metallic nitride, predicted as metals, beside quoted cut-offs: docs/metals.md.

    python benchmarks/metals.py
    python benchmarks/metals.py Al Nb --model lattice --members 1

Structures are textbook cells at room temperature. Prints the table of the page: the largest
frequency, with the standard deviation of the members and, last, with the charges kept.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import phonodos
from phonodos.physics.crystal import Crystal
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.prediction.predictor import Predictor

PRIMITIVE = {  # lattice vectors of cubic lattices with a = 1
    "fcc": np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "bcc": np.array([[-1.0, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
}
PRIMITIVE["rocksalt"] = PRIMITIVE["fcc"]


@dataclass(frozen=True)
class Metal:
    """A textbook cell, and the largest frequency that is quoted as measured [THz], not traced."""

    lattice: str
    a: float  # [A]
    cut_off: float  # [THz]


METALS = {
    "Al": Metal("fcc", 4.05, 9.7), "Cu": Metal("fcc", 3.61, 7.3), "Ag": Metal("fcc", 4.09, 5.0),
    "Pb": Metal("fcc", 4.95, 2.2), "Nb": Metal("bcc", 3.30, 6.6), "W": Metal("bcc", 3.16, 6.9),
    "Fe": Metal("bcc", 2.87, 9.3), "TiN": Metal("rocksalt", 4.24, 19.0),
}  # fmt: skip
HEAD = "| crystal | lattice, a [A] | predicted [cm^-1] | [THz] | quoted [cm^-1] | [THz] | predicted / quoted | charges kept [cm^-1] |"  # noqa: E501
RULE = "|---|---|---:|---:|---:|---:|---:|---:|"


def crystal_of(name: str) -> Crystal:
    """Return the primitive cell of one of the metals."""
    metal = METALS[name]
    sites = [[0.0] * 3, [0.5] * 3] if metal.lattice == "rocksalt" else [[0.0] * 3]
    symbols = ["Ti", "N"] if name == "TiN" else [name]
    return Crystal.ordered(metal.a * PRIMITIVE[metal.lattice], sites, symbols, name)


def line(name: str, screened: Predictor, charged: Predictor) -> str:
    """Return the row of one metal."""
    metal, crystal = METALS[name], crystal_of(name)
    found = next(screened.predict_many([crystal]))
    kept = next(charged.predict_many([crystal]))
    w, spread = found.max_frequency, found.max_frequency_spread
    given = metal.cut_off / THZ_PER_WAVENUMBER
    shown = f"{w:.0f}" + ("" if spread is None else f" +- {spread:.0f}")
    cells = (
        name, f"{metal.lattice}, {metal.a:.2f}", shown, f"{w * THZ_PER_WAVENUMBER:.1f}",
        f"{given:.0f}", f"{metal.cut_off:.1f}", f"{w / given:.2f}", f"{kept.max_frequency:.0f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("metals", nargs="*", help="names; all")
    parser.add_argument("--model", default=None, help="released name or path of weights")
    parser.add_argument("--members", type=int, default=None, help="of an ensemble; all")
    options = parser.parse_args(words)
    both = [phonodos.load(options.model, members=options.members, metal=m) for m in (True, False)]
    print("\n".join([HEAD, RULE]))
    for name in options.metals or METALS:
        print(line(name, *both))


if __name__ == "__main__":
    main()
