"""Alloys: exact ends, Vegard in between, sites matched whatever their order, clear refusals."""

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.alloy import alloy_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_mass

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def salt(a: float, cation: str, anion: str, anion_at: float = 0.5) -> Crystal:
    return Crystal.ordered(a * FCC, [[0.0] * 3, [anion_at] * 3], [cation, anion])


def layered(a: float, c: float, anion: str, z: tuple[float, float], order: list[int]) -> Crystal:
    """Return Mg3X2 in P-3m1 with its sites in a given order."""
    cell = [[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]]
    third, two = 1 / 3, 2 / 3
    sites = [
        ([0, 0, 0], "Mg"), ([third, two, z[0]], "Mg"), ([two, third, 1 - z[0]], "Mg"),
        ([third, two, z[1]], anion), ([two, third, 1 - z[1]], anion),
    ]  # fmt: skip
    chosen = [sites[k] for k in order]
    return Crystal.ordered(cell, [c for c, _ in chosen], [s for _, s in chosen])


def test_ends_are_the_end_members_themselves() -> None:
    first, second = salt(5.64, "Na", "Cl"), salt(6.60, "K", "Br")
    alloy = alloy_of(first, second)
    assert alloy.mixture(0.0) is first
    assert alloy.mixture(1.0) is second


def test_everything_is_linear_in_between() -> None:
    first = layered(4.57, 7.23, "Sb", (0.634, 0.228), [0, 1, 2, 3, 4])
    second = layered(4.67, 7.40, "Bi", (0.631, 0.225), [4, 2, 0, 3, 1])
    alloy = alloy_of(first, second)
    assert alloy.partners.tolist() == [2, 4, 1, 3, 0]
    mixed = alloy.mixture(0.75)
    np.testing.assert_allclose(mixed.cell, 0.25 * first.cell + 0.75 * second.cell, atol=1e-12)
    assert mixed.frac_coords[1, 2] == pytest.approx(0.25 * 0.634 + 0.75 * 0.631)
    assert [dict(o) for o in mixed.occupancy[:3]] == [{"Mg": 1.0}] * 3
    assert dict(mixed.occupancy[3]) == {"Sb": 0.25, "Bi": 0.75}
    # Equation 1: the virtual-crystal mass of the mixed site.
    mass = 0.25 * atomic_mass("Sb") + 0.75 * atomic_mass("Bi")
    assert mixed.masses[3] == pytest.approx(mass, rel=1e-14)
    assert mixed.formula == "Mg3Bi1.5Sb0.5"


def test_decorations_share_the_geometry() -> None:
    alloy = alloy_of(salt(5.64, "Na", "Cl"), salt(6.60, "K", "Cl"))
    a, b = alloy.decorated(0.3)
    mixed = alloy.mixture(0.3)
    for crystal in (a, b):
        assert np.array_equal(crystal.cell, mixed.cell)
        assert np.array_equal(crystal.frac_coords, mixed.frac_coords)
    assert (a.symbols, b.symbols) == (("Na", "Cl"), ("K", "Cl"))


def test_another_origin_and_frame_are_found() -> None:
    first, second = salt(5.64, "Na", "Cl"), salt(6.60, "K", "Cl")
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = Crystal.ordered(second.cell @ turn, second.frac_coords + 0.5, second.symbols)
    plain, askew = (alloy_of(first, s).mixture(0.5) for s in (second, moved))
    np.testing.assert_allclose(askew.cell, plain.cell, atol=1e-9)
    np.testing.assert_allclose(askew.frac_coords % 1, plain.frac_coords % 1, atol=1e-9)
    assert askew.occupancy == plain.occupancy


def test_elements_may_meet_on_a_new_site() -> None:
    """Ordered SiGe towards silicon: one site keeps its element, the other changes."""
    first = Crystal.ordered(5.5 * FCC, [[0.0] * 3, [0.25] * 3], ["Si", "Ge"])
    second = Crystal.ordered(5.43 * FCC, [[0.0] * 3, [0.25] * 3], ["Si", "Si"])
    mixed = alloy_of(first, second).mixture(0.5)
    assert dict(mixed.occupancy[0]) == {"Si": 1.0}
    assert dict(mixed.occupancy[1]) == {"Ge": 0.5, "Si": 0.5}


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            salt(5.64, "Na", "Cl"),
            Crystal.ordered(4 * np.eye(3), [[0.0] * 3, [0.5] * 3, [0.25] * 3], ["K", "Cl", "Cl"]),
            "have 2 and 3 sites",
        ),
        (salt(5.64, "Na", "Cl"), salt(7.5, "Cs", "I"), "lattices of NaCl and CsI do not"),
        (salt(5.64, "Na", "Cl"), salt(6.0, "Ga", "As", 0.25), "sites of NaCl and GaAs do not"),
        (
            Crystal.ordered(5.65 * FCC, [[0.0] * 3, [0.25] * 3], ["Ga", "As"]),
            Crystal.ordered(6.06 * FCC, [[0.0] * 3, [0.25] * 3], ["As", "In"]),
            "do not correspond",
        ),
    ],
    ids=["numbers", "lattices", "places", "elements"],
)
def test_what_does_not_correspond(first: Crystal, second: Crystal, message: str) -> None:
    with pytest.raises(StructureError, match=message) as caught:
        alloy_of(first, second)
    assert caught.value.reason
    assert caught.value.fix


@pytest.mark.parametrize("x", [-0.1, 1.0001, float("nan")])
def test_compositions_outside(x: float) -> None:
    alloy = alloy_of(salt(5.64, "Na", "Cl"), salt(6.60, "K", "Br"))
    with pytest.raises(ConfigError, match="outside"):
        alloy.mixture(x)
    with pytest.raises(ConfigError, match="outside"):
        alloy.decorated(x)
