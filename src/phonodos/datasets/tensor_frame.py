"""Born charges and dielectric tensors of dfpt2018 belong in the frame of the cell.

For more than half of the records the tensors are not given in the Cartesian frame of the CIF's cell
but in that of pymatgen's primitive-standard structure. The symmetry of the crystal tells: averaged
over the space group in the right frame, tensors do not move.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.space_group import find_space_group

if TYPE_CHECKING:
    from pymatgen.core import Structure

SYMMETRY_TOLERANCE = 0.01  # [A], pymatgen's own for these structures
METRIC_TOLERANCE = 5e-3  # of the largest entry: the CIF's cell is rounded
TIE = 5e-3  # [e], residuals closer than this do not decide


@dataclass(frozen=True, eq=False)
class TensorFrame:
    """The frame that fits best: its name, the rotation into the cell's frame, what is left [e]."""

    name: str
    rotation: NDArray[np.float64]
    residual: float
    cell_residual: float


def find_frame(
    structure: "Structure",
    born: NDArray[np.float64],
    dielectric: NDArray[np.float64],
) -> TensorFrame:
    """Return the frame the tensors are given in: the one the space group moves them least in.

    Candidates are the cell's own frame and those of pymatgen's primitive and conventional standard
    cells, axes permuted and signed (48 ways) to have the metric of the cell. Where candidates are
    level, the standard cell with its axes as they stand comes first and the cell's frame last: an
    orthorhombic crystal passes in a permuted frame too, and there only the metric tells.

    Parameters
    ----------
    structure
        The structure as its CIF gives it.
    born
        (n, 3, 3) Born charges [e].
    dielectric
        (3, 3) dielectric tensor, weighed by its trace.
    """
    cell = structure.lattice.matrix
    numbers = [site.specie.Z for site in structure]
    group = find_space_group(cell, structure.frac_coords, numbers, SYMMETRY_TOLERANCE)
    # The dielectric tensor counts as much as the charges, scaled to order one.
    scale = max(float(np.trace(dielectric)) / 3.0, 1.0)

    def residual(rotation: NDArray[np.float64]) -> float:
        z = rotation @ born @ rotation.T
        eps = rotation @ (dielectric / scale) @ rotation.T
        moved = (np.abs(group.average(t, cell) - t).max() for t in (z, eps))
        return float(max(moved))

    own = residual(np.eye(3))
    rated: list[tuple[float, str, NDArray[np.float64]]] = []
    for name, standard in _standard_cells(structure):
        turns = matching_rotations(cell, standard)
        rated += [(residual(turn), name, turn) for turn in turns]
        if any(entry[0] <= TIE for entry in rated):
            break  # nothing that follows could be preferred
    rated.append((own, "cell", np.eye(3)))
    least = min(r for r, _, _ in rated)
    best, name, rotation = next(entry for entry in rated if entry[0] <= least + TIE)
    if np.abs(rotation - np.eye(3)).max() < 1e-3:
        name = "cell"
    return TensorFrame(name, rotation, best, own)


def _standard_cells(structure: "Structure") -> Iterator[tuple[str, NDArray[np.float64]]]:
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    analyzer = SpacegroupAnalyzer(structure, symprec=SYMMETRY_TOLERANCE)
    yield "primitive standard", analyzer.get_primitive_standard_structure().lattice.matrix
    yield "conventional standard", analyzer.get_conventional_standard_structure().lattice.matrix


def matching_rotations(
    cell: NDArray[np.float64], standard: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return the rotations Q with tensor_cell = Q tensor_standard Q^T.

    One for every signed permutation P of the axes of `standard` whose metric is that of `cell`:
    Q = cell^-1 (P standard), lattice vectors as rows. The identity P comes first.
    """
    metric = cell @ cell.T
    rotations = []
    for axes in _signed_permutations():
        turned = axes @ standard
        if np.abs(turned @ turned.T - metric).max() <= METRIC_TOLERANCE * np.abs(metric).max():
            # Rounded cells make Q orthogonal only nearly: take the nearest orthogonal matrix.
            u, _, vt = np.linalg.svd(np.linalg.solve(cell, turned))
            rotations.append(u @ vt)
    return rotations


def _signed_permutations() -> Sequence[NDArray[np.float64]]:
    found = []
    for signs in product((1.0, -1.0), repeat=3):
        for order in permutations(range(3)):
            found.append(np.diag(signs) @ np.eye(3)[list(order)])  # noqa: PERF401
    return found
