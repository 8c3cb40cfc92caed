"""The one road from frequencies to a spectrum: `QMesh`, wave vectors, and `spectrum` on them.

Predictions and the references of data sets both take it; who diagonalises is all that differs.
Mesh, refinement, smoothing and ends of the axis were chosen by convergence (docs/decisions/0005).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.acoustic import (
    ACOUSTIC,
    AcousticRays,
    SoundOnMesh,
    in_block,
    surroundings,
)
from phonodos.physics.cells import FINER as FINER
from phonodos.physics.cells import Cells, irreducible_cells, orbits_of
from phonodos.physics.crystal import Crystal, compact
from phonodos.physics.dos import STEP, PhononDos, check_frequencies, finer_axis
from phonodos.physics.downfolding import Surroundings
from phonodos.physics.lattice_vectors import whole_inverse
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, standard_basis, symmetry_dataset
from phonodos.physics.refinement import Part, decided, refined_in_part, states_of_all
from phonodos.physics.refinement import refined as refined
from phonodos.physics.soft_branches import SoftStates, soft_states
from phonodos.physics.sound import SoundWaves

FINE = 6  # divisions an axis from which on six points around Gamma lie within one zone
MESH_LENGTH = 26.0  # [A], the longest wave resolved; WD 0.5 cm^-1 from a mesh of 90 A
SMOOTHING = 2.0  # [cm^-1], standard deviation of the Gaussian
NARROW = 0.05  # of its frequency: no state is smoothed more where folded matrices carry waves
REACH = 5  # standard deviations the Gaussian is followed
# Room on the axis [cm^-1]: the smoothing of the 51-point target bends a spectrum within 50 points
# of the end of its axis, so spectra to be compared must end alike. Those of dfpt2018 end so.
ROOM_BELOW, ROOM_ABOVE = 2.0, 100.0


@dataclass(frozen=True, eq=False)
class QMesh:
    """Irreducible wave vectors of a regular mesh that avoids Gamma.

    Attributes
    ----------
    qpoints
        (m, 3) in fractions of the reciprocal lattice vectors.
    weights
        (m,) shares of the whole mesh, sum 1.
    divisions
        Points along the reciprocal lattice vectors of the standard primitive cell.
    orbits
        (n,) number of the set of equivalent atoms every atom belongs to.
    places
        (divisions) number of the irreducible wave vector that each point of the whole mesh is
        equivalent to.
    axes
        (3, 3) the mesh's axes as rows, in fractions of the reciprocal lattice vectors: point i
        lies at ((i + shift / 2) / divisions) @ axes.
    shift
        Half steps the mesh is shifted by along its axes, 0 or 1 each.
    turned
        (divisions) number of the operation that turns each point into its irreducible one.
    operations
        (k, 3, 3) by which coordinates along the axes, rows, are multiplied.
    rotations
        (k, 3, 3) the same for Cartesian ones.
    """

    qpoints: NDArray[np.float64]
    weights: NDArray[np.float64]
    divisions: tuple[int, int, int]
    orbits: NDArray[np.int64]
    places: NDArray[np.int64]
    axes: NDArray[np.float64]
    shift: tuple[int, int, int]
    turned: NDArray[np.int64]
    operations: NDArray[np.float64]
    rotations: NDArray[np.float64]

    @property
    def is_fine(self) -> bool:
        """Whether it is so fine that branches around Gamma are smooth from point to point."""
        return min(self.divisions) >= FINE

    @cached_property
    def surroundings(self) -> Surroundings:
        """The points around Gamma that `spectrum` wants `downfolded` matrices of."""
        return surroundings(self)

    @cached_property
    def cells(self) -> Cells:
        """The cells between its points, one of those that symmetry makes alike."""
        return irreducible_cells(self)


def mesh_divisions(cell: NDArray[np.float64], length: float) -> tuple[int, int, int]:
    """Return N_i = length x |b_i| (b without 2 pi, as in phonopy), rounded, at least 1.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].
    length
        The longest wave resolved [A].
    """
    reciprocal = np.linalg.norm(np.linalg.inv(cell), axis=0)
    a, b, c = (max(1, round(float(length * r))) for r in reciprocal)
    return a, b, c


def mass_kinds(crystal: Crystal, masses: NDArray[np.float64]) -> tuple[int, ...]:
    """Return numbers of the kinds of sites where equal elements may differ in mass (n,) [amu]."""
    pairs = zip(crystal.site_kinds, masses.round(6).tolist(), strict=True)
    numbers: dict[tuple[int, float], int] = {}
    return tuple(numbers.setdefault(pair, len(numbers)) for pair in pairs)


def irreducible_mesh(
    crystal: Crystal,
    length: float = MESH_LENGTH,
    symprec: float = SYMMETRY_TOLERANCE,
    kinds: Sequence[int] | None = None,
) -> QMesh:
    """Return the irreducible part of a mesh that is shifted by half a step and avoids Gamma.

    The mesh is laid along the standard primitive cell, which shows the symmetry whatever cell the
    crystal came in (the reduced one where no symmetry is found). Of the seven half shifts the one
    that keeps most of the point group is taken; time reversal and every operation that maps the
    mesh onto itself are used.

    Parameters
    ----------
    crystal
        A primitive cell.
    length
        The longest wave resolved [A].
    symprec
        Tolerance of the symmetry search [A].
    kinds
        (n,) numbers of the kinds of sites; by default those of `site_kinds`. Needed where atoms of
        one element differ, as isotopes do.
    """
    short, reduced = compact(crystal)
    if short is not crystal:
        mesh, back = irreducible_mesh(short, length, symprec, kinds), whole_inverse(reduced).T
        q = mesh.qpoints @ back
        return replace(mesh, qpoints=q - np.rint(q), axes=mesh.axes @ back)
    dataset: Any = symmetry_dataset(crystal, symprec, kinds)
    basis = standard_basis(dataset, crystal.reduction)
    divisions = mesh_divisions(basis @ crystal.cell, length)
    turns, orbits = np.eye(3)[None], np.arange(crystal.n_atoms)
    if dataset is not None:
        turns = np.asarray(dataset.rotations, dtype=np.float64)
        orbits = np.unique(dataset.equivalent_atoms, return_inverse=True)[1]
    into = np.asarray(np.linalg.inv(basis).T, dtype=np.float64)
    turns = np.rint(into @ np.concatenate([turns, -turns]) @ basis.T)
    turns, _ = np.unique(turns, return_index=True, axis=0)  # without, numpy.ma would be loaded
    shifts = sorted(product((0, 1), repeat=3), key=sum, reverse=True)[:-1]
    kept = [turns[_onto_itself(turns, divisions, shift)] for shift in shifts]
    best = int(np.argmax([len(k) for k in kept]))
    doubled, first, turned = orbits_of(kept[best], divisions, shifts[best])
    chosen, places, counts = np.unique(first, return_inverse=True, return_counts=True)
    q = doubled[chosen] / (2.0 * np.array(divisions)) @ into
    frame = into @ crystal.reciprocal_cell
    return QMesh(
        qpoints=q - np.rint(q),
        weights=counts / len(doubled),
        divisions=divisions,
        orbits=orbits.astype(np.int64),
        places=places.reshape(divisions),
        axes=into,
        shift=(shifts[best][0], shifts[best][1], shifts[best][2]),
        turned=turned.reshape(divisions),
        operations=kept[best],
        rotations=np.linalg.inv(frame) @ kept[best] @ frame,
    )


def _onto_itself(
    turns: NDArray[np.float64], divisions: tuple[int, int, int], shift: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return which rotations (of real space; q' = q R) map a shifted mesh onto itself."""
    n, s = np.array(divisions), np.array(shift)
    step = turns * (n / n[:, None])  # how a step along each axis turns, in steps
    moved = (s @ step - s) / 2.0
    whole = np.abs(step - np.rint(step)).max(axis=(1, 2)) < 1e-6
    return np.asarray(whole & (np.abs(moved - np.rint(moved)).max(axis=1) < 1e-6))


