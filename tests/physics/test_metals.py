"""Families of likely metals, by composition."""

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.metals import metallic_family


def of(*species: str) -> Crystal:
    places = np.linspace(0.0, 1.0, len(species), endpoint=False)[:, None] * np.ones(3)
    return Crystal.ordered(12.0 * np.eye(3), places, list(species), "x")


@pytest.mark.parametrize(
    ("species", "family"),
    [
        (["Al"], "a metal"), (["Fe"], "a metal"), (["Pb[207.2]"], "a metal"),
        (["Ni", "Al"], "an intermetallic"), (["Ti", "Ni", "Sn"], "an intermetallic"),
        (["Ti", "N"], "a nitride of transition metals"),
        (["Ti", "C", "N"], "a carbide and nitride of transition metals"),
        (["Pd", "D"], "a hydride of transition metals"),
        (["Mg", "B", "B"], "a boride of metals alone"), (["Zr", "B"], "a boride of metals alone"),
        (["Si"], None), (["Mg", "O"], None), (["Pb", "Te"], None), (["Ga", "As"], None),
        (["Mg", "Mg", "Si"], None), (["Li", "H"], None), (["Mg", "Mg", "Fe", *["H"] * 6], None),
        (["Li", "Zn", "N"], None), (["B", "N"], None), (["C"], None), (["Ti", "O", "O"], None),
        (["Fe", "S", "S"], None), (["Al", "N"], None),
    ],
)  # fmt: skip
def test_family(species: list[str], family: str | None) -> None:
    assert metallic_family(of(*species)) == family
