"""What a CIF states of its contents, held against its atoms."""

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.cif.contents import check_contents, stated_formula

TYPED = {"_atom_site_type_symbol": ["Mg"]}


def crystal_of(*sites: str | dict[str, float], volume: float = 20.0) -> Crystal:
    """Return a crystal with these sites at made-up places."""
    places = np.random.default_rng(7).random((len(sites), 3))
    occupancy = tuple({site: 1.0} if isinstance(site, str) else site for site in sites)
    return Crystal(np.cbrt(volume * len(sites)) * np.eye(3), places, occupancy)


def notes_of(crystal: Crystal, formula: str, **keys: str) -> list[str]:
    block = {"_chemical_formula_sum": [formula], **TYPED, **{k: [v] for k, v in keys.items()}}
    return check_contents(block, stated_formula(block), crystal)


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("C33 H42 Cl2 N2 O2 Ru", {"C": 33, "H": 42, "Cl": 2, "N": 2, "O": 2, "Ru": 1}),
        ("(Fe6.1 Mg.9) Si8 O23.5", {"Fe": 6.1, "Mg": 0.9, "Si": 8, "O": 23.5}),
        ("Mg (O H)2 (H2O)2", {"Mg": 1, "O": 4, "H": 6}),
        ("[(Mg.9 Fe.1)2 Si2]", {"Mg": 1.8, "Fe": 0.2, "Si": 2}),
        ("D2 O", {"H": 2, "O": 1}),
        *(
            (text, {})
            for text in (
                "FE2 O3",
                "?",
                "",
                "Na+ Cl-",
                "Mg (O H",
                "Mg) O",
                "SiO2 x H2O",
                "(H)" + "9" * 400,
            )
        ),
    ],
)
def test_formulas(text: str, amounts: dict[str, float]) -> None:
    found = stated_formula({"_chemical_formula_sum": [text]}).amounts
    assert found == pytest.approx(amounts)


MICA = ["K", *["Al"] * 3, *["Si"] * 3, *["O"] * 12]


@pytest.mark.parametrize(
    ("sites", "formula"),
    [
        ([*MICA, "H"], "K Al3 Si3 O12 H2"),
        ([*["C"] * 29, *["H"] * 32, "Cl", "Cl", "N", "N", "O", "Ru"], "C33 H42 Cl2 N2 O2 Ru"),
        ([*["C"] * 60, *["H"] * 59], "C60 H60"),  # one hydrogen of sixty
        (["Sr", "Ti", "O"], "Sr Ti O3"),
        (["O"], "H2 O"),
        ([{"Mg": 0.5, "Fe": 0.5}, "O"], "Mg0.5 Fe0.5 O1 H0.01"),
        ([{"Mg": 0.5, "Fe": 0.5}, "O"], "Mg0.8 Fe0.2 O"),
        (["Mg", "O", "O"], "Mg O"),
    ],
)
def test_lost_atoms_are_refused(sites: list[str], formula: str) -> None:
    with pytest.raises(StructureError, match="do not add up to the formula"):
        notes_of(crystal_of(*sites), formula)


@pytest.mark.parametrize(
    ("sites", "formula"),
    [
        ([*MICA, "H", "H"], "K Al3 Si3 O12 H2"),
        ([*MICA, "H", "H"], "K0.5 Al1.5 Si1.5 O6 H"),
        ([*["Mg"] * 3, *["Si"] * 3, *["O"] * 9], "Mg0.33 Si0.33 O1"),  # rounded to two digits
        ([{"Mg": 0.93, "Fe": 0.07}, "O"], "Mg0.9 Fe0.1 O"),  # an analysis beside a refinement
        ([{"Al": 0.998, "Ti": 0.002}, "N"], "Al N"),
        ([*["Al"] * 2, *["O"] * 3], "Al1.998 Cr0.002 O3"),
    ],
)
def test_what_rounding_and_analyses_do_is_let_pass(sites: list[str], formula: str) -> None:
    assert notes_of(crystal_of(*sites), formula) == []


def test_a_formula_that_lacks_elements_is_noted() -> None:
    for formula in ("C64", "Na Cl"):
        (note,) = notes_of(crystal_of("C", "N"), formula)
        assert f"'{formula}', is not that of its atoms" in note


def test_elements_of_labels_do_not_prove_a_formula_wrong() -> None:
    block = {"_chemical_formula_sum": ["C64"], "_atom_site_label": ["C1", "N1"]}
    with pytest.raises(StructureError):
        check_contents(block, stated_formula(block), crystal_of("C", "N"))


def test_the_stated_density_decides_between_atoms_and_formula() -> None:
    key = "_exptl_crystal_density_diffrn"
    sites = crystal_of("Si", "O")  # (28.085 + 15.999) / 40 A^3 is 1.830 g/cm^3
    assert len(notes_of(sites, "Si O2", **{key: "1.83(1)"})) == 1
    for density in ("2.49", "1.9", "?"):
        with pytest.raises(StructureError):
            notes_of(sites, "Si O2", **{key: density})
    with pytest.raises(StructureError):  # the density does not tell one hydrogen atom
        notes_of(crystal_of(*["Pb"] * 9, "H"), "Pb9 H2", **{key: "15.5"})
