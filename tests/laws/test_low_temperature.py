"""Near T = 0 predictions follow their own velocities of sound, without gap, bump or file losing it.

The sums they are held against know nothing of the product's method: the springs are diagonalised at
the nodes of a quadrature over the whole Brillouin zone, whose shells halve towards Gamma; those of
a soft crystal on a dense mesh, with squared frequencies linear in between.
"""

from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.lattice_vectors import reduced_basis
from phonodos.physics.sound import elastic_debye_temperature
from phonodos.physics.thermodynamics import left_out, thermal_properties
from phonodos.physics.units import GAS_CONSTANT, KELVIN_PER_WAVENUMBER

if TYPE_CHECKING:
    from phonodos.prediction.lattice_dynamics import LatticeDynamics
    from phonodos.prediction.predictor import Predictor

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TEMPERATURES = np.array([2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 300.0])
# Largest relative errors of C_V and S from a temperature [K] up.
KNBO3 = {10.0: 0.07, 20.0: 0.03, 50.0: 0.005}, {10.0: 0.17, 20.0: 0.06, 50.0: 0.01}
STABLE = ("MgO", "Si", "Al2O3", "diamond", "NaCl", "triclinic")
FACE, RADIAL, LEVELS = 8, 3, 8  # of `quadrature`: within 0.15 % of (16, 5, 10)


@cache
def model() -> "Predictor":
    from phonodos.prediction.predictor import load

    return load(members=1)


