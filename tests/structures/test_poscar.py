"""POSCAR of every dialect, frames of XDATCAR, elements wherever they are written."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.reading import iter_crystals, read_crystals

POSCAR = """rock salt
{scale}
 0.0 0.5 0.5
 0.5 0.0 0.5
 0.5 0.5 0.0
{species}
{mode}
 0.0 0.0 0.0 T T F
 {last} T T T
"""


def poscar(
    scale: str = "5.64",
    species: str = "Na Cl\n1 1",
    mode: str = "Direct",
    last: str = "0.5 0.5 0.5",
) -> str:
    return POSCAR.format(scale=scale, species=species, mode=mode, last=last)


def refused(path: Path, text: str) -> StructureError:
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    assert path.name in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        poscar(),
        poscar(scale="-44.851536"),
        poscar(scale="5.64 5.64 5.64"),
        poscar(mode="Selective dynamics\nDirect"),
        poscar(mode="Cartesian", last="0.5 0.5 0.5"),
        poscar(species="Na_pv Cl/0123456\n1 1"),
        poscar(species="Na Cl ! elements\n1 1 ! counts"),
        poscar(species="1 1").replace("rock salt", "Na Cl"),
        poscar() + "\n 0.0 0.0 0.0\n 0.1 0.1 0.1\n",
    ],
)
def test_poscar_dialects(text: str, rock_salt: Crystal) -> None:
    (crystal,) = read_crystals("-", text)
    assert crystal.symbols == ("Na", "Cl")
    assert crystal.cell == pytest.approx(rock_salt.cell)
    gap = crystal.frac_coords - rock_salt.frac_coords
    assert gap == pytest.approx(np.rint(gap), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (poscar(species="1 1"), "'rock'"),  # the title must not pass for elements
        (poscar(species="Na\n1 1"), "1 elements, 2 counts"),
        (poscar(species="Na Cl\n1 2"), "2 counts and 2 positions"),
        (poscar(last="0.5 0.5"), "not a complete POSCAR"),
        (poscar(last="0.5 0.5 NaN"), "not finite"),
        (poscar(last="0.0 0.0 0.01"), "A apart"),
        (poscar(scale="0.0"), "impossible scale"),
        (poscar(species="Na Vac\n1 1"), "'Vac'"),
        (poscar().replace("0.5 0.5 0.0", "0.0 0.5 0.5"), "volume"),
        ("rock salt\n1.0\n1 0 0\n", "not a complete POSCAR"),
    ],
)
def test_bad_poscar(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path / "bad.vasp", text).summary


NUMBERS = "0.0 0.0 0.0{a}\n0.5 0.5 0.5{b}\n"
HEAD = "{title}\n1.0\n0 2.82 2.82\n2.82 0 2.82\n2.82 2.82 0\n"


def whole(kinds: str, mode: str = "Direct", a: str = "", b: str = "", title: str = "salt") -> str:
    return HEAD.format(title=title) + f"{kinds}\n{mode}\n" + NUMBERS.format(a=a, b=b)


@pytest.mark.parametrize(
    "text",
    [
        whole("Na Cl # elements\n1 1 # counts", "Direct # fractions"),
        whole("Na1 Cl2\n1 1"),
        whole("Na+ Cl-\n1 1"),
        whole("NA cl\n1 1"),
        whole("Na_pv/ Cl/d3ebe3b2\n1 1"),
        whole("Na\nCl\n1 1"),
        whole("Na\nCl\n1\n1"),
        whole("Na Cl Br\n1 1 0"),
        whole("1 1", "Direct(2) [A1B1]", " Na", " Cl", title="ClNa/AB_cF8_225_a_b - AFLOW"),
        whole("1 1", "Selective dynamics\nDirect", " T T F Na1", " T T T Cl_2", title="two"),
        whole("1 1", "Direct", " T T F Na", " F F F Cl", title=""),
        whole("1 1", title="Na Cl"),
        whole("1 1", "Direct", " Na", " Cl", title="Na Cl"),
        whole("Na Cl\n1 1").replace("1.0\n", "1.0 scaling factor\n", 1),
        whole("Na Cl\n1 1") + "\n0 0 0\n0 0 0\n",
        whole("Na Cl\n1 1") + "\n" + "0.1 0.2 0.3\n" * 30,
        whole("Na Cl\n1 1") + "Lattice velocities and vectors\n  1\n" + "0 0.1 0.2\n" * 6,
    ],
)
def test_odd_files_of_one_frame(text: str) -> None:
    (crystal,) = read_crystals("-", text)
    assert crystal.symbols == ("Na", "Cl")
    assert crystal.volume == pytest.approx(2 * 2.82**3)
    assert not crystal.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (whole("1 1", "Direct", " K", " Cl", title="Na Cl"), "name different elements"),
        (whole("Na Cl\n1 1", "0.25 0.25 0.25") + "0 0 0\n" * 4, "not a complete POSCAR"),
        (whole("1 1", title="$cell $new"), "'$cell'"),
        (whole("Na Cl\n1 1").replace("1.0\n", "1.0 2.0\n", 1), "impossible scale"),
        (whole("Na\n" * 20 + "1"), "not a complete POSCAR"),
        (whole("Na Cl\n1 1", "Angstrom"), "not a complete POSCAR"),
        (whole("1 1", "Direct", " T", " Na"), "1 elements"),
        (whole("Na Cl\n1 999999999999"), "2 counts"),
        (whole("OH Cl\n1 1"), "'OH'"),
    ],
)
def test_what_is_not_guessed(tmp_path: Path, text: str, message: str) -> None:
    error = refused(tmp_path / "bad.vasp", text)
    assert message in error.summary
    assert "remove" not in error.fix


def test_isotopes_by_name() -> None:
    for word in ("7Li", "Li-7"):
        (crystal,) = read_crystals("-", whole(f"{word} D\n1 1"))
        assert crystal.masses == pytest.approx([7.016, 2.0141], abs=1e-3)
    (crystal,) = read_crystals("-", whole("10B N\n1 1"))
    assert crystal.masses[0] == pytest.approx(10.0129, abs=1e-3)


def test_the_line_of_elements_is_believed_and_labels_that_differ_are_told() -> None:
    (crystal,) = read_crystals("-", whole("K Cl\n1 1", "Direct", " Na", " Cl"))
    assert crystal.symbols == ("K", "Cl")
    assert "Na by the label" in crystal.notes[0]
    (crystal,) = read_crystals("-", whole("H.5 Cl\n1 1"))
    assert crystal.symbols == ("H", "Cl")
    assert "fractional charge" in crystal.notes[0]


def test_frames_of_an_xdatcar_are_crystals_by_number(tmp_path: Path) -> None:
    frame = "Direct configuration= {n}\n0 0 0\n0.{n} 0.5 0.5\n"
    head = HEAD.format(title="run") + "Na Cl\n1 1\n"
    fixed = head + "".join(frame.format(n=n) for n in (4, 5))
    changing = "".join(head.replace("1.0\n", f"1.0{n}\n", 1) + frame.format(n=n) for n in (4, 5))
    for text in (fixed, changing):
        (tmp_path / "XDATCAR").write_text(text)
        crystals = read_crystals(tmp_path / "XDATCAR")
        assert [c.name for c in crystals] == ["XDATCAR-4", "XDATCAR-5"]
        assert [c.frac_coords[1, 0] for c in crystals] == pytest.approx([0.4, 0.5])
    assert crystals[1].volume > crystals[0].volume
    cartesian = changing.replace("Direct", "Cartesian").replace("0.5 0.5", "2.82 2.82")
    (tmp_path / "XDATCAR").write_text(cartesian)
    assert [c.frac_coords[1, 1] < 0.5 for c in read_crystals(tmp_path / "XDATCAR")] == [True] * 2
    (tmp_path / "XDATCAR").write_text(fixed + "Direct configuration= 6\n0 0 0\n")
    found = list(iter_crystals(tmp_path / "XDATCAR"))
    assert [isinstance(c, Crystal) for c in found] == [True, True, False]
    (tmp_path / "XDATCAR").write_text(head + frame.format(n=4))
    assert [c.name for c in read_crystals(tmp_path / "XDATCAR")] == ["XDATCAR"]


@pytest.mark.parametrize("title", ["second", "", "12 atoms"])
def test_a_file_of_several_poscars(tmp_path: Path, title: str) -> None:
    second = whole("K Br\n1 1", title=title).replace("2.82", "3.3")
    for between in ("", "\n", "\n\n"):
        (tmp_path / "POSCAR").write_text(whole("Na Cl\n1 1") + between + second)
        first, other = read_crystals(tmp_path / "POSCAR")
        assert (first.formula, other.formula) == ("NaCl", "KBr")
        assert other.name == "POSCAR-1"
