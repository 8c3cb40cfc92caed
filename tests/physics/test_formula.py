"""Formulas in the order in which chemists write them."""

import re

import numpy as np
import pytest

from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.physics.formula import METALS, OTHERS, PLACES, as_written, in_html

WRITTEN = """
NaCl CsPbI3 KNbO3 BaTiO3 SrTiO3 PbTiO3 PbZrO3 BiFeO3 LaAlO3 LaMnO3 YAlO3 CaMgSi2O6 CaCO3 MgAl2O4
ZnFe2O4 NiFe2O4 CoFe2O4 FeCr2O4 FeAl2O4 FeTiO3 ZrTiO4 ZrSiO4 ZrW2O8 LiCoO2 LiNbO3 LiFePO4 KH2PO4
NaHCO3 LiBH4 NaNH2 NaAlSi3O8 CuFeO2 CuInS2 AgGaS2 AgBiS2 ZnGeP2 ZnSnO3 BaPbO3 UO2 Nd2CuO4 Al2O3 TiO2
SiO2 GeO2 B2O3 PbTe SnSe HgCdTe CdTe GaAs InGaAs AlInAs GaN AlN BN SiC B4C Mg3Sb2 Mg3Bi2 Bi2Te3
Bi2Se3 Sb2Te3 Cu3Au CuAu FePt Nb3Sn NiAl TiAl Mg2Si CH4 NH3 NH4Cl H2O D2O CO2 CH SO3 SF6 P2O5 ICl
XeF2 BaSO4 K2SO4
"""


@pytest.mark.parametrize("formula", WRITTEN.split())
def test_written_as_in_the_textbooks(formula: str) -> None:
    assert as_written(formula) == formula
    terms = [f"{s}{n}" for s, n in re.findall(r"([A-Z][a-z]?)(\d*)", formula)]
    assert as_written("".join(reversed(terms))) == formula


def test_every_element_has_a_place_of_its_own() -> None:
    assert len(PLACES) == len(f"{METALS} {OTHERS}".split())
    assert set(PLACES) == set(elements.symbols()[:103])


def test_shares_isotopes_and_other_text() -> None:
    assert as_written("Au0.3Cu0.7") == "Cu0.7Au0.3"
    assert as_written("O[17.999]Mg") == "MgO[17.999]"
    for text in ("a crystal", "", "mp-149", "Mg O"):
        assert as_written(text) == text


def test_the_reduced_formula_of_a_crystal() -> None:
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    crystal = Crystal.ordered(3.97 * np.eye(3), places, ["Pb", "Ti", "O", "O", "O"])
    assert as_written(crystal.formula) == "PbTiO3"


def test_subscripts_of_html() -> None:
    assert in_html("SrTiO3") == "SrTiO<sub>3</sub>"
    assert in_html("Cu0.7Au0.3") == "Cu<sub>0.7</sub>Au<sub>0.3</sub>"
    assert in_html("MgO[17.999]2") == "MgO[17.999]<sub>2</sub>"
    assert in_html("<b>&") == "&lt;b&gt;&amp;"
