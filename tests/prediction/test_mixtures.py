"""Mixtures: pure ends to the bit, averages that are averages, both kinds of network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import ConfigError, PhonodosError, PredictionError
from phonodos.model.graph import build_graph
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.physics.alloy import Alloy, alloy_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_mass, atomic_number
from phonodos.physics.substitution import parse_substitution, substituted
from phonodos.prediction.mixtures import methods_of, predict_mixtures, virtual_crystal
from phonodos.prediction.predictor import Predictor, load
from phonodos.structures.reading import read_crystal

HEADER = {"name": "small", "training_elements": {"Mg": 20, "Sb": 20}, "training_formulas": []}
SMALL = LatticeConfig(
    embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
    head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def alloy() -> Alloy:
    folder = Path(__file__).parents[2] / "examples"
    return alloy_of(*(read_crystal(folder / f"{name}.cif") for name in ("Mg3Sb2", "Mg3Bi2")))


@pytest.fixture(scope="module")
def lattice() -> Predictor:
    """Two members of random weights in double precision."""
    return Predictor([LatticeNetwork.untrained(SMALL, seed) for seed in range(2)], HEADER)


@pytest.mark.parametrize("method", ["embedding", "vca"])
def test_pure_ends_are_pure_predictions(alloy: Alloy, lattice: Predictor, method: str) -> None:
    first, middle, second = predict_mixtures(lattice, alloy, [0.0, 0.5, 1.0], method)  # type: ignore[arg-type]
    for found, crystal in ((first, alloy.first), (second, alloy.second)):
        alone = lattice.predict_many([crystal])
        assert np.array_equal(found.dos.densities, next(alone).dos.densities)
    assert middle.dos.integral == pytest.approx(15.0)


def test_pure_ends_of_the_released_network(alloy: Alloy) -> None:
    model = load("chen2021")
    assert methods_of(model) == ("embedding",)
    ends = list(predict_mixtures(model, alloy, [0.0, 1.0]))
    alone = [next(model.predict_many([c])) for c in (alloy.first, alloy.second)]
    for found, pure in zip(ends, alone, strict=True):
        assert np.array_equal(found.dos.frequencies, pure.dos.frequencies)
        assert np.array_equal(found.dos.densities, pure.dos.densities)


def test_the_encoding_is_equation_1(alloy: Alloy) -> None:
    graph = build_graph(alloy.mixture(0.75), 5.0)
    site = next(k for k, o in enumerate(alloy.mixture(0.75).occupancy) if "Bi" in o and "Sb" in o)
    row = graph.site_masses[site]
    antimony, bismuth = (atomic_number(s) - 1 for s in ("Sb", "Bi"))
    assert float(row[bismuth]) == 0.75 * atomic_mass("Bi")
    assert float(row[antimony]) == 0.25 * atomic_mass("Sb")
    assert int((row != 0).sum()) == 2
    pure = build_graph(alloy.first, 5.0)
    assert graph.site_masses.shape == pure.site_masses.shape


def test_the_virtual_crystal_is_an_average(lattice: Predictor, rock_salt: Crystal) -> None:
    """On one geometry, constants and charges are linear in x, and so are the masses."""
    sites = tuple({"K": 1.0} if "Na" in site else site for site in rock_salt.occupancy)
    alloy = alloy_of(rock_salt, replace(rock_salt, occupancy=sites, name="KCl"))
    one = Predictor(lattice.networks[:1], HEADER)
    ends = [next(one.predict_many([c])) for c in (alloy.first, alloy.second)]
    mixed = virtual_crystal(one, alloy, 0.25, alloy.mixture(0.25))
    assert mixed.lattice is not None
    a, b = (p.lattice.harmonic for p in ends if p.lattice is not None)
    found = mixed.lattice.harmonic
    for name in ("force_constants", "born", "dielectric", "masses"):
        wanted = 0.75 * getattr(a, name) + 0.25 * getattr(b, name)
        np.testing.assert_allclose(getattr(found, name), wanted, rtol=1e-6, atol=1e-6)
    assert mixed.lattice.crystal.masses[0] == pytest.approx(
        0.75 * atomic_mass("Na") + 0.25 * atomic_mass("K")
    )


def test_an_alloy_of_one_crystal_with_itself(lattice: Predictor, rock_salt: Crystal) -> None:
    alloy = alloy_of(rock_salt, rock_salt)
    pure = next(lattice.predict_many([rock_salt])).dos
    mixed = virtual_crystal(lattice, alloy, 0.4, alloy.mixture(0.4))
    np.testing.assert_allclose(mixed.dos.densities, pure.densities, atol=1e-9)
    assert len(mixed.members) == 2


def test_supercells_and_swapped_ends(lattice: Predictor, rock_salt: Crystal) -> None:
    """Two sites of equal content from different ends are not the same site."""
    double = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 2]]) @ rock_salt.cell
    coords = np.vstack([rock_salt.frac_coords, rock_salt.frac_coords + [0, 0, 1]]) / [1, 1, 2]
    plain = Crystal.ordered(double, coords, ["Na", "Cl", "Na", "Cl"])
    alloy = substituted(plain, [parse_substitution("Na=Na{1-x}K{x}")])
    small = substituted(rock_salt, [parse_substitution("Na=Na{1-x}K{x}")])
    big, one = (virtual_crystal(lattice, al, 0.5, al.mixture(0.5)).dos for al in (alloy, small))
    assert big.n_atoms == 4
    np.testing.assert_allclose(big.densities, 2 * one.densities, atol=1e-6)
    ends = [
        Crystal.ordered(double, coords, ["Na", "Cl", "K", "Cl"]),
        Crystal.ordered(double, coords, ["K", "Cl", "Na", "Cl"]),
    ]
    n = np.arange(4)
    swapped = Alloy(ends[0], ends[1], n, double, np.zeros((4, 3)))
    mixed = virtual_crystal(lattice, swapped, 0.5, swapped.mixture(0.5))
    assert mixed.lattice is not None
    assert mixed.lattice.crystal.n_atoms == 4
    assert mixed.dos.integral == pytest.approx(12.0)


def test_a_spectrum_has_no_force_constants(alloy: Alloy) -> None:
    with pytest.raises(ConfigError, match="chen2021 cannot do 'vca'"):
        next(predict_mixtures(load("chen2021"), alloy, [0.5], "vca"))


def test_unseen_elements_are_named(alloy: Alloy, lattice: Predictor) -> None:
    (found,) = predict_mixtures(lattice, alloy, [0.5], "vca")
    assert any("never seen in training: Bi" in text for text in found.warnings)


def test_whatever_fails_is_named(
    alloy: Alloy, lattice: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*_: object, **__: object) -> None:
        raise MemoryError("14 TiB")

    monkeypatch.setattr("phonodos.prediction.answers.lattice_dynamics", odd)
    with pytest.raises(PredictionError, match="failed") as caught:
        list(predict_mixtures(lattice, alloy, [0.5], "vca"))
    assert isinstance(caught.value.__cause__, MemoryError)


def test_a_network_without_numbers_is_refused(alloy: Alloy) -> None:
    network = LatticeNetwork.untrained(SMALL)
    for values in network.parameters.values():
        values.fill(np.nan)
    with pytest.raises(PredictionError, match="gives no force constants"):
        list(predict_mixtures(Predictor([network], HEADER), alloy, [0.5], "vca"))


def test_virtual_crystals_without_sense_are_refused(alloy: Alloy) -> None:
    """Far too dense: frequencies beyond any vibration, before an axis is made."""
    small = [replace(c, cell=0.4 * c.cell) for c in (alloy.first, alloy.second)]
    with pytest.raises(PhonodosError, match="frequencies of"):
        list(predict_mixtures(load(members=1), alloy_of(*small), [0.5], "vca"))
