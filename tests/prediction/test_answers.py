"""How networks answer: batches, ensembles, projections, numbers that are not finite."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.errors import ConfigError, PredictionError
from phonodos.model.bonds import bond_crystal
from phonodos.model.graph import build_graph
from phonodos.model.lattice import Lattice, LatticeConfig, LatticeNetwork
from phonodos.model.network import Network
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork, compressed
from phonodos.physics.crystal import Crystal
from phonodos.prediction import answers
from phonodos.prediction.answers import Answer, LatticeAnswers, answers_of
from phonodos.prediction.predictor import Predictor, load

HEADER: dict[str, Any] = {
    "name": "random", "training_elements": {"Na": 9, "Cl": 2, "Ga": 30, "Li": 9, "B": 9},
}  # fmt: skip


def small_network(seed: int) -> LatticeNetwork:
    config = LatticeConfig(
        learned=2, tabulated=3, bessel=3, gaussians=3, embedding=6, cutoff=4.5,
        hidden=("6x0e+2x1o+2x2e",), radial_hidden=(6,), head=(4, 2, 2), head_hidden=(6,),
        head_mixed=2, charge_hidden=4,
    )  # fmt: skip
    return LatticeNetwork.untrained(config, seed).to(dtype=np.float32)


def small_spectrum() -> SpectrumNetwork:
    config = SpectrumConfig(embedding=4, hidden=("4x0e",), radial_hidden=(4,))
    return SpectrumNetwork.untrained(config)


def answer(networks: Sequence[Network], *crystals: Crystal, project: bool = False) -> list[Any]:
    kind = answers_of(networks, HEADER, "cpu", project)
    return kind.answer(crystals, [kind.graph(c) for c in crystals])


def test_kinds_of_networks_have_their_answers() -> None:
    spectrum = small_spectrum()
    assert not isinstance(answers_of([spectrum], HEADER, "cpu", False), LatticeAnswers)
    assert isinstance(answers_of([small_network(0)], HEADER, "cpu", False), LatticeAnswers)


def test_batches_answer_like_single_crystals(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    network = small_network(0)
    together = answer([network], rock_salt, low_symmetry, rock_salt)
    for crystal, found in zip((rock_salt, low_symmetry, rock_salt), together, strict=True):
        (alone,) = answer([network], crystal)
        assert found.lattice.crystal is crystal
        assert found.members == ()
        q = np.array([[0.2, 0.1, -0.3]])
        np.testing.assert_allclose(
            found.lattice.frequencies(q), alone.lattice.frequencies(q), atol=2e-2
        )
        assert found.dos.integral == pytest.approx(3 * crystal.n_atoms)
        assert found.dos.projected is None


def test_double_precision_after_the_network(low_symmetry: Crystal) -> None:
    """The network computes in single precision; its answer keeps the sum rule all the same."""
    (found,) = answer([small_network(0)], low_symmetry)
    w = found.lattice.frequencies(np.zeros((1, 3)))[0]
    assert (np.sort(np.abs(w))[:3] < 1e-3).all()
    np.testing.assert_array_equal(found.lattice.harmonic.cells[0], low_symmetry.cell)


def test_ensembles_average_spectra_and_springs(rock_salt: Crystal) -> None:
    networks = [small_network(seed) for seed in range(3)]
    (found,) = answer(networks, rock_salt, project=True)
    singles = [answer([n], rock_salt, project=True)[0] for n in networks]
    assert len(found.members) == 3
    for member, single in zip(found.members, singles, strict=True):
        np.testing.assert_allclose(member.densities, single.dos.densities, atol=1e-6)
    assert found.dos.integral == pytest.approx(6.0, rel=1e-9)
    means = [np.trapezoid(m.frequencies * m.densities, m.frequencies) for m in found.members]
    mean = np.trapezoid(found.dos.frequencies * found.dos.densities, found.dos.frequencies)
    assert mean == pytest.approx(np.mean(means), rel=1e-6)
    born = np.mean([s.lattice.born_charges for s in singles], axis=0)
    np.testing.assert_allclose(found.lattice.born_charges, born, atol=1e-6)
    assert found.dos.projected is not None
    np.testing.assert_allclose(found.dos.projected.sum(axis=0), found.dos.densities, atol=1e-9)


def test_doubts_are_told(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    strange, known = answer([small_network(0)], low_symmetry, rock_salt)
    assert any("never seen in training: As, O, Mg" in text for text in strange.doubts)
    assert any("rarely seen" in text and "Cl (2)" in text for text in known.doubts)


class Broken(LatticeNetwork):
    """Gives one tensor that is no number for the first crystal of a batch."""

    field = "born"

    def __call__(self, crystals: Any) -> Lattice:
        """Return the answer with a NaN in its first row."""
        lattice = super().__call__(crystals)
        getattr(lattice, self.field)[0] = float("nan")
        return lattice


@pytest.mark.parametrize("field", ["force_constants", "born", "dielectric"])
def test_numbers_that_are_none_fail_one_crystal_only(
    rock_salt: Crystal, low_symmetry: Crystal, field: str
) -> None:
    network = small_network(0)
    network.__class__ = Broken
    network.field = field  # type: ignore[attr-defined]
    bad, good = answer([network], rock_salt, low_symmetry)
    assert isinstance(bad, PredictionError)
    assert "NaCl" in bad.summary
    assert isinstance(good, Answer)


@pytest.mark.parametrize("name", ["quartz", "rutile"])
def test_equivalent_atoms_looked_at_once_change_no_prediction(
    name: str, symmetric: dict[str, Crystal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the weights that come with the package, but for single precision."""
    crystal, model = symmetric[name], load(members=2)
    found = next(model.predict_many([crystal]))
    monkeypatch.setattr(answers, "bond_crystal", lambda c, cutoff, **_: bond_crystal(c, cutoff))
    wanted = next(model.predict_many([crystal]))
    assert found.lattice is not None
    assert wanted.lattice is not None
    q = found.lattice.mesh().qpoints
    assert found.lattice.frequencies(q) == pytest.approx(wanted.lattice.frequencies(q), abs=5e-3)
    charges = found.lattice.born_charges, wanted.lattice.born_charges
    np.testing.assert_allclose(*charges, atol=1e-5)
    assert np.abs(found.dos.densities - wanted.dos.densities).max() < 1e-3


