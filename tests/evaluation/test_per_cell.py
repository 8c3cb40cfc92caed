"""Errors per mole of primitive cells: limits that can be done in the head."""

import numpy as np
import pytest

from phonodos.evaluation.per_cell import cell_errors, cell_section
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import dos_from_frequencies
from phonodos.physics.units import GAS_CONSTANT


def einstein(wavenumber: float, atoms: int = 2) -> PhononDos:
    return dos_from_frequencies(np.full((1, 3 * atoms), wavenumber), np.ones(1))


def test_entropy_of_stiffer_springs() -> None:
    """Classically S changes by -3 k ln(w1/w0) an atom, F by T times that, C_V not at all."""
    entropy, free, heat = cell_errors(einstein(20.0), einstein(22.0), 2)
    change = 6 * GAS_CONSTANT * np.log(1.1)
    assert entropy == pytest.approx(change, rel=0.02)
    assert free == pytest.approx(0.3 * change, rel=0.02)
    assert heat < 0.1


def test_a_supercell_has_the_errors_of_its_primitive_cell() -> None:
    small = cell_errors(einstein(200.0), einstein(260.0), 2)
    large = cell_errors(einstein(200.0, 8), einstein(260.0, 8), 2)
    assert large == pytest.approx(small, rel=1e-6)
    assert cell_errors(einstein(200.0, 8), einstein(260.0, 8), 8) == pytest.approx(4 * small)


def test_section() -> None:
    found = cell_section(np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]), [10.0, None])["cell"]
    assert found["max_frequency_mae"] == pytest.approx(14.388, abs=1e-3)
    assert found["entropy_mae"] == 2.0
    assert found["free_energy_mae"] == 3.0
    assert found["heat_capacity_mae"] == 4.0
    assert cell_section(np.ones((1, 3)), [None])["cell"]["max_frequency_mae"] is None
