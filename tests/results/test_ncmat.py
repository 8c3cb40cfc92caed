"""NCMAT files: what stands in them, what NCrystal makes of them, what has no place."""

import numpy as np
import pytest

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.isotopes import with_isotopes
from phonodos.physics.neutron import mean_squared
from phonodos.physics.units import EV_PER_WAVENUMBER
from phonodos.results.ncmat import ncmat_text

AXIS = np.arange(0.0, 301.0)


@pytest.fixture
def dos() -> PhononDos:
    """Na below Cl, both as w^2 at zero."""
    rows = np.stack([AXIS**2 * np.exp(-(((AXIS - c) / 30.0) ** 2)) for c in (100.0, 200.0)])
    rows *= 3.0 / np.trapezoid(rows, AXIS, axis=1)[:, None]
    return PhononDos(AXIS, rows.sum(axis=0), 2, rows)


def test_what_stands_there(rock_salt: Crystal, dos: PhononDos) -> None:
    text = ncmat_text(
        with_isotopes(rock_salt, ["Cl=Cl37"]), dos, ("predicted", "warning:  two\nlines")
    )
    lines = text.splitlines()
    assert lines[:3] == ["NCMAT v5", "# predicted", "# warning: two lines"]
    assert "  lengths 5.64 5.64 5.64" in lines  # of the conventional cell
    assert "  angles 90 90 90" in lines
    assert sum(line.startswith("  Cl37 0") for line in lines) == 4
    assert [x.split()[1] for x in lines if x.startswith("  element")] == ["Na", "Cl37"]
    assert lines.count("  fraction 1/2") == 2
    low, high = map(float, lines[lines.index("  type vdos") + 1].split()[1:])
    assert low == pytest.approx(3.0 * EV_PER_WAVENUMBER)
    assert 200 * EV_PER_WAVENUMBER < high <= 300 * EV_PER_WAVENUMBER
    assert max(map(len, lines)) < 130


def test_ncrystal_reads_it(rock_salt: Crystal, dos: PhononDos) -> None:
    ncrystal = pytest.importorskip("NCrystal", reason="extra [neutron] absent")
    found = ncrystal.directLoad(ncmat_text(rock_salt, dos), cfg_params="temp=300K")
    moved = {a.atomData.displayLabel(): a.meanSquaredDisplacement for a in found.info.atominfos}
    expected = mean_squared(dos, rock_salt.masses, 300.0)
    np.testing.assert_allclose([moved["Na"], moved["Cl"]], expected, rtol=0.01)
    assert found.info.getDensity() == pytest.approx(2.16, abs=0.03)
    assert found.scatter.xsect(0.025, direction=(0, 0, 1)) > 1.0
    heavy = ncrystal.directLoad(ncmat_text(with_isotopes(rock_salt, ["Cl=Cl37"]), dos))
    masses = sorted(a.atomData.averageMassAMU() for a in heavy.info.atominfos)
    assert masses[1] == pytest.approx(36.966, abs=0.001)


@pytest.mark.parametrize("angle", [90.0, 103.0, 97.0])
def test_cells_of_which_ncrystal_knows_the_volume(dos: PhononDos, angle: float) -> None:
    """Monoclinic ones as they are; triclinic ones by their density."""
    ncrystal = pytest.importorskip("NCrystal", reason="extra [neutron] absent")
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    cell = np.array([[4.0, 0, 0], [0.7 * (angle == 97.0), 5.0, 0], [6.0 * c, 0, 6.0 * s]])
    crystal = Crystal.ordered(cell, [[0.1, 0.2, 0.3], [0.5, 0.55, 0.6]], ["Na", "Cl"])
    text = ncmat_text(crystal, dos)
    assert ("@DENSITY" in text) == (angle == 97.0)
    grams = crystal.masses.sum() * 1.66053906660 / crystal.volume
    assert ncrystal.directLoad(text).info.getDensity() == pytest.approx(grams, rel=1e-4)


def test_what_has_no_place(rock_salt: Crystal, dos: PhononDos) -> None:
    with pytest.raises(DataError, match="not projected on the atoms"):
        ncmat_text(rock_salt, PhononDos(AXIS, dos.densities, 2))
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 1.0}, {"Cl": 0.5, "Br": 0.5}))
    with pytest.raises(StructureError, match="site 2 is shared by"):
        ncmat_text(mixed, dos)
    with pytest.raises(StructureError, match=r"mass of 36\.2 amu"):
        ncmat_text(with_isotopes(rock_salt, ["Cl=36.2"]), dos)
    axis = AXIS - 400.0
    with pytest.raises(DataError, match="no states at real frequencies"):
        ncmat_text(rock_salt, PhononDos(axis, dos.densities, 2, dos.projected))