def spectrum(
    mesh: QMesh,
    frequencies: NDArray[np.float64],
    shares: NDArray[np.float64] | None = None,
    smoothing: float = SMOOTHING,
    sound: SoundWaves | None = None,
    folded: NDArray[np.float64] | None = None,
    at: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> PhononDos:
    """Return the density of states of the frequencies on a mesh.

    Frequencies are carried to the whole mesh and between its points (`refined`); each of those
    has the shares of its point of the mesh, equivalent atoms the mean over their orbit. All states
    are then put onto the axis and smoothed (`dos_from_frequencies`). Around Gamma, where a mesh
    misses long acoustic waves, three branches are taken from `AcousticRays` instead: their states
    start as w^2 and are not smoothed there, and the axis has more points near zero.

    Parameters
    ----------
    mesh
        The mesh.
    frequencies
        (m, 3n) [cm^-1] at its irreducible wave vectors, ascending, imaginary ones negative.
    shares
        (m, 3n, n) share of every atom in every mode, sums 1 over atoms; None for no projection.
    smoothing
        Standard deviation of the Gaussian [cm^-1]; 0 for none.
    sound
        The long waves of the same crystal, q in fractions of the reciprocal lattice vectors. Not
        used where one of them, or a state on the surface of the block around Gamma, is imaginary.
    folded
        (c, g, 6) `downfolded` dynamical matrices of `mesh.surroundings`, to go with the long waves:
        how the branches turn and cross around Gamma. Without them sound alone says it.
    at
        Returns (q, 3n) frequencies at (q, 3) fractional wave vectors. Asked if one is imaginary:
        `soft_states` then take the place of interpolated ones and of rays; none is smoothed widely.

    Raises
    ------
    PredictionError
        If the axis would be longer than `check_frequencies` allows.
    """
    check_frequencies(frequencies)
    frequencies = decided(frequencies)
    soft = soft_states(mesh, frequencies, at) if at else None
    carried, rays = None, None
    if sound and soft is None:  # rays would not know of branches that dip at Gamma
        carried, rays = _around_gamma(mesh, frequencies, sound, folded, every=shares is not None)
    block = None if rays is None else in_block(mesh)
    narrow = soft is not None or (carried is not None and carried.smooth)
    if shares is not None:
        shares = _orbit_means(mesh, shares)
    parts, each = _parts(mesh, frequencies, shares, carried, soft)
    if block is not None and parts[0][0].shape[:2] != block.shape:
        block = block[mesh.cells.numbers].T
    dos = _spectrum(parts, each, smoothing, len(mesh.orbits), block, mesh.orbits, narrow=narrow)
    if rays is not None and sound is not None:
        dos = _completed(dos, rays, sound.mass_shares, shares, mesh.orbits)
    return replace(dos, highest=float(frequencies.max()))


def _around_gamma(
    mesh: QMesh,
    frequencies: NDArray[np.float64],
    sound: SoundWaves,
    folded: NDArray[np.float64] | None,
    *,
    every: bool,
) -> tuple[SoundOnMesh, AcousticRays] | tuple[None, None]:
    """Return what carries the branches around Gamma and the rays there; none without rays.

    Shares are those of the corners of cells, which symmetry does not map onto corners: with them
    `every` ray is wanted.
    """
    carried = SoundOnMesh.of(mesh, frequencies, sound, folded)
    rays = None if carried is None else carried.rays(every=every)
    return (None, None) if carried is None or rays is None else (carried, rays)


def _parts(
    mesh: QMesh,
    frequencies: NDArray[np.float64],
    shares: NDArray[np.float64] | None,
    carried: SoundOnMesh | None,
    soft: SoftStates | None,
) -> tuple[list[Part], list[NDArray[np.float64]] | None]:
    """Return all states, and of (p, 3n, n) shares those of each part."""
    if shares is None:
        return refined_in_part(mesh, frequencies, carried, soft), None
    finer = refined(mesh, frequencies, carried)
    parts: list[Part] = [(finer, states_of_all(mesh, finer, soft))]
    if soft is None:
        return parts, [shares[:, None]]
    parts.append((soft.frequencies, soft.states))
    return parts, [shares[:, None], soft.means(mesh, shares)]


def _orbit_means(mesh: QMesh, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (p, 3n, n) shares at all points of a mesh; those of equivalent atoms are equal."""
    counts = np.bincount(mesh.orbits)
    # The mesh is irreducible: equivalent atoms get the mean over their orbit.
    by_orbit = [shares[:, :, mesh.orbits == k].sum(axis=2) / c for k, c in enumerate(counts)]
    return np.asarray(np.stack(by_orbit, axis=2)[:, :, mesh.orbits][mesh.places.ravel()])


def _completed(
    dos: PhononDos,
    rays: AcousticRays,
    rigid: NDArray[np.float64],
    shares: NDArray[np.float64] | None,
    orbits: NDArray[np.int64],
) -> PhononDos:
    """Return a spectrum with the states of rays, on an axis that is finer near zero.

    `rigid` are the shares of the atoms in long waves, `shares` those on the points of the mesh.
    """
    w, states, along = rays.samples()
    axis = finer_axis(dos.frequencies)
    onset = rays.density(axis)
    sampled_states = _deposit(dos.frequencies, w, states)
    found = dos.on(axis) + np.interp(axis, dos.frequencies, sampled_states)
    # What the samples lack of the states of the block, some 1e-4 of them.
    lacking = 3.0 * dos.n_atoms - float(np.trapezoid(found + onset, axis))
    scale = 1.0 + lacking / float(np.trapezoid(found, axis))
    projected = None
    if shares is not None:
        t = along[:, None, None, None]
        ends = shares[rays.nearest][:, :ACOUSTIC]
        parts = states[..., None] * ((1.0 - t) * rigid + t * ends)
        more = _once_an_orbit(lambda k: _deposit(dos.frequencies, w, parts[..., k]), orbits)
        part = PhononDos(dos.frequencies, sampled_states, dos.n_atoms, more).projected_on(axis)
        projected = scale * (dos.projected_on(axis) + part) + rigid[:, None] * onset
        projected = _three_each(axis, projected)
    return PhononDos(axis, scale * found + onset, dos.n_atoms, projected)


def _three_each(axis: NDArray[np.float64], projected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, m) densities with the same sum of which every atom has three states again.

    Long waves give an atom another share than the points of the mesh did that they stand in for, by
    some 1e-3; of its other states it has as much more or less.
    """
    total = projected.sum(axis=0)
    parts = np.divide(projected, total, out=np.zeros_like(projected), where=total > 0.0)
    each = np.trapezoid(projected, axis)
    common = np.trapezoid(parts[:, None] * projected[None], axis)
    change = np.linalg.lstsq(np.diag(each) - common, 3.0 - each, rcond=1e-9)[0]
    return np.asarray(projected * (1.0 + change[:, None] - change @ parts))


def mode_shares(eigenvectors: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the (m, 3n, n) shares of the atoms in modes (m, 3n, 3n), which stand in columns."""
    m, modes = eigenvectors.shape[:2]
    squares = (np.abs(eigenvectors) ** 2).reshape(m, modes // 3, 3, modes).sum(axis=2)
    return np.asarray(np.swapaxes(squares, 1, 2))


def dos_from_frequencies(
    frequencies: NDArray[np.float64],
    weights: NDArray[np.float64],
    projections: NDArray[np.float64] | None = None,
    smoothing: float = SMOOTHING,
) -> PhononDos:
    """Return the spectrum of a set of frequencies: 1 cm^-1 bins, shared linearly, smoothed.

    The axis starts 2 cm^-1 below zero or the lowest state, smeared as it is, and ends 100 cm^-1
    above the highest.

    Parameters
    ----------
    frequencies
        (m, 3n) [cm^-1], imaginary ones negative.
    weights
        (m,) shares of the wave vectors, sum 1.
    projections
        (m, 3n, n) share of every atom in every mode, sums 1 over atoms; None for no projection.
    smoothing
        Standard deviation of the Gaussian [cm^-1]; 0 for none.

    Returns
    -------
    The spectrum per cell; its integral is 3n exactly.

    Raises
    ------
    PredictionError
        If the axis would be longer than `check_frequencies` allows.
    """
    check_frequencies(frequencies)
    each = np.repeat(weights / weights.sum(), frequencies.shape[1]).reshape(frequencies.shape)
    shares = None if projections is None else [projections]
    return _spectrum([(frequencies, each)], shares, smoothing, frequencies.shape[1] // 3)


def _spectrum(
    parts: Sequence[Part],
    shares: Sequence[NDArray[np.float64]] | None,
    smoothing: float,
    n_atoms: int,
    block: NDArray[np.bool_] | None = None,
    orbits: NDArray[np.int64] | None = None,
    *,
    narrow: bool = False,
) -> PhononDos:
    """Return the spectrum of parts; `shares` are those of the atoms, (..., branches, n) of each.

    Without them parts may hold different branches; with them the first one holds all. The acoustic
    states of the cells in `block`, in the first part, are left out; their frequencies are
    overwritten. `narrow` says that no state is smoothed by more than `NARROW` of its frequency.
    """
    frequencies = parts[0][0]
    reach = np.ceil(REACH * smoothing)
    highest = max(part.max() for part, _ in parts)
    if block is not None:
        frequencies[..., :ACOUSTIC][block] = highest
    low = min(0.0, np.floor(min(part.min() for part, _ in parts)) - reach) - ROOM_BELOW
    axis = np.arange(low, np.ceil(highest) + max(reach, ROOM_ABOVE) + STEP, STEP)
    if block is not None:  # to a place far above, emptied below: quicker than weights
        frequencies[..., :ACOUSTIC][block] = axis[-2]

    def curve(parts: Sequence[Part]) -> NDArray[np.float64]:
        counts = np.sum([_deposit(axis, *part) for part in parts], axis=0)
        if block is not None:
            counts[-2] = 0.0
        return _smooth_softly(axis, counts, smoothing) if narrow else _smooth(counts, smoothing)

    projected = None
    if shares is not None:
        alike = np.arange(n_atoms) if orbits is None else orbits
        rows = list(zip(parts, shares, strict=True))
        projected = _once_an_orbit(
            lambda k: curve(
                [(w, np.broadcast_to(each * share[..., k], w.shape)) for (w, each), share in rows]
            ),
            alike,
        )
    return PhononDos(axis, curve(parts), n_atoms, projected)


def _once_an_orbit(
    row: Callable[[int], NDArray[np.float64]], orbits: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (n, m) rows of the atoms, made once for those of an orbit, which have the same."""
    _, first, place = np.unique(orbits, return_index=True, return_inverse=True)
    return np.stack([row(k) for k in first.tolist()])[place]


def _deposit(
    axis: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    states: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Return the density of states on an axis of whole steps, shared linearly.

    Frequencies outside the axis must count nothing.
    """
    place = frequencies.ravel() - axis[0]
    place /= STEP
    if not isinstance(states, float):
        states = states.ravel()
        np.clip(place, 0.0, len(axis) - 2, out=place)
    below = place.astype(np.int64)
    place -= below
    if isinstance(states, float):
        counts = np.asarray(1.0 * np.bincount(below, minlength=len(axis)), dtype=np.float64)
    else:
        counts = np.asarray(np.bincount(below, states, len(axis)), dtype=np.float64)
        place *= states
    upper = np.bincount(below, place, len(axis))
    counts -= upper
    counts[1:] += upper[:-1]
    if isinstance(states, float):
        counts *= states
    return np.asarray(counts / STEP)


def _smooth(counts: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    if smoothing == 0.0:
        return counts
    half = int(np.ceil(REACH * smoothing / STEP))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * STEP / smoothing) ** 2)
    return np.convolve(counts, kernel / kernel.sum(), mode="same")


def _smooth_softly(
    axis: NDArray[np.float64], counts: NDArray[np.float64], smoothing: float
) -> NDArray[np.float64]:
    """Return counts smoothed, those at low frequencies by at most `NARROW` of their frequency.

    A wider Gaussian would put more states where C_V and S at a few K are made than it takes away,
    and imaginary ones among real ones.
    """
    slow = np.abs(axis) * NARROW < smoothing
    slow &= (axis > 0.0) | (counts != 0.0)
    if smoothing == 0.0 or not slow.any():
        return _smooth(counts, smoothing)
    widths = np.maximum(NARROW * np.abs(axis[slow]), 1e-3)
    reach = np.searchsorted(axis, axis[slow][-1] + np.ceil(REACH * smoothing))
    apart = (axis[:reach, None] - axis[slow]) / widths
    kernel = np.where(np.abs(apart) <= REACH, np.exp(-0.5 * apart**2), 0.0)
    found = _smooth(np.where(slow, 0.0, counts), smoothing)
    found[:reach] += kernel / kernel.sum(axis=0) @ counts[slow]
    return found