def test_a_predictor_of_lattice_dynamics(rock_salt: Crystal) -> None:
    """Supercells give the primitive cell's spectrum times their multiplicity, sites included."""
    predictor = Predictor([small_network(0)], HEADER, project=True)
    shifts = np.array([[0, 0, 0], [0.5, 0, 0]])
    coords = (rock_salt.frac_coords / [2, 1, 1] + shifts[:, None]).reshape(-1, 3)
    double = Crystal(np.diag([2, 1, 1]) @ rock_salt.cell, coords, rock_salt.occupancy * 2)
    small, large = predictor.predict_many([rock_salt, double])
    assert large.lattice.crystal.n_atoms == 2
    np.testing.assert_allclose(large.dos.densities, 2 * small.dos.densities, atol=2e-2)
    assert large.dos.projected.shape == (4, len(large.dos.frequencies))
    assert large.dos.projected.sum(axis=0) == pytest.approx(large.dos.densities, abs=1e-2)
    assert np.trapezoid(large.dos.projected[0], large.dos.frequencies) == pytest.approx(3.0)


def test_a_metal_is_the_limit_of_no_charges(rock_salt: Crystal) -> None:
    """Without charges LO is TO; charges scaled to nothing come to the same."""
    network = small_network(3)
    (polar,) = answer([network], rock_salt)
    kind = answers_of([network], HEADER, "cpu", False, metal=True)
    (metal,) = kind.answer([rock_salt], [kind.graph(rock_salt)])
    assert isinstance(metal, Answer)
    assert metal.lattice is not None
    near = np.array([[1e-4, 0.0, 1e-4], [0.2, 0.1, 0.3]])
    split = polar.lattice.frequencies(near)[0]
    screened = metal.lattice.frequencies(near)
    assert np.ptp(split[3:]) > 10.0 * np.ptp(screened[0, 3:])
    assert not metal.lattice.born_charges.any()
    assert metal.lattice.metal
    weak = replace(polar.lattice.harmonic, born=1e-5 * polar.lattice.harmonic.born)
    limit = replace(polar.lattice, harmonic=weak)
    np.testing.assert_allclose(limit.frequencies(near), screened, atol=1e-6)
    assert metal.outside[0] == "a metal"
    assert any("as was asked for" in text for text in metal.doubts)


