"""One phonopy calculation: from its files to a row of a data set."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dfpt2018_record import FRAME_TOLERANCE, LARGEST_BORN_CHARGE
from phonodos.datasets.force_constants import ForceConstants, commensurate_points, separate
from phonodos.datasets.phonopy.calculation import PhonopyCalculation, quiet, read_calculation
from phonodos.datasets.phonopy.space_group import asymmetry, space_group
from phonodos.errors import DataError
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import MESH_LENGTH, irreducible_mesh, mass_kinds, mode_shares, spectrum
from phonodos.physics.path import reciprocal_cell
from phonodos.physics.sound import SoundWaves, long_waves, sound_waves
from phonodos.physics.target import target_of
from phonodos.physics.units import THZ_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING

ORIGIN = "phonondb2018"
NEUTRALITY_BREAK = 0.2  # [e], largest sum of Born charges over the cell (the flag of dfpt2018)


def read_record(
    files: Mapping[str, bytes], name: str, source: str, *, cutoff: float, dos: bool
) -> dict[str, Any]:
    """Return the row of one calculation.

    Parameters
    ----------
    files
        Content of the files of the calculation.
    name
        Identifier of the row.
    source
        Data set it comes from; of `ORIGIN` a supercell that looks wrong is believed.
    cutoff
        Longest edge to list [A].
    dos
        Whether to compute the density of states, total and projected.

    Raises
    ------
    DataError
        If files are missing, unreadable, or do not belong together.
    """
    calculation = read_calculation(files, name, known_sound=source == ORIGIN)
    crystal = calculation.crystal
    polar = calculation.is_polar
    constants = separate(
        calculation.constants,
        calculation.born_charges if polar else None,
        calculation.dielectric if polar else None,
        cutoff=cutoff,
    )
    row: dict[str, Any] = {
        "id": name,
        "source": source,
        "formula": crystal.formula,
        "n_atoms": crystal.n_atoms,
        "species": list(crystal.symbols),
        "cell": crystal.cell.ravel(),
        "frac_coords": crystal.frac_coords.ravel(),
    }
    row |= _tensors(calculation) | _constants(constants)
    if calculation.born_charges is None:
        row |= _commensurate(calculation)
    if dos:
        with quiet():
            row |= _spectrum(calculated_dos(calculation))
    return row


def calculated_dos(calculation: PhonopyCalculation, length: float = MESH_LENGTH) -> PhononDos:
    """Return the total and projected density of states of a calculation.

    phonopy diagonalises; mesh, refinement and axis are those of predictions.

    Parameters
    ----------
    calculation
        The calculation.
    length
        The longest wave resolved [A].
    """
    masses = np.array(calculation.phonon.primitive.masses, dtype=np.float64)
    crystal = calculation.crystal
    mesh = irreducible_mesh(crystal, length, kinds=mass_kinds(crystal, masses))
    calculation.phonon.run_qpoints(mesh.qpoints, with_eigenvectors=True)
    found = calculation.phonon.qpoints
    frequencies = found.frequencies / THZ_PER_WAVENUMBER
    shares = mode_shares(found.eigenvectors)
    return spectrum(mesh, frequencies, shares, sound=_sound(calculation, masses))


def _sound(calculation: PhonopyCalculation, masses: NDArray[np.float64]) -> SoundWaves:
    """Return the long waves of a calculation, q in fractions of the reciprocal lattice vectors."""
    crystal, phonon = calculation.crystal, calculation.phonon
    reciprocal = reciprocal_cell(crystal)
    points = np.concatenate([long_waves(reciprocal), np.zeros((1, 3))])
    phonon.run_qpoints(points, with_dynamical_matrices=True)
    to_ours = phonon.unit_conversion_factor / THZ_PER_WAVENUMBER / WAVENUMBER_PER_SQRT_SPRING
    matrices = np.asarray(phonon.qpoints.dynamical_matrices) * to_ours**2
    polar = calculation.is_polar
    return sound_waves(
        matrices,
        masses,
        crystal.volume,
        calculation.born_charges if polar else None,
        calculation.dielectric if polar else None,
    ).along(reciprocal)


def _tensors(calculation: PhonopyCalculation) -> dict[str, Any]:
    born, eps = calculation.born_charges, calculation.dielectric
    if born is None or eps is None:
        return {"born_sound": False, "dielectric_sound": False}
    fits = asymmetry(space_group(calculation), born, eps) <= FRAME_TOLERANCE
    small = float(np.abs(born).max()) <= LARGEST_BORN_CHARGE
    return {
        "born_charges": born.ravel(),
        "dielectric": eps.ravel(),
        "tensor_frame": "cell",
        "large_cnsr_break": bool(np.abs(born.sum(axis=0)).max() > NEUTRALITY_BREAK),
        "born_sound": small and fits,
        "dielectric_sound": calculation.is_polar and fits,
    }


def _constants(constants: ForceConstants) -> dict[str, Any]:
    if np.abs(constants.images).max(initial=0) > np.iinfo(np.int8).max:
        raise DataError(
            "an edge that leads too many cells away",
            "images of neighbours are stored as single bytes",
            "use a smaller cutoff",
        )
    return {
        "has_nac": constants.has_nac,
        "force_constant_centres": constants.centres.astype(np.int16),
        "force_constant_neighbours": constants.neighbours.astype(np.int16),
        "force_constant_images": constants.images.astype(np.int8).ravel(),
        "force_constant_tensors": constants.tensors.ravel(),
        "on_site": constants.on_site.ravel(),
        "supercell": constants.supercell.astype(np.int32).ravel(),
    }


def _commensurate(calculation: PhonopyCalculation) -> dict[str, Any]:
    """Return what is exact without Born charges: frequencies of waves that fit the supercell.

    There the forces hold the dipole term. Of q and -q, whose frequencies agree, one is listed.
    """
    points = commensurate_points(calculation.constants.supercell)
    opposite = np.mod(-points.round(9), 1.0).round(6)
    kept = [k for k, q in enumerate(points.round(6)) if tuple(q) <= tuple(opposite[k])]
    with quiet():
        calculation.phonon.run_qpoints(points[kept])
        found = calculation.phonon.qpoints.frequencies
    return {
        "commensurate_qpoints": points[kept].ravel(),
        "commensurate_frequencies": (found / THZ_PER_WAVENUMBER).ravel(),
    }


def _spectrum(dos: PhononDos) -> dict[str, Any]:
    projected = dos.projected
    return {
        "dos_frequencies": dos.frequencies,
        "dos_densities": dos.densities,
        "target": target_of(dos),
        "projected_densities": None if projected is None else projected.astype(np.float32).ravel(),
        "has_negative_frequencies": dos.imaginary_fraction > 0.0,
    }
