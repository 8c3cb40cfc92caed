"""Frames of extended XYZ: isotopes, labels, occupancies; a broken frame costs itself alone."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.reading import iter_crystals, read_crystals


def refused(path: Path, text: str) -> StructureError:
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    assert path.name in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix
    return caught.value


def test_extxyz_frames(tmp_path: Path) -> None:
    from ase import Atoms
    from ase.io import write

    frames = [Atoms("Po", cell=np.eye(3) * a, pbc=True) for a in (3.2, 3.3, 3.4)]
    frames[1].info["material_id"] = "mp-7"
    path = tmp_path / "run.extxyz"
    write(path, frames)
    crystals = read_crystals(path)
    assert [c.name for c in crystals] == ["run-0", "run-mp-7", "run-2"]
    assert [c.volume for c in crystals] == pytest.approx([3.2**3, 3.3**3, 3.4**3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\nwater\nO 0 0 0\nH 0 0 1\n", "not periodic"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3" pbc="T T F"\nO 0 0 0\n', "not periodic"),
        ('2\nLattice="3 0 0 0 3 0 0 0 3"\nO 0 0 0\n', "not a readable extended XYZ"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nVac 0 0 0\n', "not a readable extended XYZ"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"', "not a readable extended XYZ"),
        ("5\n", "not a readable extended XYZ"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nX 0 0 0\n', "'X'"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nO 0 0 nan\n', "not finite"),
        ('1\nLattice="3 0 0 0 3 0 0 3 0"\nO 0 0 0\n', "volume"),
    ],
)
def test_bad_extxyz(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path / "bad.extxyz", text).summary


MASSES = "species:S:1:pos:R:3:masses:R:1"
CELL = 'Lattice="4.08 0 0 0 4.08 0 0 0 4.08"'


def frame(properties: str, *lines: str) -> str:
    return f"{len(lines)}\n{CELL} Properties={properties}\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "masses"),
    [
        (frame("species:S:1:pos:R:3", "Li 0 0 0", "D 2 2 2"), [6.94, 2.0141]),
        (frame("species:S:1:pos:R:3", "7Li 0 0 0", "T 2 2 2"), [7.016, 3.01605]),
        (frame("species:S:1:pos:R:3", "Li1 0 0 0", "H+ 2 2 2"), [6.94, 1.008]),
        (frame("pos:R:3:species:S:1", "0 0 0 Li2", "2 2 2 D"), [6.94, 2.0141]),
        (frame(MASSES, "Li 0 0 0 6.015", "H 2 2 2 2.0141"), [6.015, 2.0141]),
        (frame("species:S:1:pos:R:3:mass:R:1", "Li 0 0 0 6.015", "H 2 2 2 1.008"), [6.015, 1.008]),
        (frame(MASSES, "Li 0 0 0 6.94", "D 2 2 2 2.0141"), [6.94, 2.0141]),
    ],
)  # fmt: skip
def test_isotopes_and_labels(text: str, masses: list[float]) -> None:
    (crystal,) = read_crystals("-", text)
    assert crystal.formula.startswith("Li")
    assert crystal.masses == pytest.approx(masses, abs=2e-3)


def test_a_mass_of_no_isotope_is_refused(tmp_path: Path) -> None:
    text = frame(MASSES, "Li 0 0 0 40.0", "H 2 2 2 1.0")
    assert "mass of 40" in refused(tmp_path / "x.xyz", text).summary
    text = frame("species:S:1:pos:R:3:masses:R:2", "Li 0 0 0 6.9 1", "H 2 2 2 1.0 1")
    assert "one number an atom" in refused(tmp_path / "x.xyz", text).summary


def test_a_column_of_occupancies_is_not_passed_over(tmp_path: Path) -> None:
    columns = "species:S:1:pos:R:3:occupancy:R:1"
    rows = ("Cu 0 0 0 0.7", "Au 0 0 0 0.3", "Zn 2 2 2 1.0")
    (crystal,) = read_crystals("-", frame(columns, *rows))
    assert [dict(site) for site in crystal.occupancy] == [{"Cu": 0.7, "Au": 0.3}, {"Zn": 1.0}]
    assert "sum to 0.7" in refused(tmp_path / "x.xyz", frame(columns, rows[0], rows[2])).summary


def test_a_broken_frame_costs_itself_alone() -> None:
    good = frame("species:S:1:pos:R:3", "Li 0 0 0", "D 2 2 2")
    bad = frame("species:S:1:pos:R:3", "Li 0 0 0", "Vac 2 2 2")
    found = list(iter_crystals("-", good + bad + good))
    assert [isinstance(c, Crystal) for c in found] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame("species:S:1:pos:R:3:Z:I:1", "Li 0 0 0 3", "H 2 2 2 9"), "H by its name and F by"),
        (frame(MASSES, "Li 0 0 0 6.94", "D 2 2 2 1.008"), "D by its name and has a mass of 1.008"),
        (frame(MASSES, "7Li 0 0 0 6.94", "H 2 2 2 1.008"), "has a mass of 6.94"),
        (frame("species:S:1:pos:R:3", "300Li 0 0 0", "H 2 2 2"), "not a readable extended XYZ"),
    ],
)
def test_columns_that_contradict_each_other(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path / "x.xyz", text).summary


def test_blank_lines_between_frames() -> None:
    one = frame("species:S:1:pos:R:3", "Li_a 0 0 0", "235U 2 2 2")
    crystals = read_crystals("-", f"{one}\n\n{one}\nwritten by hand\n")
    assert len(crystals) == 2
    assert crystals[0].masses[1] == pytest.approx(235.04, abs=0.01)
