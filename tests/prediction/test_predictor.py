"""The predictor: every kind of input, many at once, and what it warns of or refuses."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import GeneratorType

import numpy as np
import pytest
import torch

import phonodos
from phonodos.errors import (
    ConfigError,
    PhonodosError,
    PredictionError,
    StructureError,
    WeightsError,
    WeightsWarning,
)
from phonodos.model.graph import build_graph
from phonodos.physics.crystal import Crystal
from phonodos.physics.isotopes import read_isotope, with_isotopes
from phonodos.prediction.doubts import stiff_bonds
from phonodos.prediction.prediction import PhonodosWarning
from phonodos.prediction.predictor import Predictor, as_predictor, check_unpredicted, load
from phonodos.structures.objects import to_atoms, to_phonopy_atoms, to_structure


@pytest.fixture(scope="module")
def model() -> Predictor:
    return load("chen2021")


def supercell(crystal: Crystal, n: int) -> Crystal:
    shifts = np.stack(np.meshgrid(*[np.arange(n)] * 3), axis=-1).reshape(-1, 3)
    coords = ((crystal.frac_coords[None] + shifts[:, None]) / n).reshape(-1, 3)
    return Crystal(crystal.cell * n, coords, crystal.occupancy * n**3, crystal.name)


def test_spectrum_is_a_density_of_states(model: Predictor, perovskite: Crystal) -> None:
    p = model.predict(perovskite)
    assert p.crystal is perovskite
    assert p.model == "chen2021"
    assert p.lattice is None
    assert p.dos.integral == pytest.approx(3 * 5)
    assert p.dos.densities.min() >= 0.0
    assert p.dos.frequencies[[0, -1]].tolist() == [0.0, 1000.0]


def test_all_kinds_of_input_agree(model: Predictor, examples: Path) -> None:
    path = examples / "NaCl.cif"
    wanted = model.predict(path).dos.densities
    crystal = phonodos.read_crystal(path)
    for other in (str(path), crystal, to_structure(crystal), to_atoms(crystal)):
        np.testing.assert_allclose(model.predict(other).dos.densities, wanted, atol=1e-6)
    phonopy_atoms = to_phonopy_atoms(crystal)
    np.testing.assert_allclose(model.predict(phonopy_atoms).dos.densities, wanted, atol=1e-6)


def test_supercell_gives_the_dos_times_its_multiplicity(
    model: Predictor, rock_salt: Crystal
) -> None:
    small, large = model.predict(rock_salt), model.predict(supercell(rock_salt, 2))
    assert large.dos.n_atoms == 16
    np.testing.assert_allclose(large.dos.densities, 8 * small.dos.densities, rtol=1e-4, atol=1e-6)


def test_500_atoms(model: Predictor, rng: np.random.Generator) -> None:
    """A large cell without translations of its own."""
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3)[:500] / 8
    coords = grid + 0.02 / 8 * rng.normal(size=grid.shape)
    crystal = Crystal.ordered(8 * 2.82 * np.eye(3), coords, ["Na", "Cl"] * 250)
    (prediction,) = model.predict_many([crystal])  # Cl beside Cl: it would warn
    assert prediction.dos.integral == pytest.approx(1500)


def test_many_keep_their_order_and_equal_single_ones(
    model: Predictor, rock_salt: Crystal, perovskite: Crystal
) -> None:
    crystals = [rock_salt, perovskite] * 40
    many = list(model.predict_many(crystals))
    assert [p.crystal for p in many] == crystals
    for crystal, p in zip(crystals[:2], many[:2], strict=True):
        single = model.predict(crystal)
        np.testing.assert_allclose(p.dos.densities, single.dos.densities, rtol=1e-4, atol=1e-6)


def test_many_is_lazy(model: Predictor, rock_salt: Crystal) -> None:
    asked = []

    def endless() -> Iterator[Crystal]:
        while True:
            asked.append(1)
            yield rock_salt

    stream = model.predict_many(endless())
    assert isinstance(stream, GeneratorType)
    next(stream)
    assert len(asked) < 1000


def test_failures_take_their_places(model: Predictor, rock_salt: Crystal) -> None:
    box = Crystal.ordered(20.0 * np.eye(3), [[0, 0, 0]], ["Ar"], name="box")
    found = list(model.predict_many([rock_salt, box, "gone.cif", rock_salt], errors="yield"))
    assert [isinstance(f, PhonodosError) for f in found] == [False, True, True, False]
    assert "box" in found[1].summary
    assert "gone.cif" in found[2].summary
    with pytest.raises(StructureError, match="box"):
        list(model.predict_many([rock_salt, box]))


def test_unseen_element_is_predicted_with_a_warning(model: Predictor) -> None:
    cell = 5.47 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    uo2 = Crystal.ordered(cell, [[0, 0, 0], [0.25] * 3, [0.75] * 3], ["U", "O", "O"], name="UO2")
    with pytest.warns(PhonodosWarning, match="UO2: never seen in training: U"):
        p = model.predict(uo2)
    assert p.dos.integral == pytest.approx(9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (again,) = model.predict_many([uo2])
    assert again.warnings == p.warnings


def test_states_beyond_the_axis_are_announced(model: Predictor) -> None:
    diamond = 3.567 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    crystal = Crystal.ordered(diamond, [[0, 0, 0], [0.25] * 3], ["C", "C"], name="diamond")
    with pytest.warns(PhonodosWarning, match=r"C-C bonds vibrate above 1000 cm\^-1"):
        model.predict(crystal)


def test_stiff_bonds_are_short_and_light(rock_salt: Crystal) -> None:
    assert stiff_bonds(rock_salt, build_graph(rock_salt, 5.0)) == []
    ice = Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0], [0.24, 0, 0]], ["O", "D"])
    assert stiff_bonds(ice, build_graph(ice, 5.0)) == ["H-O"]


def test_silicates_vibrate_above_the_axis() -> None:
    """A fifth of the states of SiO2 lie between 1000 and 1200 cm^-1."""
    cell = 7.16 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    oxygens = [[0.125] * 3, [0.625, 0.125, 0.125], [0.125, 0.625, 0.125], [0.125, 0.125, 0.625]]
    cristobalite = Crystal.ordered(
        cell, [[0.0] * 3, [0.25] * 3, *oxygens], ["Si"] * 2 + ["O"] * 4
    )  # fmt: skip
    assert stiff_bonds(cristobalite, build_graph(cristobalite, 5.0)) == ["Si-O"]


def test_alloy_goes_through_the_same_path(model: Predictor, rock_salt: Crystal) -> None:
    shares = (1.0, 0.999, 0.5, 0.001, 0.0)
    sites = [{k: v for k, v in (("Cl", x), ("Br", 1.0 - x)) if v > 0.0} for x in shares]
    alloys = [replace(rock_salt, occupancy=({"Na": 1.0}, site)) for site in sites]
    chloride, nearly, half, almost, bromide = (
        p.dos.densities / p.dos.densities.max() for p in model.predict_many(alloys)
    )
    np.testing.assert_allclose(nearly, chloride, atol=0.02)  # no jump at the ends
    np.testing.assert_allclose(almost, bromide, atol=0.02)
    warned = [
        any("shared by elements" in w for w in p.warnings) for p in model.predict_many(alloys)
    ]
    assert warned == [False, True, True, True, False]
    for end in (chloride, bromide):
        assert np.abs(half - end).max() > 0.05


def test_empty_spectrum_is_an_error(model: Predictor, rock_salt: Crystal) -> None:
    alive = model.networks[0]
    nothing = {name: 0.0 * values for name, values in alive.parameters.items()}
    dead = type(alive)(alive.config, nothing)
    with pytest.raises(PredictionError, match="NaCl: chen2021 gives no spectrum"):
        Predictor([dead], model.header).predict(rock_salt)


def test_thermal_properties_of_a_prediction(model: Predictor, rock_salt: Crystal) -> None:
    t = model.predict(rock_salt).thermal_properties([0.0, 300.0, 5000.0])
    assert t.heat_capacity[0] == 0.0
    assert t.heat_capacity[2] == pytest.approx(6 * 8.31446, rel=1e-3)


def test_unknown_model() -> None:
    with pytest.raises(WeightsError, match="no weights named"):
        phonodos.load("nothing")


def test_prediction_leaves_torch_alone(model: Predictor, rock_salt: Crystal) -> None:
    before = (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled())
    list(model.predict_many([rock_salt]))
    assert (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()) == before


@pytest.fixture(scope="module")
def springs() -> Predictor:
    return load("lattice", members=1)


def test_isotopes_are_other_masses_on_the_same_springs(
    springs: Predictor, rock_salt: Crystal
) -> None:
    heavy = with_isotopes(rock_salt, [read_isotope("Cl=Cl37")])
    with pytest.warns(PhonodosWarning, match="isotopes: Cl = 36.965903 amu"):
        asked = springs.predict(rock_salt, isotopes=["Cl=Cl37"])
    assert asked.crystal.occupancy == heavy.occupancy
    plain, found = springs.predict(rock_salt).lattice, asked.lattice
    assert plain is not None
    assert found is not None
    masses = [37.0 if s == "Cl" else None for s in plain.crystal.symbols]
    own = [own if new is None else 36.96590 for new, own in zip(masses, plain.masses, strict=True)]
    q = np.array([[0.2, 0.1, 0.4], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(
        found.frequencies(q), plain.with_masses(np.array(own)).frequencies(q), atol=2e-3
    )
    assert found.frequencies(q).max() < plain.frequencies(q).max() - 1.0


def test_no_interval_where_it_does_not_hold(springs: Predictor) -> None:
    titanium_nitride = Crystal.ordered(
        4.24 * (1 - np.eye(3)) / 2, [[0.0] * 3, [0.5] * 3], ["Ti", "N"], "TiN"
    )
    with pytest.warns(PhonodosWarning, match="may be a metal \\(a nitride of transition metals"):
        p = springs.predict(titanium_nitride)
    assert p.calibrations
    assert p.outside == ("a metal",)
    assert p.intervals == {}
    rock = Crystal.ordered(4.21 * (1 - np.eye(3)) / 2, [[0.0] * 3, [0.5] * 3], ["Mg", "O"], "MgO")
    assert set(springs.predict(rock).intervals) == {"mean_frequency", "heat_capacity"}


def test_a_predictor_keeps_its_mind_about_metals(springs: Predictor) -> None:
    assert as_predictor(springs) is springs
    with pytest.raises(ConfigError, match="that keeps the charges"):
        as_predictor(springs, metal=True)
    with pytest.raises(ConfigError, match="--isotope with a spectrum"):
        check_unpredicted("a spectrum", metal=False, isotopes=["O=O18"])
    check_unpredicted("a spectrum", metal=False, isotopes=[])


def test_many_are_taken_from_a_frame_a_file_or_one_object(
    model: Predictor, rock_salt: Crystal, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    wanted = model.predict(rock_salt).dos.densities
    structure = to_structure(rock_salt)
    frame = pandas.DataFrame({"material_id": ["a", "b"], "structure": [structure, structure]})
    frame.to_json(tmp_path / "x.json", orient="split", default_handler=lambda x: x.as_dict())
    for source in (frame, frame["structure"], str(tmp_path / "x.json"), tmp_path / "x.json"):
        found = list(model.predict_many(source))
        assert len(found) == 2
        for p in found:
            np.testing.assert_allclose(p.dos.densities, wanted, atol=1e-6)
    assert [p.crystal.name for p in model.predict_many(frame)] == ["a", "b"]
    assert [p.crystal.n_atoms for p in model.predict_many(structure)] == [2]
    (gone,) = model.predict_many(tmp_path / "gone.cif", errors="yield")
    assert isinstance(gone, StructureError)
    with pytest.raises(StructureError, match=r"gone\.cif"):
        next(model.predict_many("gone.cif"))
    bad = pandas.DataFrame({"structure": [structure, None]})
    good, empty = model.predict_many(bad, errors="yield")
    assert not isinstance(good, PhonodosError)
    assert isinstance(empty, StructureError)


def test_vacancies_of_objects(rock_salt: Crystal) -> None:
    structure = to_structure(rock_salt)
    structure.replace(0, {"Na": 0.9})  # type: ignore[arg-type]
    with pytest.raises(StructureError, match=r"sum to 0\.9"):
        next(load("chen2021").predict_many([structure]))
    with pytest.raises(phonodos.errors.ConfigError, match="vacancies 'x'"):
        load("chen2021", vacancies="x")
    (p,) = load("chen2021", vacancies="fill").predict_many([structure])
    assert "vacancies were filled" in p.warnings[0]
    assert p.crystal.formula == "NaCl"


WITHOUT_TORCH = """
import sys
from phonodos.model.imports import hidden
with hidden("torch"):
    import phonodos
    for name in ("lattice", "chen2021"):
        answer = next(phonodos.load(name).predict_many([sys.argv[1]]))
        print(answer.dos.mean_frequency)
    answer.thermal_properties([300.0])
print("torch" in sys.modules)
"""


def test_predictions_need_no_torch(examples: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(examples / "NaCl.cif")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    *found, loaded = done.stdout.split()
    assert loaded == "False"
    for name, mean in zip(("lattice", "chen2021"), found, strict=True):
        here = next(load(name).predict_many([examples / "NaCl.cif"]))
        assert float(mean) == pytest.approx(here.dos.mean_frequency, rel=1e-9)


def test_fewer_members_than_intervals_were_fitted_for() -> None:
    with pytest.warns(WeightsWarning, match="fitted with 1 and 3 of its networks: with 2 none is"):
        assert load("chen2021", members=2).calibrations == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load("chen2021", members=1).calibrations
