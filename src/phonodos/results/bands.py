"""Band structures as the content of files: phonopy's ``band.yaml``, CSV, JSON, arrays.

Eigenvectors are (m, 3n, 3n) complex a segment, modes in columns, rows atom by atom x, y, z: those
of D(q) with the phases of the full vectors between atoms, as phonopy has them; norm 1.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.path import GAMMA, BandStructure, corner_text
from phonodos.physics.units import THZ_PER_WAVENUMBER, per_wavenumber
from phonodos.results.spectra import Table

Vectors = Sequence[NDArray[np.complex128]]
CONVENTION = (
    "D(q) e = w^2 e with D_ij(q) = sum_R Phi_ij(R) exp(2 pi i q.(R + x_j - x_i)) / sqrt(m_i m_j), "
    "q and x fractional; displacement of atom i in cell R: e_i / sqrt(m_i) exp(2 pi i q.(R + x_i))"
    "; norm 1 over 3n Cartesian components; the largest component of a mode is real and positive; "
    "among modes of one frequency any basis; where a segment ends at Gamma, the limit along it"
)


def band_text(bands: BandStructure, crystal: Crystal, vectors: Vectors | None = None) -> str:
    """Return phonopy's ``band.yaml``: frequencies [THz], distances [1/A] without 2 pi.

    With eigenvectors where `vectors` are given.
    """
    counts = [len(w) for w in bands.frequencies]
    lines = [f"nqpoint: {sum(counts)}", f"npath: {len(counts)}", "segment_nqpoint:"]
    lines += [f"- {n}" for n in counts]
    lines.append("labels:")
    for segment in bands.path.segments:
        start, end = (corner_text(name) for name in segment.labels)
        lines.append(f"- [ '{start}', '{end}' ]")
    lines.append("reciprocal_lattice:")
    lines += _rows(np.linalg.inv(crystal.cell).T, ("a*", "b*", "c*"))
    lines += [f"natom: {crystal.n_atoms}", "lattice:", *_rows(crystal.cell, ("a", "b", "c"))]
    lines.append("points:")
    for site, xyz, mass in zip(crystal.occupancy, crystal.frac_coords, crystal.masses, strict=True):
        symbol = _named(site)
        shown = ", ".join(f"{x:.15f}" for x in xyz)
        lines += [f"- symbol: {symbol}", f"  coordinates: [ {shown} ]", f"  mass: {mass:.6f}"]
    lines += ["", "phonon:"]
    for s, (segment, frequencies) in enumerate(bands):
        for i, (q, distance, values) in enumerate(
            zip(segment.qpoints, segment.distances / (2.0 * np.pi), frequencies, strict=True)
        ):
            shown = ", ".join(f"{x:12.7f}" for x in q)
            lines += [f"- q-position: [ {shown} ]", f"  distance: {distance:12.7f}", "  band:"]
            for k, w in enumerate(values * THZ_PER_WAVENUMBER):
                lines += [f"  - # {k + 1}", f"    frequency: {w:15.10f}"]
                if vectors is not None:
                    lines += ["    eigenvector:", *_vector_lines(vectors[s][i, :, k])]
        lines.append("")
    return "\n".join([*lines, ""])


def bands_table(bands: BandStructure, unit: str = "cm-1") -> Table:
    """Return segment, distance, fractional q and 3N frequencies a row; the names hold the units."""
    factor = per_wavenumber(unit)
    modes = bands.frequencies[0].shape[1]
    header = ["segment", "distance [1/A]", "q1", "q2", "q3"]
    header += [f"mode {k + 1} [{unit}]" for k in range(modes)]
    tables = [
        np.column_stack([np.full(len(w), k + 1), s.distances, s.qpoints, w * factor])
        for k, (s, w) in enumerate(bands)
    ]
    return header, np.concatenate(tables)


def bands_record(
    bands: BandStructure, unit: str = "cm-1", vectors: Vectors | None = None
) -> dict[str, Any]:
    """Return the band structure as a dictionary fit for JSON, units spelled out.

    With `vectors`, eigenvectors by wave vector, mode, atom, axis, real and imaginary part.
    """
    factor = per_wavenumber(unit)
    segments: list[dict[str, Any]] = [
        {
            "labels": list(segment.labels),
            "distances": segment.distances.tolist(),
            "qpoints": segment.qpoints.tolist(),
            "frequencies": (w * factor).tolist(),
        }
        for segment, w in bands
    ]
    found: dict[str, Any] = {"frequency_unit": unit, "distance_unit": "1/A", "segments": segments}
    if vectors is not None:
        found["eigenvector_convention"] = CONVENTION
        for segment, each in zip(segments, vectors, strict=True):
            segment["eigenvectors"] = complex_parts(by_atom(each))
    return found


def by_atom(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return (m, 3n, n, 3) eigenvectors by wave vector, mode, atom, axis from (m, 3n, 3n)."""
    m, modes = vectors.shape[:2]
    return np.swapaxes(vectors, 1, 2).reshape(m, modes, modes // 3, 3)


def eigenvector_arrays(
    bands: BandStructure, crystal: Crystal, vectors: Vectors, masses: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``eigenvectors.npz``; all wave vectors of the path in one row.

    ``eigenvectors`` (m, 3n, n, 3), by wave vector, mode, atom, axis; ``frequencies`` (m, 3n)
    [cm^-1], ``qpoints`` (m, 3) fractional, ``distances`` (m,) [1/A], ``segment`` (m,) from 1,
    ``cell`` [A], ``frac_coords``, ``masses`` [amu], ``symbols``, ``convention``.
    """
    segments = [s for s, _ in bands]
    numbers = [np.full(len(s.qpoints), k + 1) for k, s in enumerate(segments)]
    return {
        "eigenvectors": np.concatenate([by_atom(v) for v in vectors]),
        "frequencies": np.concatenate(bands.frequencies),
        "qpoints": np.concatenate([s.qpoints for s in segments]),
        "distances": np.concatenate([s.distances for s in segments]),
        "segment": np.concatenate(numbers),
        "cell": crystal.cell,
        "frac_coords": crystal.frac_coords,
        "masses": masses,
        "symbols": np.array([_named(site) for site in crystal.occupancy]),
        "convention": np.array(CONVENTION),
    }


def complex_parts(values: NDArray[np.complex128]) -> Any:
    """Return complex numbers as pairs of their parts, nested as the array is."""
    return np.stack([values.real, values.imag], axis=-1).round(9).tolist()


def _named(site: Any) -> str:
    return "".join(s + ("" if f == 1.0 else f"{f:g}") for s, f in site.items())


def _vector_lines(vector: NDArray[np.complex128]) -> list[str]:
    lines = []
    for k, atom in enumerate(vector.reshape(-1, 3)):
        lines.append(f"    - # atom {k + 1}")
        lines += [f"      - [ {x.real:17.14f}, {x.imag:17.14f} ]" for x in atom]
    return lines


def path_text(bands: BandStructure) -> str:
    """Return the path in words: ``Gamma-X-U | K-Gamma``."""
    words = [re.sub(r"_", "", label) for _, label in bands.path.ticks()]
    return "-".join(words).replace(GAMMA, "Gamma").replace("|", " | ")


def _rows(matrix: Any, names: tuple[str, str, str]) -> list[str]:
    return [
        "- [ {:21.15f}, {:21.15f}, {:21.15f} ] # {}".format(*row, name)  # type: ignore[str-format]
        for row, name in zip(matrix, names, strict=True)
    ]
