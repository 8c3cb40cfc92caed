"""Small real-world inputs: what each gives, by composition, or that it is refused."""

from pathlib import Path

import pytest

from phonodos.errors import StructureError
from phonodos.structures.reading import read_crystals

CASES = Path(__file__).parent.parent / "structures" / "cases"
READ = {
    "ops_incomplete_NaCl.cif": {"Na": 4.0, "Cl": 4.0},
    "calc_flag_dum.cif": {"Na": 4.0, "Cl": 4.0},
    "attached_hydrogens_unknown.cif": {"Mg": 1.0, "O": 1.0},
    "symops_unknown_but_group_named.cif": {"Mg": 4.0, "O": 4.0},
    "modulation_dimension_0.cif": {"Mg": 1.0, "O": 1.0},
    "label_with_site_letter.cif": {"Mg": 1.0, "O": 1.0},
    "group_A-1_centred_triclinic.cif": {"Na": 4.0},
    "group_Cmca_old_symbol.cif": {"P": 8.0},
}
REFUSED = (
    *("amcsd_OH_brucite.cif", "label_W_water.cif", "occupancy_question_mark.cif"),
    *("optimade_attached.json", "optimade_implicit.json"),
)


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    (crystal,) = read_crystals(CASES / name)
    assert crystal.composition == READ[name]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(StructureError):
        read_crystals(CASES / name)
