"""`displacements`: mean squared displacements of atoms against temperature, for every site."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.displacements import (
    check_temperatures,
    debye_waller,
    in_cif_convention,
    mean_squares,
    missed_by,
)
from phonodos.physics.dos import MENTIONED_SHARE, PhononDos
from phonodos.physics.mesh import QMesh, mass_kinds
from phonodos.physics.primitive import primitive_cell, symmetry_operations
from phonodos.physics.space_group import SpaceGroup
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor
from phonodos.studies.harmonic import check_solid, harmonic_prediction, numbers, spread

Array = NDArray[np.float64]
TEMPERATURES = (0.0, 100.0, 200.0, ROOM_TEMPERATURE)
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # 11, 22, 33, 23, 13, 12
MOST_APART = 40  # atoms that have each a projected spectrum of its own
LARGEST_BLOCK = 2e6  # numbers of turned tensors held at once
NAMES = ("U11", "U22", "U33", "U23", "U13", "U12")


@dataclass(frozen=True, eq=False)
class DisplacementStudy:
    """Mean squared displacements of the atoms of a crystal, in the cell as given.

    Attributes
    ----------
    crystal
        The crystal as given.
    temperatures
        (t,) [K].
    tensors
        (t, n, 3, 3) U [A^2], Cartesian.
    members
        The same of every member of an ensemble; empty for a single network.
    left_out
        Share of the modes that are imaginary or below 1 cm^-1 and count nothing.
    doubts
        Reasons for doubt of the prediction.
    """

    crystal: Crystal
    temperatures: Array
    tensors: Array
    members: tuple[Array, ...] = ()
    left_out: float = 0.0
    doubts: tuple[str, ...] = ()

    @property
    def u_iso(self) -> Array:
        """(t, n) a third of the trace of U [A^2]."""
        return _trace(self.tensors)

    @property
    def u_iso_spread(self) -> Array | None:
        """(t, n) standard deviation of the members' `u_iso` [A^2]; None of a single network."""
        found = spread(_trace(u) for u in self.members)
        return None if found is None else np.asarray(found)

    @property
    def b_iso(self) -> Array:
        """(t, n) B = 8 pi^2 `u_iso` [A^2]."""
        return 8.0 * np.pi**2 * self.u_iso

    @property
    def u_cif(self) -> Array:
        """(t, n, 3, 3) U^ij [A^2] as CIF files have them, along the axes of the reciprocal cell."""
        return in_cif_convention(self.tensors, self.crystal.cell)

    @cached_property
    def u_cif_spread(self) -> Array | None:
        """(t, n, 3, 3) standard deviation of the members' `u_cif` [A^2]."""
        found = spread(in_cif_convention(u, self.crystal.cell) for u in self.members)
        return None if found is None else np.asarray(found)

    def debye_waller(self, waves: Array) -> Array:
        """Return (t, n, m) factors exp(-Q.U.Q / 2) on amplitudes at (m, 3) Cartesian Q [1/A]."""
        return debye_waller(self.tensors, np.atleast_2d(waves))

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt: those of the prediction, and modes that count nothing."""
        found = list(self.doubts)
        if self.left_out > MENTIONED_SHARE:
            found.append(
                f"{100 * self.left_out:.1f} % of the modes are imaginary or below 1 cm-1 and left "
                "out: the true displacements are larger (the structure may not be at rest: look at "
                "`phonodos bands`)"
            )
        return found

    @property
    def sites(self) -> list[str]:
        """(n,) what is on every site: ``Na``, ``Cu0.7Au0.3``."""
        return [
            "".join(s + ("" if f == 1.0 else f"{f:g}") for s, f in site.items())
            for site in self.crystal.occupancy
        ]

    def kinds(self) -> list[tuple[int, int]]:
        """Return the first site of every kind and how many sites are of it.

        Alike are sites with the same elements and, at all temperatures, the same `u_iso`.
        """
        found: list[list[int]] = []
        u, names = self.u_iso, self.sites
        for i, name in enumerate(names):
            for group in found:
                if name == names[group[0]] and np.allclose(u[:, i], u[:, group[0]], rtol=1e-5):
                    group.append(i)
                    break
            else:
                found.append([i])
        return [(group[0], len(group)) for group in found]

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the names of the columns, which hold the units, and a row a temperature and site.

        U11 to U12 are in the convention of CIF files.
        """
        names = ("temperature_K", "site", "species", *(f"{n}_A^2" for n in NAMES), "U_iso_A^2",
                 "U_iso_spread_A^2", "B_iso_A^2")  # fmt: skip
        cif, iso, wide, b = self.u_cif, self.u_iso, self.u_iso_spread, self.b_iso
        rows: list[tuple[Any, ...]] = [
            (float(kelvin), i + 1, species, *(float(cif[k, i][p]) for p in PAIRS),
             float(iso[k, i]), None if wide is None else float(wide[k, i]), float(b[k, i]))
            for k, kelvin in enumerate(self.temperatures)
            for i, species in enumerate(self.sites)
        ]  # fmt: skip
        return names, rows

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON: lists by temperature, then by site."""
        return {
            "formula": self.crystal.written_formula,
            "sites": self.sites,
            "temperatures_K": self.temperatures.tolist(),
            "order": list(NAMES),
            "U_cif_A2": [[[float(u[p]) for p in PAIRS] for u in each] for each in self.u_cif],
            "U_iso_A2": self.u_iso.tolist(),
            "U_iso_spread_A2": numbers(self.u_iso_spread),
            "B_iso_A2": self.b_iso.tolist(),
            "left_out_share": self.left_out,
            "warnings": self.warnings,
        }


def displacements(
    crystal: Any,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
) -> DisplacementStudy:
    """Predict the mean squared displacements of the atoms, in the harmonic approximation.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    temperatures
        [K], not negative; 0 gives the zero-point motion.
    model, members
        A predictor, or weights and number of members as `load` takes them.

    Raises
    ------
    ConfigError
        If the network predicts spectra only, or a temperature is negative or not a number.
    StructureError
        As `Predictor.predict`, and if the atoms do not hold together in three directions.
    PredictionError
        As `Predictor.predict`, and if no mode is real.
    """
    kelvin = check_temperatures(temperatures)
    what = "displacements"
    prediction, lattice = harmonic_prediction(crystal, what, model=model, members=members)
    return displacements_and_spectra(prediction, lattice, kelvin)[0]


def displacements_and_spectra(
    prediction: Prediction, lattice: LatticeDynamics, kelvin: Array, *, projected: bool = False
) -> tuple[DisplacementStudy, tuple[PhononDos, ...]]:
    """Return the displacements at (t,) `kelvin`, and spectra by the same modes where asked for.

    The spectra are those of the primitive cell, projected on its atoms, one a member; none unless
    `projected`. To find the modes is the larger part of both.

    Raises
    ------
    StructureError, PredictionError
        As `displacements`.
    """
    check_solid(lattice, "displacements")
    mesh = lattice.mesh()
    primitive = lattice.crystal
    group = symmetry_operations(primitive, mass_kinds(primitive, lattice.masses))
    sites = primitive_cell(prediction.crystal).site_map
    tensors, left_out, spectra = [], [], []
    for one in (lattice, *prediction.member_lattices):
        w, vectors = one.modes(mesh.qpoints)
        u, missing = _tensors(one, mesh, group, kelvin, w, vectors)
        tensors.append(u[:, sites])
        left_out.append(missing)
        if projected and (one is not lattice or not prediction.member_lattices):
            shared = projection_mesh(lattice, mesh)
            spectra.append(one.projected_dos(shared, w, vectors))
    study = DisplacementStudy(
        prediction.crystal, kelvin, tensors[0], tuple(tensors[1:]), left_out[0],
        prediction.warnings,
    )  # fmt: skip
    return study, tuple(spectra)


def projection_mesh(lattice: LatticeDynamics, mesh: QMesh) -> QMesh:
    """Return the mesh with which spectra are projected, for what is shown by element.

    In large cells atoms of a kind get the mean of their shares, as those of an orbit do: the sum
    over a kind is the same within 1e-3, and a tenth of the work.
    """
    crystal = lattice.crystal
    if crystal.n_atoms <= MOST_APART:
        return mesh
    return replace(mesh, orbits=np.array(mass_kinds(crystal, lattice.masses)))


def _tensors(
    lattice: LatticeDynamics, mesh: QMesh, group: SpaceGroup, kelvin: Array, w: Array,
    vectors: NDArray[np.complex128],
) -> tuple[Array, float]:  # fmt: skip
    """Return (t, n, 3, 3) U [A^2] of the primitive cell, and the share of modes left out."""
    found = mean_squares(mesh.weights, w, vectors, lattice.masses, kelvin)
    more = missed_by(mesh, lattice.sound, float(lattice.masses.sum()))
    tensors = found.tensors + kelvin[:, None, None, None] * more
    # A mesh is irreducible: what its sum lacks of the symmetry, the group gives back.
    size = max(1, int(LARGEST_BLOCK / (len(group.rotations) * tensors[0].size)))
    blocks = [tensors[k : k + size] for k in range(0, len(tensors), size)]
    cell = lattice.crystal.cell
    return np.concatenate([group.average(b, cell) for b in blocks]), found.left_out


def _trace(tensors: Array) -> Array:
    return np.asarray(np.trace(tensors, axis1=-2, axis2=-1) / 3.0)
