"""Quasi-harmonic studies: laws on predictions, where E(V) is from, weights and crystals refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError, DataError, PredictionError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.quasi_harmonic import GPA_PER_EV_A3, JOULE_PER_EV, EquationOfState
from phonodos.prediction.predictor import Predictor
from phonodos.studies.mode_gruneisen import mode_gruneisen
from phonodos.studies.quasi_harmonic import QuasiHarmonicStudy, quasi_harmonic
from phonodos.studies.strain import TOLERATED

KELVIN = (0.0, 100.0, 300.0)


def judged(error: float) -> dict[str, object]:
    return {"gamma_mae": error, "exams": [{"name": "made", "gamma": 1.0 + error, "gamma_dft": 1}]}


def with_header(predictor: Predictor, strain: dict[str, object] | None) -> Predictor:
    header = {k: v for k, v in predictor.header.to_dict().items() if k != "strain"}
    more = {} if strain is None else {"strain": strain}
    return Predictor(predictor.networks, header | more)


@pytest.fixture(scope="module")
def pair() -> Predictor:
    """Two released members; what their header says of strain is made up."""
    return with_header(phonodos.load(members=2), judged(0.1))


@pytest.fixture(scope="module")
def salt() -> Crystal:
    """Primitive cell of NaCl, a = 5.64 A."""
    cell = 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"], name="NaCl")


@pytest.fixture(scope="module")
def plain(pair: Predictor, salt: Crystal) -> QuasiHarmonicStudy:
    """NaCl with a bulk modulus of 28 GPa, at 0, 100 and 300 K."""
    return quasi_harmonic(salt, KELVIN, bulk_modulus=28.0, model=pair)


@pytest.fixture(scope="module")
def single(pair: Predictor) -> Predictor:
    """One of the two networks."""
    return Predictor(pair.networks[:1], pair.header)


def test_laws_hold_for_predictions(plain: QuasiHarmonicStudy) -> None:
    """G, S and C_p belong together, and C_p - C_V = alpha^2 B V T."""
    t, h = np.array([50.0, 150.0, 300.0]), 0.05
    temperatures = [*t, *(t + h), *(t - h)]
    p = plain.at(temperatures).properties
    here, above, below = slice(0, 3), slice(3, 6), slice(6, 9)
    slope = -(p.gibbs_energy[above] - p.gibbs_energy[below]) / (2 * h)
    np.testing.assert_allclose(p.entropy[here], slope, rtol=1e-4)
    heat = t * (p.entropy[above] - p.entropy[below]) / (2 * h)
    np.testing.assert_allclose(p.heat_capacity_pressure[here], heat, rtol=1e-4)
    both = p.expansion**2 * p.bulk_modulus * p.volumes * p.temperatures
    np.testing.assert_allclose(
        p.heat_capacity_pressure - p.heat_capacity_volume,
        both / GPA_PER_EV_A3 * JOULE_PER_EV,
        rtol=1e-9,
    )
    growth = np.log(p.volumes[above] / p.volumes[below]) / (2 * h)
    np.testing.assert_allclose(p.expansion[here], growth, rtol=1e-3)


def test_a_cold_crystal_does_not_expand(plain: QuasiHarmonicStudy) -> None:
    alpha = plain.at([0.0, 3.0, 6.0, 300.0]).properties.expansion
    assert alpha[0] == 0.0
    assert alpha[2] / alpha[1] == pytest.approx(8.0, rel=0.1)
    assert alpha[2] < 1e-2 * alpha[3]


def test_the_small_limit(plain: QuasiHarmonicStudy, pair: Predictor, salt: Crystal) -> None:
    """In a stiff crystal alpha = gamma C_V / (B V), with the gamma of modes of the cell given."""
    equation = EquationOfState("vinet", 0.0, salt.volume, 5000.0)
    p = replace(plain.series, equation=equation).properties([300.0])
    gamma = mode_gruneisen(salt, pair).thermal
    assert p.gruneisen[0] == pytest.approx(gamma, rel=0.03)
    held = 5000.0 * salt.volume / GPA_PER_EV_A3 * JOULE_PER_EV
    assert p.expansion[0] == pytest.approx(gamma * p.heat_capacity_volume[0] / held, rel=0.03)


def test_energies_of_a_file_and_of_a_bulk_modulus(
    plain: QuasiHarmonicStudy, pair: Predictor, salt: Crystal, tmp_path: Path
) -> None:
    """Energies of the equation of state that a bulk modulus stands for give the same."""
    eos = EquationOfState("vinet", -7.0, salt.volume, 28.0)
    v = np.linspace(0.93, 1.08, 8) * salt.volume
    path = tmp_path / "e-v.dat"
    path.write_text("\n".join(f"{a} {b}" for a, b in zip(v, eos.energies(v), strict=True)))
    given = quasi_harmonic(salt, KELVIN, energy_volume=path, model=pair)
    for name in ("volumes", "expansion", "heat_capacity_pressure", "gibbs_energy"):
        wanted = getattr(plain.properties, name)
        np.testing.assert_allclose(getattr(given.properties, name), wanted, rtol=1e-4)
    assert given.source == "E(V) of e-v.dat"
    assert given.equation.energy == pytest.approx(-7.0)


def test_the_bulk_modulus_of_elastic(pair: Predictor, rock_salt: Crystal) -> None:
    study = quasi_harmonic(rock_salt, [300.0], bulk_modulus="elastic", model=pair)
    known = phonodos.elastic(rock_salt, model=pair)
    assert study.equation.bulk_modulus == pytest.approx(known.moduli["bulk_voigt"])
    moduli = [m.equation.bulk_modulus for m in study.members]
    assert moduli == pytest.approx([e.moduli["bulk_voigt"] for e, _ in known.members])
    assert "predicted (elastic)" in study.source


def test_a_measured_cell(single: Predictor, rock_salt: Crystal) -> None:
    study = quasi_harmonic(
        rock_salt, [0.0, 300.0], bulk_modulus=24.0, cell_temperature=300.0, model=single
    )
    assert study.properties.volumes[1] == pytest.approx(rock_salt.volume)
    assert study.properties.bulk_modulus[1] == pytest.approx(24.0)
    assert "that at 300 K" in study.source


def test_cells_and_amounts(plain: QuasiHarmonicStudy, pair: Predictor, salt: Crystal) -> None:
    """Two cells side by side expand as one; heat capacities are per amount."""
    double = Crystal.ordered(
        np.diag([1, 1, 2]) @ salt.cell,
        [[0, 0, 0], [0.5, 0.5, 0.25], [0, 0, 0.5], [0.5, 0.5, 0.75]],
        ["Na", "Cl", "Na", "Cl"],
    )
    two = quasi_harmonic(double, [300.0], bulk_modulus=28.0, model=pair)
    a, b = plain.at([300.0]).properties, two.properties
    assert b.expansion[0] == pytest.approx(a.expansion[0], rel=1e-3)
    assert b.volumes[0] == pytest.approx(2 * a.volumes[0], rel=1e-5)
    assert b.heat_capacity_pressure[0] == pytest.approx(2 * a.heat_capacity_pressure[0], rel=1e-4)
    formula = two.at([300.0], "formula").properties
    assert formula.heat_capacity_pressure[0] == pytest.approx(a.heat_capacity_pressure[0], rel=1e-4)


def test_spread_and_record(
    plain: QuasiHarmonicStudy, single: Predictor, rock_salt: Crystal
) -> None:
    study = plain.at(KELVIN, "formula")
    wide = study.spreads["expansion"]
    assert wide is not None
    each = [m.properties([300.0]).expansion[0] for m in study.members]
    assert wide[2] == pytest.approx(np.std(each, ddof=1))
    record = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert record["gruneisen"][0] is None
    assert record["strain_error"] == 0.1
    assert record["units"]["expansion"] == "1/K"
    assert record["units"]["heat_capacity_pressure"] == "J/(K mol of formula units)"
    assert record["static_energy"]["bulk_modulus_GPa"] == 28.0
    names, rows = study.table()
    assert names[:3] == ("temperature_K", "volume [A^3/cell]", "volume_spread [A^3/cell]")
    assert [row[0] for row in rows] == list(KELVIN)
    alone = quasi_harmonic(rock_salt, [300.0], bulk_modulus=28.0, model=single)
    assert alone.spreads["expansion"] is None
    assert alone.members == ()


@pytest.mark.parametrize(
    ("strain", "what"),
    [(None, "never judged on strain"), (judged(TOLERATED + 0.01), "erred by 0.36 on average")],
)
def test_weights_that_are_refused(
    single: Predictor, rock_salt: Crystal, strain: dict[str, object] | None, what: str
) -> None:
    bad = with_header(single, strain)
    with pytest.raises(ConfigError, match=what) as refusal:
        quasi_harmonic(rock_salt, [300.0], bulk_modulus=28.0, model=bad)
    assert "accept_strain_error" in refusal.value.fix
    study = quasi_harmonic(
        rock_salt, [300.0], bulk_modulus=28.0, model=bad, accept_strain_error=True
    )
    assert what in study.warnings[0]
    assert study.to_dict()["strain_error"] == (None if strain is None else TOLERATED + 0.01)


def test_crystals_that_no_exam_was_of(plain: QuasiHarmonicStudy) -> None:
    assert any("exams on strain were of other crystals" in text for text in plain.warnings)


def test_released_weights_pass_only_where_their_error_is_small(rock_salt: Crystal) -> None:
    released = phonodos.load(members=1)
    known = released.header.strain
    if known is not None and known.gamma_mae <= TOLERATED:
        study = quasi_harmonic(rock_salt, [300.0], bulk_modulus=28.0, model=released)
        assert np.isfinite(study.properties.expansion[0])
        return
    with pytest.raises(ConfigError, match="no quasi-harmonic properties from these weights"):
        quasi_harmonic(rock_salt, [300.0], bulk_modulus=28.0, model=released)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({}, "take E.V. or a bulk modulus"),
        ({"bulk_modulus": 28.0, "energy_volume": "x"}, "not both"),
        ({"bulk_modulus": -1.0}, "a bulk modulus of -1 GPa"),
        ({"bulk_modulus": float("nan")}, "a bulk modulus of nan GPa"),
        ({"bulk_modulus": "soft"}, "no bulk modulus: 'soft'"),
        ({"bulk_modulus": 28.0, "equation": "cubic"}, "unknown equation of state"),
        ({"bulk_modulus": 28.0, "cell_temperature": -5.0}, "temperatures -5 K"),
        ({"energy_volume": "x", "cell_temperature": 5.0}, "--cell-temperature with"),
        ({"bulk_modulus": 28.0, "temperatures": [-1.0]}, "temperatures -1 K"),
        ({"bulk_modulus": 28.0, "strains": [0.0]}, "no slope"),
        ({"bulk_modulus": 28.0, "per": "mole"}, "--per mole is not known"),
        ({"bulk_modulus": 28.0, "strains": [-0.01, 0.0, 0.01]}, "3 of 3 volumes"),
    ],
)
def test_words_that_make_no_sense(
    pair: Predictor, rock_salt: Crystal, words: dict[str, object], what: str
) -> None:
    with pytest.raises((ConfigError, PredictionError), match=what):
        quasi_harmonic(rock_salt, model=pair, **words)


@pytest.mark.parametrize(
    ("volumes", "energies", "what"),
    [
        ([44.0, 45.0, 46.0], [0.1, 0.0, 0.1], "3 different volumes"),
        ([44.0, 45.0, 46.0, 47.0, 48.0], [0.0, 0.1, 0.2, 0.3, 0.4], "no minimum"),
        (
            [84.0, 87.0, 90.0, 93.0, 96.0],
            [0.44, 0.105, 0.0, 0.095, 0.36],
            "minimum at 90",
        ),
    ],
)
def test_energies_that_are_not_of_this_crystal(
    pair: Predictor, rock_salt: Crystal, volumes: list[float], energies: list[float], what: str
) -> None:
    with pytest.raises(DataError, match=what):
        quasi_harmonic(rock_salt, energy_volume=(volumes, energies), model=pair)


def test_energies_that_scatter_are_told(single: Predictor, rock_salt: Crystal) -> None:
    v = np.linspace(0.93, 1.08, 8) * rock_salt.volume
    eos = EquationOfState("vinet", -7.0, rock_salt.volume, 28.0)
    e = eos.energies(v) + 0.005 * np.array([1, -1, -1, 1, 1, -1, -1, 1])
    study = quasi_harmonic(rock_salt, [300.0], energy_volume=(v, e), model=single)
    assert any("misses E(V) by" in text for text in study.warnings)


def test_temperatures_beyond_the_volumes_are_told(plain: QuasiHarmonicStudy) -> None:
    soft = replace(plain.series, equation=replace(plain.equation, bulk_modulus=15.0))
    study = replace(plain, series=soft, members=()).at([0.0, 900.0])
    assert np.isnan(study.properties.expansion[1])
    assert any("from 900 K on no volume" in text for text in study.warnings)


def test_crystals_that_are_refused(
    single: Predictor, rock_salt: Crystal, perovskite: Crystal, quick: Predictor
) -> None:
    with pytest.raises(PredictionError, match="not stable"):
        quasi_harmonic(perovskite, [300.0], bulk_modulus=180.0, model=single)
    box = Crystal.ordered(12.0 * np.eye(3), [[0, 0, 0], [0.2, 0, 0]], ["Na", "Cl"], name="molecule")
    with pytest.raises(StructureError, match="of a molecule in a box"):
        quasi_harmonic(box, [300.0], bulk_modulus=28.0, model=single)
    with pytest.raises(ConfigError, match="predicts the density of states only"):
        quasi_harmonic(rock_salt, [300.0], bulk_modulus=28.0, model=quick, accept_strain_error=True)


def test_volumes_that_soften_are_left_out(
    single: Predictor, rock_salt: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imaginary states at the largest volume: it counts nothing, and that is told."""
    from phonodos.studies import quasi_harmonic as home

    whole = home.strain

    def softened(crystal: Crystal, strains: Sequence[float], **more: object) -> object:
        study = whole(crystal, strains, **more)  # type: ignore[arg-type]
        points = (*study.points[:-1], replace(study.points[-1], imaginary_share=0.05))
        return replace(study, points=points)

    monkeypatch.setattr(home, "strain", softened)
    study = quasi_harmonic(rock_salt, [300.0], bulk_modulus=28.0, model=single)
    assert len(study.strains) == 6
    assert any("imaginary states at strains of +4 %" in text for text in study.warnings)
