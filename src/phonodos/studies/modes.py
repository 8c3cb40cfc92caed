"""`modes`: vibrations at Gamma, their symmetry, infrared strengths and dielectric function."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.infrared import GammaModes, activities, gamma_modes, reflectivity
from phonodos.physics.mesh import mass_kinds
from phonodos.physics.primitive import (
    SYMMETRY_TOLERANCE,
    Setting,
    setting_of,
    symmetry_dataset,
    symmetry_operations,
)
from phonodos.physics.space_group import SpaceGroup
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.predictor import AnyPredictor
from phonodos.studies.harmonic import (
    check_insulator,
    check_solid,
    directions,
    harmonic_prediction,
    numbers,
    spread,
)

Array = NDArray[np.float64]
AXES = ("a", "b", "c")
DAMPING = 5.0  # [cm^-1]
STEP, LOWEST_END = 1.0, 100.0  # [cm^-1] of spectra


@dataclass(frozen=True)
class ModeSet:
    """Modes of equal frequency.

    Attributes
    ----------
    frequency, spread
        [cm^-1], imaginary ones negative; standard deviation of the members' modes that are
        most alike.
    degeneracy
        Number of modes.
    irrep
        Mulliken's symbol; ``?`` where it is not known.
    infrared, raman
        Whether symmetry lets the set be seen.
    charge
        Mode effective charge of one of the modes [e], root mean square.
    intensity, intensity_spread
        Of the set [(D/A)^2/amu].
    static_part
        A third of the trace of what the set adds to eps_0; NaN of imaginary modes.
    """

    frequency: float
    spread: float | None
    degeneracy: int
    irrep: str
    infrared: bool
    raman: bool
    charge: float
    intensity: float
    intensity_spread: float | None
    static_part: float

    @property
    def activity(self) -> str:
        """``IR``, ``Raman``, ``IR+Raman`` or ``silent``."""
        names = [n for n, seen in (("IR", self.infrared), ("Raman", self.raman)) if seen]
        return "+".join(names) or "silent"


@dataclass(frozen=True, eq=False)
class ModeStudy:
    """The modes at Gamma of a crystal, in its conventional setting.

    Attributes
    ----------
    crystal
        The primitive cell.
    setting
        The conventional setting; x, y and z of all tensors are its.
    modes
        All 3n modes, turned into the setting.
    sets
        The optic modes in sets of equal frequency.
    acoustic
        Irreps of the acoustic modes.
    members
        Modes of every member of an ensemble.
    metal
        Whether the charges were left out.
    damping
        Of eps(w) [cm^-1].
    doubts
        Reasons for doubt of the prediction.
    """

    crystal: Crystal
    setting: Setting
    modes: GammaModes
    sets: tuple[ModeSet, ...]
    acoustic: str
    members: tuple[GammaModes, ...] = ()
    metal: bool = False
    damping: float = DAMPING
    doubts: tuple[str, ...] = ()

    @property
    def static(self) -> Array:
        """(3, 3) eps_0; NaN where an optic mode is soft."""
        return self.modes.static

    @property
    def static_spread(self) -> Array | None:
        """(3, 3) standard deviation of the members' eps_0."""
        found = spread(m.static for m in self.members)
        return None if found is None else np.asarray(found)

    @cached_property
    def longitudinal(self) -> dict[str, list[float]]:
        """Frequencies [cm^-1] of the longitudinal modes of q -> 0 along a, b and c."""
        found = {}
        for name, q in directions(AXES, self.setting.cell).items():
            w, polar = self.modes.longitudinal(q)
            found[name] = w[polar].tolist()
        return found

    @cached_property
    def axis(self) -> Array:
        """(k,) frequencies [cm^-1] of the spectra."""
        highest = float(self.modes.frequencies.max())
        highest = max(
            [LOWEST_END, highest, *(w for each in self.longitudinal.values() for w in each)]
        )
        return np.arange(0.0, 1.25 * highest + STEP, STEP)

    @cached_property
    def permittivity(self) -> NDArray[np.complex128]:
        """(k, 3) xx, yy and zz of eps(w)."""
        found = self.modes.permittivity(self.axis, self.damping)
        return np.asarray(found[:, range(3), range(3)])

    @property
    def reflectivity(self) -> Array:
        """(k, 3) of light polarised along x, y and z, at normal incidence."""
        return reflectivity(self.permittivity)

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt: those of the prediction, and soft modes at Gamma."""
        found = list(self.doubts)
        if not self.metal and not np.isfinite(self.static).all():
            found.append(
                "an optic mode at Gamma is imaginary or near zero, so there is no eps_0 (the "
                "structure may not be at rest, or the prediction is too soft: relax it, or look at "
                "`phonodos bands`)"
            )
        return found

    @property
    def patterns(self) -> list[Array]:
        """How the atoms move: (d, n, 3) of every set of d modes, the acoustic one first.

        Real displacements e / sqrt(m) of the atoms of `crystal`, Cartesian as its cell is (not
        turned into the setting), scaled so that the atom that moves farthest moves by 1. Its
        largest component is positive; in a set of equal frequency any basis.
        """
        n = self.crystal.n_atoms
        e = self.modes.vectors.reshape(n, 3, -1) / np.sqrt(self.modes.masses)[:, None, None]
        u = np.einsum("ba,ibm->mia", self.setting.turn, e)
        u /= np.linalg.norm(u, axis=2).max(axis=1)[:, None, None]
        flat = u.reshape(len(u), -1)
        sizes = np.abs(flat)
        first = np.argmax(sizes > 0.999 * sizes.max(axis=1, keepdims=True), axis=1)
        u *= np.sign(flat[np.arange(len(u)), first])[:, None, None]
        return [u[places] for places in self.modes.sets]

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the names of the columns, which hold the units, and a row a set."""
        names = ("frequency_cm-1", "spread_cm-1", "degeneracy", "irrep", "activity",
                 "mode_charge_e", "intensity_D2_per_A2_amu", "intensity_spread",
                 "static_part")  # fmt: skip
        return names, [
            (s.frequency, s.spread, s.degeneracy, s.irrep, s.activity, s.charge, s.intensity,
             s.intensity_spread, s.static_part if np.isfinite(s.static_part) else None)
            for s in self.sets
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON."""
        names, rows = self.table()
        charged = not self.metal
        return {
            "formula": self.crystal.written_formula,
            "point_group": self.setting.point_group,
            "axes": "conventional cell, a along x, b in the plane of x and y",
            "acoustic": self.acoustic,
            "modes": [dict(zip(names, row, strict=True)) for row in rows],
            "longitudinal_cm-1": self.longitudinal if charged else None,
            "eps_inf": self.modes.dielectric.tolist() if charged else None,
            "eps_0": numbers(self.static) if charged else None,
            "eps_0_spread": numbers(self.static_spread) if charged else None,
            "damping_cm-1": self.damping,
            "warnings": self.warnings,
        }


def check_damping(damping: float) -> float:
    """Return the damping [cm^-1]; raise `ConfigError` unless it is positive and at most 1000."""
    if not 0.0 < damping <= 1000.0:
        raise ConfigError(
            f"a damping of {damping:g} cm-1",
            "a damping is the width of a resonance: positive, and at most 1000 cm-1",
            "give for example --damping 5",
        )
    return damping


def modes(
    crystal: Any,
    damping: float = DAMPING,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
) -> ModeStudy:
    """Predict the modes at Gamma, their symmetry, infrared strengths, eps(w) and eps_0.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    damping
        Of all modes in eps(w) [cm^-1].
    model, members
        A predictor, or weights and number of members as `load` takes them.

    Raises
    ------
    ConfigError
        If the network predicts spectra only, or the damping makes no sense.
    StructureError
        As `Predictor.predict`, and if the atoms do not hold together in three directions.
    PredictionError
        As `Predictor.predict`, and of a likely metal whose charges were not left out.
    """
    check_damping(damping)
    what = "modes at Gamma"
    prediction, lattice = harmonic_prediction(crystal, what, model=model, members=members)
    check_insulator(prediction, what)
    check_solid(lattice, what)
    cell = lattice.crystal
    kinds = mass_kinds(cell, lattice.masses)
    group = symmetry_operations(cell, kinds)
    setting = setting_of(cell)
    whole, *each = (_modes(x, group, setting.turn) for x in (lattice, *prediction.member_lattices))
    turns = setting.turn @ group.cartesian(cell.cell) @ setting.turn.T
    characters = _characters(whole, group, turns)
    labels = _labels(cell, kinds, group, characters)
    pairs = [(member, matched(whole, member)) for member in each]
    first, *found = (
        _set(whole, pairs, numbers_, turns, chi, label)
        for numbers_, chi, label in zip(whole.sets, characters, labels, strict=True)
    )
    return ModeStudy(
        cell, setting, whole, tuple(found), first.irrep, tuple(each), lattice.metal, damping,
        prediction.warnings,
    )  # fmt: skip


def _modes(lattice: LatticeDynamics, group: SpaceGroup, turn: Array) -> GammaModes:
    """Return the modes of tensors that obey the symmetry to all digits, turned."""
    n = lattice.crystal.n_atoms
    matrix = lattice.dynamical_matrices(np.zeros((1, 3)))[0].real.reshape(n, 3, n, 3)
    blocks = np.zeros_like(matrix)
    assert group.permutations is not None
    turns = turn @ group.cartesian(lattice.crystal.cell)
    for r, moved in zip(turns, group.permutations, strict=True):
        turned = np.einsum("ab,ibjc,dc->iajd", r, matrix, r)
        blocks[np.ix_(moved, range(3), moved, range(3))] += turned / len(turns)
    cell = lattice.crystal.cell
    born = turn @ group.average(lattice.born_charges, cell) @ turn.T
    eps = turn @ group.average(lattice.dielectric, cell) @ turn.T
    flat = blocks.reshape(3 * n, 3 * n)
    return gamma_modes((flat + flat.T) / 2.0, lattice.masses, lattice.crystal.volume, born, eps)


def _characters(found: GammaModes, group: SpaceGroup, turns: Array) -> list[Array]:
    """Return the (m,) characters of every set of modes under the operations."""
    assert group.permutations is not None
    n = len(found.masses)
    e = found.vectors.reshape(n, 3, -1)
    rows = []
    for r, moved in zip(turns, group.permutations, strict=True):
        image = np.empty_like(e)
        image[moved] = np.einsum("ab,ibm->iam", r, e)
        rows.append((e * image).sum(axis=(0, 1)))
    each = np.array(rows)
    return [each[:, numbers_].sum(axis=1) for numbers_ in found.sets]


def _labels(
    crystal: Crystal, kinds: tuple[int, ...], group: SpaceGroup, characters: list[Array]
) -> list[str]:
    """Return Mulliken's symbols by phonopy's tables; sums where modes meet by accident."""
    from phonopy.phonon.character_table import character_table

    dataset = symmetry_dataset(crystal, SYMMETRY_TOLERANCE, kinds)
    tables = None if dataset is None else character_table.get(dataset.pointgroup)
    unknown = ["?"] * len(characters)
    if not tables or len(group.rotations) != len(dataset.rotations):
        return unknown
    into = dataset.transformation_matrix
    standard = np.rint(into @ group.rotations @ np.linalg.inv(into)).astype(int)
    for table in tables:
        named = {
            tuple(np.ravel(r).tolist()): table["rotation_list"].index(name)
            for name, turns in table["mapping_table"].items()
            for r in turns
        }
        classes = [named.get(tuple(r.ravel().tolist()), -1) for r in standard]
        if -1 not in classes:
            break
    else:
        return unknown
    rows = {name: np.atleast_1d(row)[classes] for name, row in table["character_table"].items()}
    labels = []
    for chi in characters:
        counts = {name: round(float(chi @ row) / float(row @ row)) for name, row in rows.items()}
        parts = [(f"{k}" if k > 1 else "") + name for name, k in counts.items() if k]
        labels.append("+".join(parts) or "?")
    return labels


def matched(found: GammaModes, other: GammaModes) -> NDArray[np.int64]:
    """Return (3n,) which mode of `other` is like each mode of `found`: most overlap in all.

    Overlap is the squared projection on the whole set of degenerate modes, in which the choice of
    eigenvectors is free. By rank, modes that cross from one to the other would be exchanged.
    """
    from scipy.optimize import linear_sum_assignment

    overlap = (found.vectors.T @ other.vectors) ** 2
    for places in found.sets:
        overlap[places] = overlap[places].sum(axis=0)
    return np.asarray(linear_sum_assignment(-overlap)[1], dtype=np.int64)


def _set(
    found: GammaModes, members: list[tuple[GammaModes, NDArray[np.int64]]], places: list[int],
    turns: Array, chi: Array, label: str,
) -> ModeSet:  # fmt: skip
    """Return a set of modes; beside it stand, of every member, those that are `matched` to it."""
    w = float(found.frequencies[places].mean())
    active = activities(chi, turns)
    alike = [(member, partners[places]) for member, partners in members]
    wide = spread(m.frequencies[own].mean() for m, own in alike)
    bright = spread(m.intensities[own].sum() for m, own in alike)
    part = float(np.trace(found.strengths[places].sum(axis=0))) / 3.0
    return ModeSet(
        w, None if wide is None else float(wide), len(places), label, *active,
        float(np.sqrt((found.charges[places] ** 2).mean())),
        float(found.intensities[places].sum()), None if bright is None else float(bright),
        part / w**2 if w > 0.0 else float("nan"),
    )  # fmt: skip
