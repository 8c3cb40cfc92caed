"""Irreps: names, products, against e3nn's."""

import pytest
from e3nn import o3

from phonodos.model.irreps import Irrep, multiplicities, parse_irrep, parse_irreps, products

NAMES = [f"{degree}{parity}" for degree in range(5) for parity in "eo"]


@pytest.mark.parametrize("name", NAMES)
def test_names_and_dimensions(name: str) -> None:
    ours, theirs = parse_irrep(name), o3.Irrep(name)
    assert (ours.l, ours.p, ours.dim, str(ours)) == (theirs.l, theirs.p, theirs.dim, name)
    for other in NAMES:
        assert products(ours, parse_irrep(other)) == list(theirs * o3.Irrep(other))


def test_irreps() -> None:
    found = parse_irreps("32x0e + 16x1o+2e+4x0e")
    scalar = Irrep(0, 1)
    assert found == ((32, scalar), (16, Irrep(1, -1)), (1, Irrep(2, 1)), (4, scalar))
    assert multiplicities(found) == {scalar: 36, Irrep(1, -1): 16, Irrep(2, 1): 1}


@pytest.mark.parametrize("text", ["", "x1o", "1.5x1o", "3x1", "3x1q", "3xo", "3x-1o", "2x0e++1o"])
def test_what_is_no_irreps(text: str) -> None:
    with pytest.raises(ValueError, match="is no irrep"):
        parse_irreps(text)
