"""Quasi-random structures: compositions, seeds, nearness to random, what is refused."""

import builtins
import sys
from typing import Any

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.quasirandom import Arrangements, check_installed, quasirandom

FCC = 3.75 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])


def solution(gold: float) -> Crystal:
    """Return a copper-gold solid solution."""
    return Crystal(FCC, np.zeros((1, 3)), ({"Cu": 1.0 - gold, "Au": gold},), "CuAu")


@pytest.fixture
def library() -> None:
    """Skip where the extra [sqs] is not installed."""
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")


@pytest.mark.usefixtures("library")
def test_the_composition_is_exact() -> None:
    made = quasirandom(solution(0.3), Arrangements(atoms=16, number=2))
    assert {c.n_atoms for c in made.crystals} == {10}
    for crystal in made.crystals:
        assert crystal.is_ordered
        assert crystal.composition == {"Cu": 7.0, "Au": 3.0}
        assert crystal.volume == pytest.approx(10 * abs(np.linalg.det(FCC)))
    assert "of 10 atoms (Au3Cu7)" in made.note
    assert "instead of" not in made.note


@pytest.mark.usefixtures("library")
def test_a_seed_is_a_structure() -> None:
    order = Arrangements(atoms=16, number=2, seed=3)
    first, again = (quasirandom(solution(0.25), order) for _ in range(2))
    assert [c.symbols for c in first.crystals] == [c.symbols for c in again.crystals]
    other = quasirandom(solution(0.25), Arrangements(atoms=16, number=2, seed=4))
    assert [c.symbols for c in first.crystals] != [c.symbols for c in other.crystals]


@pytest.mark.usefixtures("library")
def test_neighbours_are_those_of_a_random_alloy() -> None:
    """In fcc with as much of both, half of the twelve neighbours are of the other element."""
    made = quasirandom(solution(0.5), Arrangements(atoms=32, number=1))
    crystal = made.crystals[0]
    assert crystal.n_atoms == 32
    symbols = np.array(crystal.symbols)
    images = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    gaps = crystal.frac_coords[:, None, None] - crystal.frac_coords[None, :, None] + images
    near = np.linalg.norm(gaps @ crystal.cell, axis=3) < 3.75 * 0.8
    near &= np.linalg.norm(gaps @ crystal.cell, axis=3) > 0.1
    bonds = near.sum(axis=2)
    assert set(bonds.sum(axis=1).tolist()) == {12}
    unlike = bonds[symbols[:, None] != symbols[None]].sum() / bonds.sum()
    assert unlike == pytest.approx(0.5, abs=0.03)
    stated = float(made.note.split("nearest pairs up to ")[1].split()[0])
    assert abs(1.0 - unlike / 0.5) == pytest.approx(stated, abs=0.006)


@pytest.mark.usefixtures("library")
def test_each_sublattice_keeps_its_elements(rock_salt: Crystal) -> None:
    sites = ({"Na": 0.5, "K": 0.5}, {"Cl": 0.25, "Br": 0.5, "I": 0.25})
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, sites)
    made = quasirandom(mixed, Arrangements(atoms=16, number=1)).crystals[0]
    assert made.composition == {"Na": 4.0, "K": 4.0, "Cl": 2.0, "Br": 4.0, "I": 2.0}
    back = made.positions @ np.linalg.inv(rock_salt.cell)
    for symbol, place in zip(made.symbols, back, strict=True):
        on_cations = np.allclose(place, np.rint(place), atol=1e-6)
        assert on_cations == (symbol in ("Na", "K"))


@pytest.mark.usefixtures("library")
def test_a_supercell_is_reduced_first() -> None:
    """The conventional cell of the same solution gives the same structures."""
    coords = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    occupancy = tuple({"Cu": 0.75, "Au": 0.25} for _ in coords)
    cubic = Crystal(3.75 * np.eye(3), np.array(coords), occupancy)
    made = quasirandom(cubic, Arrangements(atoms=8, number=1)).crystals[0]
    assert made.composition == {"Cu": 6.0, "Au": 2.0}


@pytest.mark.usefixtures("library")
def test_rounding_is_stated() -> None:
    made = quasirandom(solution(0.26), Arrangements(atoms=16, number=1))
    assert made.crystals[0].composition == {"Cu": 11.0, "Au": 4.0}
    assert "Au 0.2667 instead of 0.2600" in made.note


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("gold", "atoms", "reason", "fix"),
    [
        (0.3, 4, "would change by 0.033", "--sqs-atoms 10"),
        (0.01, 32, "an element would be lost", "--sqs-atoms 100"),
    ],
)
def test_too_small_for_the_composition(gold: float, atoms: int, reason: str, fix: str) -> None:
    with pytest.raises(StructureError) as found:
        quasirandom(solution(gold), Arrangements(atoms=atoms))
    assert reason in found.value.reason
    assert fix in found.value.fix


@pytest.mark.usefixtures("library")
def test_too_small_for_the_cell(low_symmetry: Crystal) -> None:
    sites = ({"Ga": 0.5, "Al": 0.5}, *low_symmetry.occupancy[1:])
    mixed = Crystal(low_symmetry.cell, low_symmetry.frac_coords, sites)
    with pytest.raises(StructureError, match="primitive cell has 4 atoms"):
        quasirandom(mixed, Arrangements(atoms=3))


@pytest.mark.parametrize("wrong", [{"atoms": 1}, {"atoms": 257}, {"number": 0}, {"seed": -1}])
def test_numbers_out_of_range(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        Arrangements(**wrong)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *more: Any) -> Any:
        if name == "sqsgenerator":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.delitem(sys.modules, "sqsgenerator", raising=False)
    monkeypatch.setattr(builtins, "__import__", absent)
    for call in (check_installed, lambda: quasirandom(solution(0.5), Arrangements())):
        with pytest.raises(ConfigError) as found:
            call()
        assert found.value.fix == "pip install '.[sqs]' in a copy of phonodos"
