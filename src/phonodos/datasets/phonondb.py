"""phonondb: phonopy calculations, those of phonondb@kyoto-u or a user's own.

VASP, PBEsol, finite displacements in the 2018-04-17 version of A. Togo's data base. A row holds
short-range force constants (what is left when our dipole term is taken off), Born charges, the
dielectric tensor and, if wanted, the density of states, total and per atom.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import crystal_row
from phonodos.datasets.force_constants import ForceConstants, commensurate_points, separate
from phonodos.datasets.kinds import Column, Kind
from phonodos.datasets.phonopy.calculation import PhonopyCalculation, quiet, read_calculation
from phonodos.datasets.phonopy.folders import Calculation, count_calculations, find_calculations
from phonodos.datasets.soundness import (
    FRAME_TOLERANCE,
    asymmetry,
    breaks_neutrality,
    sound_born_charges,
)
from phonodos.errors import ConfigError, DataError
from phonodos.physics.dipole import LAMBDA
from phonodos.physics.dos import PhononDos
from phonodos.physics.downfolding import downfolded
from phonodos.physics.mesh import (
    FINER,
    MESH_LENGTH,
    SMOOTHING,
    irreducible_mesh,
    mass_kinds,
    mode_shares,
    spectrum,
)
from phonodos.physics.sound import SoundWaves, long_waves, sound_waves
from phonodos.physics.target import RECIPE, target_of
from phonodos.physics.units import THZ_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING

ORIGIN = "phonondb2018"
LARGEST_CUTOFF = 50.0  # [A]; images are stored as single bytes


def convert(calculation: Calculation, *, cutoff: float, dos: bool) -> dict[str, Any]:
    """Return the row of a calculation that was found; settings and errors are of `read_record`."""
    source = ORIGIN if calculation.published else "phonopy"
    return read_record(calculation.files(), calculation.name, source, cutoff=cutoff, dos=dos)


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
    row = crystal_row(crystal, name, source)
    row |= _tensors(calculation) | _constants(constants) | _commensurate(calculation)
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
    sound = _sound(calculation, masses)
    calculation.phonon.run_qpoints(
        mesh.qpoints, with_eigenvectors=True, with_dynamical_matrices=True
    )
    found = calculation.phonon.qpoints
    frequencies = found.frequencies / THZ_PER_WAVENUMBER
    shares = mode_shares(found.eigenvectors)
    folded = None
    if mesh.is_fine and frequencies[mesh.surroundings.chosen, 0].min() > 0.0:
        around = mesh.surroundings
        matrices = _ours(calculation, found.dynamical_matrices)[around.chosen]
        moved = np.rint(around.waves - mesh.qpoints[around.chosen][:, None])
        phases = np.exp(2j * np.pi * (moved @ crystal.frac_coords.T))
        folded = downfolded(matrices, masses, phases)

    def at(qpoints: NDArray[np.float64]) -> NDArray[np.float64]:
        calculation.phonon.run_qpoints(qpoints)
        return np.asarray(calculation.phonon.qpoints.frequencies / THZ_PER_WAVENUMBER)

    return spectrum(mesh, frequencies, shares, sound=sound, folded=folded, at=at)


def _ours(calculation: PhonopyCalculation, matrices: Any) -> NDArray[np.complex128]:
    """Return dynamical matrices of phonopy in eV/(A^2 amu)."""
    to_ours = calculation.phonon.unit_conversion_factor / THZ_PER_WAVENUMBER
    factor = float(to_ours / WAVENUMBER_PER_SQRT_SPRING) ** 2
    return np.asarray(factor * np.asarray(matrices), dtype=np.complex128)


def _sound(calculation: PhonopyCalculation, masses: NDArray[np.float64]) -> SoundWaves:
    """Return the long waves of a calculation, q in fractions of the reciprocal lattice vectors."""
    crystal, phonon = calculation.crystal, calculation.phonon
    reciprocal = crystal.reciprocal_cell
    points = np.concatenate([long_waves(reciprocal), np.zeros((1, 3))])
    phonon.run_qpoints(points, with_dynamical_matrices=True)
    matrices = _ours(calculation, phonon.qpoints.dynamical_matrices)
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
    moved = asymmetry(calculation.space_group, calculation.crystal.cell, born, eps)
    fits = moved <= FRAME_TOLERANCE
    return {
        "born_charges": born.ravel(),
        "dielectric": eps.ravel(),
        "tensor_frame": "cell",
        "large_cnsr_break": breaks_neutrality(born),
        "born_sound": sound_born_charges(born) and fits,
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
    """Return what is exact with and without Born charges: frequencies of waves of the supercell.

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


def _recipe(cutoff: float, dos: bool) -> dict[str, Any]:
    if not 0.0 < cutoff <= LARGEST_CUTOFF:
        raise ConfigError(
            f"cutoff {cutoff:g} A",
            f"it must be positive and at most {LARGEST_CUTOFF:g} A",
            "use the cutoff of the network or more; 7 A is usual",
        )
    return {
        "cutoff_A": cutoff,
        "dipole_lambda_1/A": LAMBDA,
        "force_constants": "short range: total minus the dipole term (Gonze-Lee, reciprocal sum, "
        "exp(-K.eps.K / (4 lambda^2 tr(eps)/3))); total where has_nac is false",
        "mesh_length_A": MESH_LENGTH if dos else None,
        "mesh_refinement": FINER if dos else None,
        "smoothing_cm-1": SMOOTHING if dos else None,
        "target": RECIPE,
    }


def _facts(column: Column) -> dict[str, Any]:
    masks = zip(
        column("born_sound"), column("dielectric_sound"), column("large_cnsr_break"), strict=True
    )
    return {
        "with_nac": sum(column("has_nac")),
        "sound": sum(born and eps and not broken for born, eps, broken in masks),
    }


def _lines(facts: Mapping[str, Any], _: int, kept: int) -> list[str]:
    return [
        f"done before and kept: {kept}",
        f"with Born charges and a dipole term: {facts['with_nac']}; sound by every mask: "
        f"{facts['sound']}",
    ]


KIND = Kind(
    records=find_calculations,
    name_of=attrgetter("place"),
    convert=convert,
    settings={"cutoff": 7.0, "dos": True},
    recipe=_recipe,
    count=count_calculations,
    facts=_facts,
    told={"with_nac": "with_nac"},
    lines=_lines,
    origin=ORIGIN,
    functional="PBEsol",
    noun="calculation",
    nothing=(
        "there is none in it",
        "give archives or folders of finished phonopy calculations",
    ),
)
