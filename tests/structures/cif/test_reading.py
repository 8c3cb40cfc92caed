"""CIF: symmetry, occupancies, several blocks, and everything that must be refused."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.primitive import primitive_cell, space_group
from phonodos.structures.cif.reading import (
    cell_from_parameters,
    gathered_images,
    grouped_images,
)
from phonodos.structures.cif.symmetry import operations
from phonodos.structures.occupancies import vacancies
from phonodos.structures.reading import iter_crystals, read_crystals

P1 = "_symmetry_space_group_name_H-M 'P 1'"
XYZ = ["_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"]


def cif(
    rows: list[str],
    symmetry: str = P1,
    cell: tuple[float | str, ...] = (4.0, 4.0, 4.0, 90, 90, 90),
    extra: str = "",
    columns: tuple[str, ...] = (),
    name: str = "x",
) -> str:
    """Write a CIF block; rows are 'symbol x y z ...', `columns` name what follows z."""
    keys = ["length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"]
    lines = [f"data_{name}", *(f"_cell_{k} {v}" for k, v in zip(keys, cell, strict=True))]
    lines += [symmetry, extra, "loop_", "_atom_site_type_symbol", *XYZ, *columns, *rows, ""]
    return "\n".join(lines)


def read_one(text: str) -> Crystal:
    (crystal,) = read_crystals("-", text)
    return crystal


def refused(tmp_path: Path, text: str) -> StructureError:
    """Read a bad CIF from a file; the error must be complete and name the file."""
    path = tmp_path / "bad.cif"
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    assert "bad.cif" in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix
    return caught.value


EXAMPLES = {
    "SrTiO3": (10, 10, 140),
    "SrTiO3_cubic": (5, 5, 221),
    "NaCl": (8, 2, 225),
    "MgO": (8, 2, 225),
    "Si": (2, 2, 227),
    "GaAs": (8, 2, 216),
    "ZnO": (4, 4, 186),
    "Al2O3": (10, 10, 167),
    "Cu0.7Au0.3": (4, 1, 225),
    "Mg3Sb2": (5, 5, 164),
    "Mg3Bi2": (5, 5, 164),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(examples: Path, name: str) -> None:
    (crystal,) = read_crystals(examples / f"{name}.cif")
    n_cell, n_primitive, number = EXAMPLES[name]
    assert crystal.name == name
    assert crystal.n_atoms == n_cell
    assert primitive_cell(crystal).crystal.n_atoms == n_primitive
    group = space_group(crystal)
    assert group is not None
    assert group[0] == number


def test_every_example_is_listed(examples: Path) -> None:
    assert {path.stem for path in examples.glob("*.cif")} == set(EXAMPLES)


def test_disordered_occupancies_are_kept(examples: Path) -> None:
    (crystal,) = read_crystals(examples / "Cu0.7Au0.3.cif")
    assert [dict(site) for site in crystal.occupancy] == [{"Cu": 0.7, "Au": 0.3}] * 4


def test_distances_of_strontium_titanate(examples: Path) -> None:
    """Ti-O bonds of the rotated octahedron: c/4 along the axis, a/2 sqrt(1/2 + 8 d^2) across."""
    (crystal,) = read_crystals(examples / "SrTiO3.cif")
    gaps = crystal.frac_coords[crystal.symbols.index("Ti")] - crystal.frac_coords[4:]
    shortest = np.linalg.norm((gaps - np.rint(gaps)) @ crystal.cell, axis=1).min()
    assert shortest == pytest.approx(7.796 / 4, abs=1e-5)
    assert crystal.volume == pytest.approx(5.511**2 * 7.796 / 2, rel=1e-6)


def test_cell_is_oriented_as_in_pymatgen() -> None:
    from pymatgen.core import Lattice

    parameters = (4.1, 5.2, 6.3, 75.0, 102.0, 118.0)
    expected = Lattice.from_parameters(*parameters).matrix
    assert cell_from_parameters(*parameters) == pytest.approx(expected, abs=1e-12)


def test_p1_positions_stay_as_written() -> None:
    crystal = read_one(cif(["Sr 0.3333 -0.25 1.6667", "O 0 0.5 0.5"]))
    assert crystal.frac_coords[0].tolist() == [0.3333, -0.25, 1.6667]
    assert crystal.symbols == ("Sr", "O")


def test_rounded_thirds_land_on_the_axis(examples: Path) -> None:
    (crystal,) = read_crystals(examples / "ZnO.cif")
    assert crystal.frac_coords[0, :2] == pytest.approx([1 / 3, 2 / 3], abs=1e-12)
    assert crystal.n_atoms == 4


@pytest.mark.parametrize(
    "symmetry",
    [
        "_symmetry_space_group_name_H-M 'F m -3 m'",
        "_symmetry_space_group_name_H-M Fm-3m",
        "_symmetry_space_group_name_H-M 'F m 3 m'",
        "_space_group_name_H-M_alt 'F 4/m -3 2/m'",
        "_space_group_name_Hall '-F 4 2 3'",
        "_symmetry_Int_Tables_number 225",
        "_space_group_IT_number 225",
    ],
)
def test_group_by_name_or_number(symmetry: str) -> None:
    crystal = read_one(cif(["Na 0 0 0", "Cl 0.5 0.5 0.5"], symmetry, (5.64,) * 3 + (90,) * 3))
    assert crystal.composition == {"Na": 4.0, "Cl": 4.0}
    assert space_group(crystal) == (225, "Fm-3m")


def test_rhombohedral_axes_are_told_by_the_cell() -> None:
    symmetry = "_symmetry_space_group_name_H-M 'R -3 c'"
    hexagonal = read_one(
        cif(["Al 0 0 0.3522", "O 0.3063 0 0.25"], symmetry, (4.759, 4.759, 12.991, 90, 90, 120))
    )
    rhombohedral = read_one(
        cif(
            ["Al 0.3522 0.3522 0.3522", "O 0.5563 -0.0563 0.25"],
            symmetry,
            (5.1284644,) * 3 + (55.2883348,) * 3,
        )
    )
    assert (hexagonal.n_atoms, rhombohedral.n_atoms) == (30, 10)
    assert space_group(hexagonal) == space_group(rhombohedral) == (167, "R-3c")
    assert hexagonal.volume == pytest.approx(3 * rhombohedral.volume, rel=1e-4)


@pytest.mark.parametrize(("setting", "place"), [("1", "0 0 0"), ("2", "0.125 0.125 0.125")])
def test_origin_choice_in_the_name(setting: str, place: str) -> None:
    symmetry = f"_symmetry_space_group_name_H-M 'F d -3 m :{setting}'"
    crystal = read_one(cif([f"Si {place}"], symmetry, (5.431,) * 3 + (90,) * 3))
    assert crystal.n_atoms == 8
    assert space_group(crystal) == (227, "Fd-3m")


@pytest.mark.parametrize("place", ["0 0 0", "0.125 0.125 0.125"])
def test_origin_choice_by_the_stated_contents(place: str) -> None:
    extra = "_chemical_formula_sum Si\n_cell_formula_units_Z 8"
    symmetry = "_symmetry_space_group_name_H-M 'F d -3 m'"
    crystal = read_one(cif([f"Si {place}"], symmetry, (5.431,) * 3 + (90,) * 3, extra))
    assert space_group(crystal) == (227, "Fd-3m")
    assert crystal.n_atoms == 8


def test_short_monoclinic_name() -> None:
    cell = (5.1, 5.2, 5.3, 90, 99.2, 90)
    short, full = (
        read_one(cif(["Zr 0.276 0.04 0.208"], f"_space_group_name_H-M_alt '{name}'", cell))
        for name in ("P 21/n", "P 1 21/n 1")
    )
    assert short.frac_coords == pytest.approx(full.frac_coords)
    other = read_one(cif(["Zr 0.276 0.04 0.208"], "_space_group_name_H-M_alt 'P 21/c'", cell))
    assert not np.allclose(short.frac_coords, other.frac_coords)
    assert short.n_atoms == other.n_atoms == 4


def test_several_blocks_are_named_by_block(tmp_path: Path) -> None:
    path = tmp_path / "two.cif"
    path.write_text(
        "data_global\n_audit_author_name 'A. Person'\n"
        + cif(["Na 0 0 0"], name="first")
        + cif(["K 0 0 0"], name="second/phase")
        + cif(["Rb 0 0 0"], name="second/phase")
    )
    crystals = read_crystals(path)
    assert [c.name for c in crystals] == ["two-first", "two-second_phase", "two-second_phase-2"]
    assert [c.formula for c in crystals] == ["Na", "K", "Rb"]


def test_decorations_are_stripped_and_isotopes_kept() -> None:
    rows = ["Sr2+ 0 0 0", "O2- 0.5 0.5 0.5", "O-2 0.5 0.5 0", "D 0.5 0 0.5", "T1 0 0.5 0.5"]
    assert read_one(cif(rows)).symbols == ("Sr", "O", "O", "D", "T")


def test_labels_stand_in_for_symbols() -> None:
    text = cif(["Sr1 0 0 0", "O1A 0.5 0.5 0.5", "CL(2) 0.5 0 0"])
    crystal = read_one(text.replace("_atom_site_type_symbol", "_atom_site_label"))
    assert crystal.symbols == ("Sr", "O", "Cl")


def test_shared_sites_meet_across_the_cell() -> None:
    rows = ["Cu 0 0 0 0.70(2)", "Au 1.0 0.0 -1.0 0.3", "Ni 0.5 0.5 0.5 .", "Pd 0.5 0 0 0"]
    crystal = read_one(cif(rows, columns=("_atom_site_occupancy",)))
    assert [dict(o) for o in crystal.occupancy] == [{"Cu": 0.7, "Au": 0.3}, {"Ni": 1.0}]


OCC = ("_atom_site_occupancy",)
CUBE = (5.431, 5.431, 5.431, 90, 90, 90)
BAD = {
    "sum to 0.93": cif(["Cu 0 0 0 0.7", "Au 0 0 0 0.23"], columns=OCC),
    "sum to 1.2": cif(["Cu 0 0 0 0.7", "Au 0 0 0 0.5"], columns=OCC),
    "sum to 0.5": cif(["Cu 0 0 0 0.5", "Au 0.02 0 0 0.5"], columns=OCC),
    "_atom_site_occupancy is missing": cif(["Cu 0 0 0 ?"], columns=OCC),
    "site 1 (Sr) and site 2 (Ca) are 0.000 A": cif(["Sr 0 0 0", "Ca 1 0 0"]),
    "site 1 (Sr) and site 2 (O) are 0.200 A": cif(["Sr 0.01 0 0", "O 0.96 0 0"]),
    "_atom_site_fract_x is missing": cif(["Sr ? 0 0"]),
    "_atom_site_fract_y is missing": cif(["Sr 0 . 0"]),
    "_atom_site_fract_z is missing or not a number ('abc')": cif(["Sr 0 0 abc"]),
    "_atom_site_fract_x is missing or": cif(["Sr 0 0 0"]).replace("_fract_", "_other_"),
    "not finite": cif(["Sr nan 0 0"]),
    "holds 'X'": cif(["X 0 0 0"]),
    "holds 'Vac'": cif(["Vac 0 0 0"]),
    "holds 'Q1'": cif(["Q1 0 0 0"]),
    "holds 'Uue'": cif(["Uue 0 0 0"]),
    "holds 'OH'": cif(["OH 0 0 0"]),
    "impossible cell": cif(["Sr 0 0 0"], cell=(4, 4, 0, 90, 90, 90)),
    "impossible cell: 4, 4, 4 A": cif(["Sr 0 0 0"], cell=(4, 4, 4, 90, 180, 90)),
    "A^3 for 1 atoms": cif(["Sr 0 0 0"], cell=(4, 4, 4, 120, 120, 120)),
    "_cell_length_b is missing": cif(["Sr 0 0 0"], cell=(4, "?", 4, 90, 90, 90)),
    "is incomplete": cif(["Sr 0 0 0", "O 0.5 0.5"]),
    "given twice": cif(["Sr 0 0 0"], extra="_cell_length_a 5.0"),
    "have no elements": cif(["Sr 0 0 0"]).replace("type_symbol", "calc_flag"),
    "no crystal structure in the CIF": "data_x\n_cell_length_a 4.0\n",
    "'P 42/q' is not known": cif(["Sr 0 0 0"], "_symmetry_space_group_name_H-M 'P 42/q'"),
    "symmetry operation 'x,y,q'": cif(["Sr 0 0 0"], "_symmetry_equiv_pos_as_xyz 'x,y,q'"),
    "symmetry operation 'x,y'": cif(["Sr 0 0 0"], "_symmetry_equiv_pos_as_xyz 'x,y'"),
    "symmetry operation 'x,x,z'": cif(["Sr 0 0 0"], "_symmetry_equiv_pos_as_xyz 'x,x,z'"),
    "does not fit the symmetry of the file": cif(
        ["Sr 0 0 0"], "_symmetry_space_group_name_H-M 'P m -3 m'", (4, 4, 5, 90, 90, 90)
    ),
    "the site at (0.015, 0, 0) does not fit": cif(
        ["Sr 0.015 0 0"], "_symmetry_space_group_name_H-M 'P 4'"
    ),
    "leaves the origin or the axes open": cif(
        ["Si 0 0 0"], "_symmetry_space_group_name_H-M 'F d -3 m'", CUBE
    ),
    "magnetic symmetry": cif(["Fe 0 0 0"], "_space_group_magn.number_BNS 1.1"),
    "modulated": cif(["Fe 0 0 0"], extra="_cell_modulation_dimension 1"),
    "hydrogen atoms without": cif(["O 0 0 0 2"], columns=("_atom_site_attached_hydrogens",)),
    "add up to the formula 'H2 O'": cif(["O 0 0 0"], extra="_chemical_formula_sum 'H2 O'"),
    "add up to the formula 'Sr Ti O3'": cif(
        ["Sr 0 0 0", "Ti 0.5 0.5 0.5", "O 0.5 0.5 0"], extra="_chemical_formula_sum 'Sr Ti O3'"
    ),
}


NAMED = "_symmetry_space_group_name_H-M "
LISTED = "\nloop_ _symmetry_equiv_pos_as_xyz "
NACL = ["Na 0 0 0", "Cl 0.5 0.5 0.5"]
BOX = (4.0, 5.0, 6.0, 90, 90, 90)


@pytest.mark.parametrize(
    ("rows", "symmetry", "cell", "n"),
    [
        (NACL, f"{NAMED}'F m -3 m'{LISTED} x,y,z", CUBE, 8),
        (NACL, f"{NAMED}'F 2 2 2'{LISTED} x,y+1/2,z+1/2 x+1/2,y,z+1/2 x+1/2,y+1/2,z", CUBE, 8),
        (["Sr .1 .2 .3"], f"{NAMED}'C c'{LISTED} x,y,z x,-y,z+1/2", BOX, 4),
        (["Sr .1 .2 .3"], f"{NAMED}'P n a 21'{LISTED} x,y,z -x,-y,z+1/2 x+1/2,-y+1/2,z", BOX, 4),
        (["Sr .1 .2 .3"], f"{NAMED}'P 21/n'{LISTED} x,y,z x-1,y-1,z x-1,y,z", BOX, 4),
    ],
)
def test_operations_cut_short_are_completed_from_the_name(
    rows: list[str], symmetry: str, cell: tuple[float, ...], n: int
) -> None:
    crystal = read_one(cif(rows, symmetry, cell))
    assert crystal.n_atoms == n
    (note,) = crystal.notes
    assert "were added from the name" in note


@pytest.mark.parametrize(
    "symmetry",
    [
        f"{NAMED}'P m m m'{LISTED} x,y,z x+1/3,y,z x+2/3,y,z",  # not among those of the group
        f"{NAMED}'P m m m'{LISTED} x,y,z x+1/3,y,z",
        f"{NAMED}'P ?'{LISTED} -x,-y,-z",  # no identity, and no name to take it from
        f"{LISTED} x,y,z x+1/3,y,z",  # not closed
    ],
)
def test_operations_that_are_no_group_are_refused(tmp_path: Path, symmetry: str) -> None:
    text = cif(["Sr 0.1 0.2 0.3"], symmetry, BOX)
    assert "not those of its space group" in refused(tmp_path, text).summary


def test_a_primitive_cell_may_bear_the_name_of_the_centred_one() -> None:
    cell = (3.988, 3.988, 3.988, 60, 60, 60)
    crystal = read_one(cif(NACL, f"{NAMED}'F m -3 m'{LISTED} x,y,z", cell))
    assert crystal.n_atoms == 2
    assert crystal.notes == ()


def test_all_atoms_listed_under_the_name_of_their_group() -> None:
    corners = ("0 0 0", "0 .5 .5", ".5 0 .5", ".5 .5 0")
    shifted = (".5 .5 .5", ".5 0 0", "0 .5 0", "0 0 .5")
    rows = [f"Na {xyz}" for xyz in corners] + [f"Cl {xyz}" for xyz in shifted]
    crystal = read_one(cif(rows, f"{NAMED}'F m -3 m'{LISTED} x,y,z", CUBE))
    assert crystal.n_atoms == 8
    assert crystal.notes == ()


def test_a_table_between_the_unit_and_the_cell_is_refused(tmp_path: Path) -> None:
    rows = ["Na 0 0 0", "Na 0 .5 .5", "Cl .5 .5 .5"]
    text = cif(rows, f"{NAMED}'F m -3 m'{LISTED} x,y,z", CUBE)
    assert "where others are already" in refused(tmp_path, text).reason


def test_the_stated_density_is_held_against_the_atoms() -> None:
    for stated, doubted in (("2.2(1)", False), ("1.1", True), ("?", False), ("0", False)):
        extra = f"_exptl_crystal_density_diffrn {stated}"
        crystal = read_one(cif(NACL, f"{NAMED}'F m -3 m'", (5.64,) * 3 + (90,) * 3, extra))
        assert any("density" in note for note in crystal.notes) == doubted


def test_atoms_written_several_times_are_one_atom_with_a_note() -> None:
    crystal = read_one(cif(["Sr 0 0 0", "Sr 1 0 0", "Sr 0.0001 1 1", "O 0.5 0.5 0.5"]))
    assert crystal.composition == {"Sr": 1.0, "O": 1.0}
    assert "2 of 4 sites repeat an atom" in crystal.notes[0]


@pytest.mark.parametrize("message", BAD)
def test_bad_input(tmp_path: Path, message: str) -> None:
    assert message in refused(tmp_path, BAD[message]).summary


def test_a_broken_block_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "mixed.cif"
    path.write_text(
        cif(["Na 0 0 0"], name="good") + cif(["X 0 0 0"], name="bad") + cif(["K 0 0 0"], name="end")
    )
    first, second, third = iter_crystals(path)
    assert isinstance(second, StructureError)
    assert "mixed.cif, entry bad" in second.summary
    assert [c.name for c in (first, third) if isinstance(c, Crystal)] == ["mixed-good", "mixed-end"]


def test_dummy_sites_are_left_out() -> None:
    rows = [*(f"{row} d" for row in NACL), "C 0.25 0.25 0.25 dum"]
    crystal = read_one(cif(rows, columns=("_atom_site_calc_flag",)))
    assert crystal.composition == {"Na": 1.0, "Cl": 1.0}


def test_unknown_numbers_of_attached_hydrogens_say_nothing() -> None:
    rows = [f"{row} ?" for row in NACL]
    assert read_one(cif(rows, columns=("_atom_site_attached_hydrogens",))).n_atoms == 2


def test_angles_are_right_ones_unless_stated_and_no_dimension_is_no_modulation() -> None:
    text = cif(NACL, extra="_cell_modulation_dimension 0")
    bare = "\n".join(line for line in text.splitlines() if "_cell_angle" not in line)
    assert read_one(bare).volume == pytest.approx(64.0)


def test_unknown_operations_leave_it_to_the_name() -> None:
    symmetry = f"{NAMED}'F m -3 m'\nloop_ _space_group_symop_operation_xyz ?"
    assert read_one(cif(NACL, symmetry, CUBE)).n_atoms == 8


def test_formulas_with_brackets_are_read(tmp_path: Path) -> None:
    good = cif(NACL, extra="_chemical_formula_sum '(Na Cl)2'")
    assert read_one(good).n_atoms == 2
    lost = cif(NACL, extra="_chemical_formula_sum '(Na1) Cl (O.5 H1.5)'")
    assert "do not add up to the formula" in refused(tmp_path, lost).summary


def test_elements_from_labels_that_nothing_checks_are_noted() -> None:
    text = cif(["MgM1 0 0 0", "OA 0.5 0.5 0.5"]).replace("_type_symbol", "_label")
    crystal = read_one(text)
    assert crystal.composition == {"Mg": 1.0, "O": 1.0}
    assert "taken from the labels" in crystal.notes[0]


def test_a_column_may_be_cartesian() -> None:
    text = cif(["Na 0 0 0", "Cl 2.0 2.5 3.0"], cell=BOX).replace("_fract_", "_Cartn_")
    crystal = read_one(text)
    assert crystal.frac_coords[1] == pytest.approx([0.5, 0.5, 0.5])
    assert crystal.notes == ()


def test_cartesian_axes_of_a_skew_cell_are_the_usual_ones_or_stated() -> None:
    cell = (4.0, 4.0, 6.0, 90, 90, 120)
    text = cif(["Na 0 0 0", f"Cl 0 {4 / 3**0.5} 3.0"], cell=cell).replace("_fract_", "_Cartn_")
    crystal = read_one(text)
    assert crystal.frac_coords[1] == pytest.approx([1 / 3, 2 / 3, 0.5])
    assert "a along x" in crystal.notes[0]
    own = read_one(text.replace("loop_", f"{axes((1.0, 0.5, 0.0, 3**0.5 / 2))}loop_"))
    assert own.notes == ()
    assert own.frac_coords[1] != pytest.approx(crystal.frac_coords[1], abs=0.01)


def axes(block: tuple[float, float, float, float]) -> str:
    """Write the transformation of fractions to Cartesian coordinates, in the plane of a and b."""
    (m11, m12, m21, m22), key = block, "_atom_sites_Cartn_tran_matrix_"
    first = f"{key}11 {4 * m11}\n{key}12 {-4 * m12}\n{key}13 0\n{key}21 {4 * m21}\n"
    return f"{first}{key}22 {-4 * m22}\n{key}23 0\n{key}31 0\n{key}32 0\n{key}33 6\n"


def test_axes_that_are_not_those_of_the_cell_are_refused(tmp_path: Path) -> None:
    text = cif(NACL, cell=(4.0, 4.0, 6.0, 90, 90, 120)).replace("_fract_", "_Cartn_")
    for wrong in ((1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0)):
        bad = text.replace("loop_", f"{axes(wrong)}loop_")
        assert "axes of the file do not fit" in refused(tmp_path, bad).summary


def test_a_macromolecule_is_refused(tmp_path: Path) -> None:
    text = cif([f"{row} ATOM" for row in NACL], columns=("_atom_site_group_PDB",))
    assert "macromolecule" in refused(tmp_path, text).summary


def test_operations_without_quotes_and_a_file_without_its_first_line() -> None:
    listed = LISTED + "\nx, y, z\n-x, -y, -z + 1/2\n"
    text = cif(["Sr 0.1 0.2 0.3"], listed, BOX)
    assert read_one(text).frac_coords[1] == pytest.approx([0.9, 0.8, 0.2])
    numbered = text.replace("_symmetry_equiv_pos_as_xyz", "_a_id _symmetry_equiv_pos_as_xyz")
    numbered = numbered.replace("x, y", "1 x, y", 1).replace("-x, -y", "2 -x, -y")
    assert read_one(numbered).n_atoms == 2
    assert read_one(text.removeprefix("data_x\n")).n_atoms == 2


def test_types_of_scattering_factors_and_unknown_ones() -> None:
    rows = ["C1 Cval 0 0 0", "Si1 Siva .5 .5 .5", "O1 ? 0 .5 0", "O2 . .5 0 0"]
    text = cif(rows).replace("_atom_site_type_symbol", "_atom_site_label _atom_site_type_symbol")
    crystal = read_one(text)
    assert crystal.symbols == ("C", "Si", "O", "O")
    assert "taken from the labels" in crystal.notes[0]


def test_a_mixture_written_as_a_type() -> None:
    rows = ["'0.8Nb + 0.2Zr' 0 0 0 1", "N 0.5 0.5 0.5 1"]
    crystal = read_one(cif(rows, columns=OCC))
    assert [dict(site) for site in crystal.occupancy] == [{"Nb": 0.8, "Zr": 0.2}, {"N": 1.0}]


def test_a_mixture_with_a_vacancy_is_refused(tmp_path: Path) -> None:
    text = cif(["'0.8Nb + 0.1Zr' 0 0 0 1"], columns=OCC)
    assert "sum to 0.9" in refused(tmp_path, text).summary
    assert "not a chemical" in refused(tmp_path, text.replace("0.1Zr", "0.2Q")).summary


def test_occupancies_that_miss_one_by_rounding_are_scaled_with_a_note(tmp_path: Path) -> None:
    rows = ["Mg 0 0 0 0.67", "Fe 0 0 0 0.34", "O .5 .5 .5 1."]
    crystal = read_one(cif(rows, columns=OCC))
    assert dict(crystal.occupancy[0]) == pytest.approx({"Mg": 0.67 / 1.01, "Fe": 0.34 / 1.01})
    assert "were scaled to 1" in crystal.notes[0]
    text = cif([*rows[:1], "Fe 0 0 0 0.345", rows[2]], columns=OCC)
    assert "sum to 1.015" in refused(tmp_path, text).summary
    assert "sum to 0.99" in refused(tmp_path, cif(["O 0 0 0 0.99"], columns=OCC)).summary


def test_shared_sites_written_twice_are_one_site() -> None:
    rows = ["Cu 0 0 0 .7", "Au 0 0 0 .3", "Cu 1 0 0 .7", "Au 1 0 0 .3", "Fe .5 .5 .5 .5"]
    crystal = read_one(cif([*rows, "Fe .5 .5 .5 .5"], columns=OCC))
    assert [dict(site) for site in crystal.occupancy] == [{"Cu": 0.7, "Au": 0.3}, {"Fe": 1.0}]
    assert "2 of 6 sites repeat" in crystal.notes[0]


def test_nuclei_follow_from_magnetic_operations() -> None:
    loops = (
        "loop_ _space_group_symop_magn_operation.id _space_group_symop_magn_operation.xyz\n"
        "1 x,y,z,+1\n2 -x,-y,-z,-1\n"
        "loop_ _space_group_symop_magn_centering.id _space_group_symop_magn_centering.xyz\n"
        "1 x,y,z,+1\n2 x,y,z+1/2,-1\n_space_group_magn.number_BNS 2.7"
    )
    crystal = read_one(cif(["Mn .1 .2 .3"], loops, BOX))
    assert crystal.n_atoms == 4
    one = cif(["Mn .1 .2 .3"], loops.replace("x,y,z+1/2,-1", "x,y,z,-1"), BOX)
    assert read_one(one).n_atoms == 2  # time reversal alone moves no nucleus


@pytest.mark.parametrize("place", [(0.1, 0.2, 0.3), (0.3333, 0.6667, 0.1), (0.001, 0.0, 0.2501)])
def test_images_gathered_at_once_are_those_gathered_one_by_one(
    place: tuple[float, ...], rng: np.random.Generator
) -> None:
    (symmetry,) = operations({"_symmetry_space_group_name_h-m": ["P 63/m m c"]})
    cell = cell_from_parameters(3.2, 3.2, 5.2, 90, 90, 120)
    images = symmetry.rotations @ np.array(place) + symmetry.translations
    images += rng.integers(-2, 3, images.shape)
    found = grouped_images(images, cell)
    assert found is not None
    expected, sizes = gathered_images(images, cell)
    assert found[1] == sizes
    apart = found[0] - expected
    assert np.abs(apart - np.rint(apart)).max() < 1e-12


def test_filled_vacancies_are_held_against_the_formula_as_listed() -> None:
    extra = "_chemical_formula_sum 'Fe0.94 O'"
    text = cif(["Fe 0 0 0 0.94", "O .5 .5 .5 1"], extra=extra, columns=OCC)
    with vacancies("fill"):
        assert read_one(text).composition == {"Fe": 1.0, "O": 1.0}
