"""Calculators in the shape of matcalc's: keys, units, chains, failures; matcalc itself if there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.prediction.predictor import load
from phonodos.workflows.calculator import PhononCalculator

BROKEN = {"cell": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "frac_coords": [[0, 0, 0]], "species": ["Xx"]}


@pytest.fixture
def calculator(lattice_weights: Path) -> PhononCalculator:
    """Small random weights, three temperatures."""
    return PhononCalculator(lattice_weights, t_min=100, t_max=300, t_step=100, extra=["elastic"])


def test_keys_and_units(calculator: PhononCalculator, rock_salt: Crystal) -> None:
    assert calculator.model is not None
    p = next(load(calculator.model).predict_many([rock_salt]))
    found = calculator.calc({"structure": rock_salt, "energy": -1.0, "_units": {"energy": "eV"}})
    assert found["final_structure"] is found["structure"] is rock_salt
    assert (found["energy"], found["_units"]["energy"]) == (-1.0, "eV")
    thermal = found["thermal_properties"]
    wanted = p.thermal_properties([100.0, 200.0, 300.0])
    np.testing.assert_array_equal(thermal["temperatures"], [100.0, 200.0, 300.0])
    np.testing.assert_allclose(thermal["heat_capacity"], wanted.heat_capacity)
    np.testing.assert_allclose(thermal["entropy"], wanted.entropy)
    np.testing.assert_allclose(thermal["free_energy"], wanted.free_energy / 1000.0)
    assert found["_units"]["thermal_properties.free_energy"] == "kJ/mol"
    w, g = (np.array(found["phonon_dos"][key]) for key in ("frequencies", "densities"))
    assert np.trapezoid(g, w) == pytest.approx(6.0, rel=1e-3)
    assert found["max_frequency"] == pytest.approx(p.max_frequency * THZ_PER_WAVENUMBER)
    assert set(found["elastic"]) > {"stiffness_GPa", "moduli_GPa"}
    assert found["phonon"] is None
    assert found["model"] == "small"


def test_input_is_left_as_it_is(calculator: PhononCalculator, rock_salt: Crystal) -> None:
    given = {"final_structure": rock_salt}
    calculator.calc(given)
    assert given == {"final_structure": rock_salt}


def test_phonopy_takes_it_further(lattice_weights: Path, rock_salt: Crystal) -> None:
    found = PhononCalculator(lattice_weights, phonopy=True).calc(rock_salt)
    phonon = found["phonon"]
    assert len(phonon.primitive) == 2
    assert phonon.force_constants is not None


def test_spectra_have_no_phonopy(rock_salt: Crystal) -> None:
    found = PhononCalculator("chen2021", phonopy=True, extra="modes").calc(rock_salt)
    assert found["phonon"] is found["modes"] is found["stability"] is None
    assert found["lowest_frequency"] is None
    assert "modes left out" in found["warnings"][-1]


def test_many(calculator: PhononCalculator, rock_salt: Crystal) -> None:
    given: list[Any] = [rock_salt, None, BROKEN, {"final_structure": rock_salt, "own": 1}]
    found = list(calculator.calc_many(iter(given), n_jobs=4, allow_errors=True))
    assert [each is None for each in found] == [False, True, True, False]
    assert found[3] is not None
    assert found[3]["own"] == 1
    results = calculator.calc_many(given)
    assert next(results) is not None
    with pytest.raises(StructureError, match="there is no structure"):
        next(results)


@pytest.mark.parametrize("wrong", [{"extra": "heat"}, {"t_step": 0.0}, {"t_min": -5.0}])
def test_refusals(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        PhononCalculator(**wrong)


@pytest.mark.filterwarnings("ignore")
def test_a_chain_of_matcalc(calculator: PhononCalculator) -> None:
    """Relaxed by one of matcalc's own calculators, then predicted by ours."""
    matcalc = pytest.importorskip("matcalc", reason="matcalc is not installed: pip install matcalc")
    from ase.build import bulk
    from ase.calculators.emt import EMT

    ours = (set(vars(matcalc.PropCalc)) & {"calc", "calc_many"}) - set(dir(PhononCalculator))
    assert not ours
    relax = matcalc.RelaxCalc(EMT(), fmax=0.05, max_steps=50)
    chain = matcalc.ChainedCalc([relax, calculator])
    found = chain.calc(bulk("Cu", a=3.7))
    assert found["energy"] is not None
    relaxed = found["final_structure"]
    alone = calculator.calc(relaxed)
    np.testing.assert_allclose(
        found["thermal_properties"]["heat_capacity"],
        alone["thermal_properties"]["heat_capacity"],
    )
    units = matcalc.PhononCalc(EMT()).calc.__doc__
    assert "J/(K*mol)" in units
    many = list(chain.calc_many([bulk("Cu", a=3.7)], allow_errors=True))
    assert many[0]["model"] == "small"
