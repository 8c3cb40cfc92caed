"""Band structures as the content of files: phonopy's ``band.yaml``, CSV, JSON."""

import re
from typing import Any

import numpy as np

from phonodos.physics.crystal import Crystal
from phonodos.physics.path import GAMMA, BandStructure, corner_text
from phonodos.physics.units import THZ_PER_WAVENUMBER, per_wavenumber
from phonodos.results.spectra import Table


def band_text(bands: BandStructure, crystal: Crystal) -> str:
    """Return phonopy's ``band.yaml``: frequencies [THz], distances [1/A] without 2 pi."""
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
        symbol = "".join(s + ("" if f == 1.0 else f"{f:g}") for s, f in site.items())
        shown = ", ".join(f"{x:.15f}" for x in xyz)
        lines += [f"- symbol: {symbol}", f"  coordinates: [ {shown} ]", f"  mass: {mass:.6f}"]
    lines += ["", "phonon:"]
    for segment, frequencies in bands:
        for q, distance, values in zip(
            segment.qpoints, segment.distances / (2.0 * np.pi), frequencies, strict=True
        ):
            shown = ", ".join(f"{x:12.7f}" for x in q)
            lines += [f"- q-position: [ {shown} ]", f"  distance: {distance:12.7f}", "  band:"]
            for k, w in enumerate(values * THZ_PER_WAVENUMBER):
                lines += [f"  - # {k + 1}", f"    frequency: {w:15.10f}"]
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


def bands_record(bands: BandStructure, unit: str = "cm-1") -> dict[str, Any]:
    """Return the band structure as a dictionary fit for JSON, units spelled out."""
    factor = per_wavenumber(unit)
    return {
        "frequency_unit": unit,
        "distance_unit": "1/A",
        "segments": [
            {
                "labels": list(segment.labels),
                "distances": segment.distances.tolist(),
                "qpoints": segment.qpoints.tolist(),
                "frequencies": (w * factor).tolist(),
            }
            for segment, w in bands
        ],
    }


def path_text(bands: BandStructure) -> str:
    """Return the path in words: ``Gamma-X-U | K-Gamma``."""
    words = [re.sub(r"_", "", label) for _, label in bands.path.ticks()]
    return "-".join(words).replace(GAMMA, "Gamma").replace("|", " | ")


def _rows(matrix: Any, names: tuple[str, str, str]) -> list[str]:
    return [
        "- [ {:21.15f}, {:21.15f}, {:21.15f} ] # {}".format(*row, name)  # type: ignore[str-format]
        for row, name in zip(matrix, names, strict=True)
    ]