@cache
def lattice(name: str) -> "LatticeDynamics":
    """Return the springs that the first member of the default weights predicts."""
    fcc = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    structure: Crystal | Path = EXAMPLES / f"{name}.cif"
    if name == "diamond":
        structure = Crystal.ordered(3.567 * fcc, [[0.0] * 3, [0.25] * 3], ["C", "C"])
    if name == "triclinic":  # rock salt, sheared
        shear = np.array([[1.02, 0.03, -0.02], [0.0, 0.99, 0.04], [0.0, 0.0, 1.0]])
        structure = Crystal.ordered(4.212 * fcc @ shear, [[0.0] * 3, [0.5] * 3], ["Mg", "O"])
    if name == "KNbO3":  # the cubic one, which is soft in planes of the zone
        sites = [[0.0] * 3, [0.5] * 3, [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
        structure = Crystal.ordered(4.0 * np.eye(3), sites, ["K", "Nb", "O", "O", "O"])
    found = next(model().predict_many([structure])).lattice  # of soft ones `predict` warns
    assert found is not None
    return found


@cache
def spectrum_of(name: str) -> PhononDos:
    return lattice(name).dos()


def quadrature(face: int, radial: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (m, 3) fractions of reduced vectors and weights of half the zone, the sum of them 1.

    The zone is six pyramids with their tips at Gamma, of which three are the images of the others.
    Gauss-Legendre: `face`^2 nodes on each base, `radial` in every shell between 2^-k of the way.
    Along a line from Gamma even the limit of polar crystals, which depends on direction, is smooth.
    """
    x, u = np.polynomial.legendre.leggauss(face)
    y, v = np.polynomial.legendre.leggauss(radial)
    ends = np.append(0.0, 2.0 ** np.arange(-levels, 1))
    half = np.diff(ends)[:, None] / 2.0
    r = (ends[:-1, None] + half * (1.0 + y)).ravel()
    s, t = (a.ravel() for a in np.meshgrid(x, x, indexing="ij"))
    base = np.stack([np.ones_like(s), s, t], axis=1)
    bases = np.concatenate([np.roll(base, axis, axis=1) for axis in range(3)])
    along, across = (half * v).ravel() * r**2, np.tile(np.outer(u, u).ravel(), 3)
    nodes = (r[:, None, None] * bases / 2.0).reshape(-1, 3)
    return nodes, np.outer(along, across).ravel() / 4.0


def refined_sum(
    springs: "LatticeDynamics", face: int = FACE, radial: int = RADIAL, levels: int = LEVELS
) -> tuple[np.ndarray, np.ndarray]:
    """Return C_V and S [J/(K mol of atoms)] of the real modes, by `quadrature`."""
    nodes, weights = quadrature(face, radial, levels)
    w = springs.frequencies(nodes @ reduced_basis(springs.crystal.reciprocal_cell))
    states = np.repeat(weights, w.shape[1]) * GAS_CONSTANT / springs.crystal.n_atoms
    w, states = w[w > 0.0], states[w.ravel() > 0.0]
    heat, entropy = oscillators(w)
    return heat @ states, entropy @ states


@cache
def wanted(name: str) -> tuple[np.ndarray, np.ndarray]:
    return refined_sum(lattice(name))


def per_atom(name: str) -> tuple[np.ndarray, np.ndarray]:
    found = thermal_properties(spectrum_of(name), TEMPERATURES)
    n = lattice(name).crystal.n_atoms
    return found.heat_capacity / n, found.entropy / n


def cubic_sum(springs: "LatticeDynamics", nodes: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return C_V and S [J/(K mol of atoms)] of real modes, and the share of others.

    Squared frequencies of a cubic crystal at so many wave vectors an axis from Gamma to the edge of
    the zone, linear in between. Quadratures do not converge where branches fall through zero.
    """
    every = np.stack(np.meshgrid(*[np.arange(nodes)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    wedge, place = np.unique(np.sort(every, axis=1), axis=0, return_inverse=True)
    q = wedge / (2.0 * (nodes - 1))
    q[0] = [1e-5, 2e-5, 3e-5]  # polar modes at Gamma have no direction
    w = springs.frequencies(q)
    corners = (w * np.abs(w))[place].reshape(nodes, nodes, nodes, -1)
    edges = np.linspace(0.0, 1200.0, 24001)
    counts, imaginary = np.zeros(len(edges) - 1), 0
    for shares in product((np.arange(3) + 0.5) / 3.0, repeat=3):
        between = corners
        for x in shares:
            between = np.moveaxis((1.0 - x) * between[:-1] + x * between[1:], 0, 2)
        imaginary += int((between < 0.0).sum())
        counts += np.histogram(np.sqrt(between[between > 0.0]), edges)[0]
    total = counts.sum() + imaginary
    heat, entropy = oscillators((edges[1:] + edges[:-1]) / 2.0)
    states = 3.0 * GAS_CONSTANT * counts / total
    return heat @ states, entropy @ states, imaginary / total


def periodic_sum(springs: "LatticeDynamics", nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return C_V and S [J/(K mol of atoms)] of the real modes of the ten lowest branches.

    Squared frequencies at so many wave vectors an axis, at Gamma off it; thrice as many along each
    axis by the cubic through four. Enough below 25 K, where no other branch has a share.
    """
    every = np.stack(np.meshgrid(*[np.arange(nodes)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    strides = np.array([nodes**2, nodes, 1])
    names = np.minimum(every @ strides, (-every % nodes) @ strides)  # w(-q) = w(q)
    first, place = np.unique(names, return_inverse=True)
    q = every[first] / nodes
    q[0] = [5e-5, 3e-5, 1e-5]
    parts = np.array_split(q, 1 + len(q) // 2000)
    w = np.concatenate([springs.frequencies(part)[:, :10] for part in parts])
    corners = (w * np.abs(w))[place].reshape(nodes, nodes, nodes, -1)
    edges, counts = np.linspace(0.0, 400.0, 8001), np.zeros(8000)
    for shares in product((np.arange(3) + 0.5) / 3.0, repeat=3):
        between = corners
        for axis, x in enumerate(shares):
            before, at, after, last = (np.roll(between, k, axis) for k in (1, 0, -1, -2))
            slopes = (after - before) / 2.0, (last - at) / 2.0
            between = (1.0 - x) ** 2 * ((1.0 + 2.0 * x) * at + x * slopes[0])
            between = between + x**2 * ((3.0 - 2.0 * x) * after - (1.0 - x) * slopes[1])
        counts += np.histogram(np.sqrt(between[between > 0.0]), edges)[0]
    states = GAS_CONSTANT * counts / (27.0 * nodes**3 * springs.crystal.n_atoms)
    heat, entropy = oscillators((edges[1:] + edges[:-1]) / 2.0)
    return heat @ states, entropy @ states


def oscillators(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return C_V and S [k_B] at `TEMPERATURES` of oscillators of frequencies [cm^-1]."""
    x = np.minimum(KELVIN_PER_WAVENUMBER * w / TEMPERATURES[:, None], 500.0)
    heat = x**2 * np.exp(-x) / np.expm1(-x) ** 2
    return heat, x / np.expm1(x) - np.log(-np.expm1(-x))


def test_real_modes_of_a_soft_crystal_from_10_kelvin_up() -> None:
    """Soft in planes of the zone, of which a mesh alone misses up to half of C_V and S."""
    *true, imaginary = cubic_sum(lattice("KNbO3"), 51)
    for found, expected, limits in zip(per_atom("KNbO3"), true, KNBO3, strict=True):
        for start, limit in limits.items():
            warm = start <= TEMPERATURES
            np.testing.assert_allclose(found[warm], expected[warm], rtol=limit)
    dos = spectrum_of("KNbO3")
    assert left_out(dos) == pytest.approx(imaginary, rel=0.01)
    assert dos.integral == pytest.approx(15.0, rel=1e-9)


def test_real_modes_of_strontium_titanate_from_10_kelvin_up() -> None:
    """Soft along rods of the zone: C_V within 2 %, S, by 40 % off on the mesh alone, within 6."""
    low = (TEMPERATURES > 9.0) & (TEMPERATURES < 25.0)
    assert low.sum() >= 3
    springs = lattice("SrTiO3")
    found, expected = per_atom("SrTiO3"), periodic_sum(springs, 28)
    for ours, true, most in zip(found, expected, (0.02, 0.06), strict=True):
        np.testing.assert_allclose(ours[low], true[low], rtol=most)


def test_a_soft_crystal_projected_or_not() -> None:
    dos = lattice("KNbO3").dos(projected=True)
    plain = spectrum_of("KNbO3").densities
    np.testing.assert_allclose(dos.densities, plain, atol=1e-6 * plain.max())
    assert dos.projected is not None
    np.testing.assert_allclose(np.trapezoid(dos.projected, dos.frequencies), 3.0, rtol=1e-9)


def test_the_sum_does_not_move() -> None:
    assert quadrature(FACE, RADIAL, LEVELS)[1].sum() == pytest.approx(1.0, rel=1e-12)
    for less, more in zip(wanted("Si"), refined_sum(lattice("Si"), 11, 4, 9), strict=True):
        np.testing.assert_allclose(less, more, rtol=5e-4)


@pytest.mark.parametrize("name", [*STABLE, "GaAs"])
def test_from_2_kelvin_up_as_the_refined_sum(name: str) -> None:
    for found, true in zip(per_atom(name), wanted(name), strict=True):
        np.testing.assert_allclose(found, true, rtol=0.01)
    assert spectrum_of(name).integral == pytest.approx(3 * lattice(name).crystal.n_atoms, rel=1e-9)
    assert spectrum_of(name).imaginary_fraction == 0.0


@pytest.mark.parametrize("name", STABLE)
def test_the_cube_law_of_the_velocities_of_sound(name: str) -> None:
    """C_V -> 12 pi^4 R / 5 (T / theta)^3 a mole of atoms, theta from the same springs."""
    springs = lattice(name)
    cartesian = np.asarray(np.linalg.inv(springs.crystal.reciprocal_cell), dtype=np.float64)
    sound = springs.sound.along(cartesian)
    theta = elastic_debye_temperature(sound, springs.crystal.volume)
    cube = 12.0 * np.pi**4 * GAS_CONSTANT / 5.0 * (TEMPERATURES[0] / theta) ** 3
    assert per_atom(name)[0][0] == pytest.approx(cube, rel=0.01)


@pytest.mark.parametrize("name", STABLE)
def test_the_spectrum_starts_as_the_square_of_the_frequency(name: str) -> None:
    """No gap and no bump of smoothing below the first frequency of the mesh."""
    dos, springs = spectrum_of(name), lattice(name)
    first = springs.frequencies(springs.mesh().qpoints).min()
    below = (dos.frequencies > 0.0) & (dos.frequencies < 0.4 * first)
    ratio = dos.densities[below] / dos.frequencies[below] ** 2
    assert len(ratio) > 20
    np.testing.assert_allclose(ratio, ratio[0], rtol=0.04)
    assert np.abs(dos.densities[dos.frequencies <= 0.0]).max() == 0.0


@pytest.mark.parametrize("name", ["MgO", "NaCl"])
def test_entropy_is_the_integral_of_the_heat_capacity(name: str) -> None:
    t = np.linspace(0.0, 60.0, 2401)[1:]
    found = thermal_properties(spectrum_of(name), t)
    integral = np.concatenate([[0.0], np.cumsum(np.diff(t) * _middles(found.heat_capacity / t))])
    integral += found.heat_capacity[0] / 3.0  # below the first: C_V ~ T^3
    np.testing.assert_allclose(found.entropy[40:], integral[40:], rtol=5e-3)


def _middles(values: np.ndarray) -> np.ndarray:
    return np.asarray((values[1:] + values[:-1]) / 2.0)


def test_members_keep_it_in_their_mean() -> None:
    from phonodos.physics.dos import mean_of

    one = spectrum_of("MgO")
    axis = np.append(one.frequencies, one.frequencies[-1] + 1.0)
    other = PhononDos(axis, np.append(one.densities, 0.0), one.n_atoms)
    mean = mean_of([one, other])
    assert mean.is_fine
    np.testing.assert_allclose(
        thermal_properties(mean, [3.0]).heat_capacity,
        thermal_properties(one, [3.0]).heat_capacity,
        rtol=1e-9,
    )


def test_chunks_of_wave_vectors_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from phonodos.prediction import lattice_dynamics

    whole = spectrum_of("NaCl")
    monkeypatch.setattr(lattice_dynamics, "LARGEST_BLOCK", 1.0)
    for projected in (False, True):
        apart = lattice("NaCl").dos(projected=projected)
        np.testing.assert_allclose(
            apart.densities, whole.densities, atol=1e-6 * whole.densities.max()
        )


def test_projected_or_not_it_is_the_same() -> None:
    springs = lattice("Al2O3")
    projected = springs.dos(projected=True)
    # Eigenvectors are those of the complex matrices, eigenvalues alone those of the real ones.
    plain = spectrum_of("Al2O3").densities
    np.testing.assert_allclose(projected.densities, plain, atol=1e-6 * plain.max())
    assert projected.projected is not None
    assert projected.projected.min() >= 0.0
    onset = np.searchsorted(projected.frequencies, 5.0)
    shares = projected.projected[:, onset] / projected.densities[onset]
    np.testing.assert_allclose(shares, springs.masses / springs.masses.sum(), rtol=0.01)


def test_phonopy_on_the_exported_file(tmp_path: Path) -> None:
    """At 10 K phonopy's own mesh is the limit: 5 % on 41^3 points."""
    import phonopy

    from phonodos.prediction.phonopy_export import write_phonopy
    from phonodos.results.desk import Results
    from phonodos.results.provenance import Provenance

    write_phonopy(Results(tmp_path, Provenance("springs")), lattice("NaCl"))
    phonon = phonopy.load(tmp_path / "phonopy_params.yaml", log_level=0)
    phonon.run_mesh([41, 41, 41], is_gamma_center=True)
    phonon.run_thermal_properties(temperatures=[10.0], cutoff_frequency=1e-3)
    heat = phonon.thermal_properties.heat_capacity[0] / 2.0
    ours = thermal_properties(spectrum_of("NaCl"), [10.0]).heat_capacity[0] / 2.0
    assert ours == pytest.approx(heat, rel=0.05)


def test_a_file_of_the_spectrum_keeps_it(tmp_path: Path) -> None:
    from phonodos.results.spectra import read_total_dos, total_dos_text

    path = tmp_path / "total_dos.dat"
    path.write_text(total_dos_text(spectrum_of("MgO")))
    found, known = (
        thermal_properties(dos, [2.0, 10.0]) for dos in (read_total_dos(path), spectrum_of("MgO"))
    )
    np.testing.assert_allclose(found.heat_capacity, known.heat_capacity, rtol=1e-3)
    np.testing.assert_allclose(found.entropy, known.entropy, rtol=1e-3)