def test_many_imaginary_states_leave_no_interval(
    rock_salt: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the verdict: heat capacity and mean frequency are those of the other states."""
    network = small_network(3)
    (few,) = answer([network], rock_salt)
    monkeypatch.setattr("phonodos.prediction.answers.MOST_IMAGINARY", -1.0)
    (many,) = answer([network], rock_salt)
    wanted = "unstable" if many.stability.is_unstable else "imaginary states"
    assert wanted in many.outside
    assert "imaginary states" not in few.outside


def test_a_spectrum_knows_no_metals() -> None:
    spectrum = small_spectrum()
    with pytest.raises(ConfigError, match="cannot be told that a crystal is a metal"):
        answers_of([spectrum], HEADER, "cpu", False, metal=True)


@pytest.fixture(scope="module")
def spectrum() -> SpectrumNetwork:
    return small_spectrum()


def lithium_and(site: dict[str, float]) -> Crystal:
    cell = 2.04 * (1 - np.eye(3))
    return Crystal(cell, np.array([[0.0] * 3, [0.5] * 3]), ({"Li": 1.0}, site), "")


@pytest.mark.parametrize("site", [{"H": 1.0}, {"H": 0.01, "F": 0.99}])
def test_a_spectrum_doubts_every_hydride(spectrum: SpectrumNetwork, site: dict[str, float]) -> None:
    (found,) = answer([spectrum], lithium_and(site))
    assert any("crystals with hydrogen" in text for text in found.doubts)
    (plain,) = answer([spectrum], lithium_and({"F": 1.0}))
    assert not any("hydrogen" in text for text in plain.doubts)


@pytest.mark.parametrize(
    ("crystal", "reasons"),
    [
        (lithium_and({"F": 1.0}), ()),
        (lithium_and({"H": 1.0}), ("hydrogen",)),
        (lithium_and({"Al": 1.0}), ("a metal",)),
        (Crystal.ordered(1.808 * (1 - np.eye(3)), [[0.0] * 3, [0.25] * 3], ["B", "N"], "BN"),
         ("states above the spectrum's end",)),
        (lithium_and({"F": 0.5, "Cl": 0.5}), ("shared sites",)),
        (Crystal.ordered(2.6 * (1 - np.eye(3)), [[0.0] * 3], ["Ar"], "Ar"), ("unseen elements",)),
    ],
)  # fmt: skip
def test_where_a_spectrum_states_no_interval(
    spectrum: SpectrumNetwork, crystal: Crystal, reasons: tuple[str, ...]
) -> None:
    """Its errors there are others than those that intervals are fitted on."""
    (found,) = answer([spectrum], crystal)
    assert found.outside == reasons


def test_lattice_dynamics_of_what_was_never_taught(rock_salt: Crystal) -> None:
    argon = Crystal.ordered(2.6 * (1 - np.eye(3)), [[0.0] * 3], ["Ar"], "Ar")
    mixture = replace(rock_salt, occupancy=({"Na": 0.5, "K": 0.5}, {"Cl": 1.0}))
    for crystal, reason in ((argon, "unseen elements"), (mixture, "shared sites")):
        (found,) = answer([small_network(0)], crystal)
        assert reason in found.outside
    (plain,) = answer([small_network(0)], rock_salt)
    assert not {"unseen elements", "shared sites"} & set(plain.outside)


@pytest.mark.parametrize(
    ("site", "named"),
    [({"D": 1.0}, "(D)"), ({"T": 1.0}, "(T)"), ({"H": 0.9, "D": 0.1}, "(D)")],
)
def test_a_spectrum_refuses_isotopes(
    spectrum: SpectrumNetwork, site: dict[str, float], named: str
) -> None:
    (found,) = answer([spectrum], lithium_and(site))
    assert isinstance(found, PredictionError)
    assert f"knows nothing of isotopes {named}" in found.summary
    assert "86 % of 63 hydrides" in found.reason
    assert "lattice" in found.fix


def test_other_devices_compute_with_torch(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    """Networks whose arrays are torch's, as on a GPU, answer as those of NumPy."""
    network, fast = small_network(0), compressed(small_spectrum())
    tensors = [
        {name: torch.from_numpy(values) for name, values in x.parameters.items()}
        for x in (network, fast)
    ]
    lattice = LatticeNetwork(network.config, tensors[0])
    spectrum = type(fast)(fast.config, tensors[1])
    ours, theirs = answer([network], low_symmetry), answer([lattice], low_symmetry)
    assert theirs[0].dos.mean_frequency == pytest.approx(ours[0].dos.mean_frequency, rel=1e-5)
    constants = [x[0].lattice.harmonic.force_constants for x in (ours, theirs)]
    np.testing.assert_allclose(constants[1], constants[0], atol=2e-6 * np.abs(constants[0]).max())
    graph = build_graph(rock_salt, fast.config.cutoff)
    wanted = fast(graph)
    np.testing.assert_allclose(spectrum(graph).numpy(), wanted, atol=1e-6 * wanted.max())
