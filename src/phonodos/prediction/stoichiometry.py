"""Whole atoms for shared sites: which supercell holds the occupancies of a disordered crystal."""

from phonodos.errors import StructureError
from phonodos.physics.crystal import OCCUPANCY_TOLERANCE, Crystal

MOST_ATOMS = 256
LARGEST_ROUNDING = 0.02  # of an occupancy; more is another alloy

Counts = dict[int, dict[str, int]]  # kind of site -> atoms of every element in the supercell


def whole_atoms(label: str, cell: Crystal, atoms: int) -> tuple[int, Counts]:
    """Return the number of primitive cells and the atoms of every kind of mixed site.

    The largest number within `atoms` in which every occupancy is whole; where none is, the one that
    rounds least. `label` names the crystal in errors.

    Raises
    ------
    StructureError
        If one primitive cell has more than `atoms` atoms, if rounding would change an occupancy by
        more than 0.02, or if an element would be lost.
    """
    most = atoms // cell.n_atoms
    if most == 0:
        raise StructureError(
            f"{label}: the primitive cell has {cell.n_atoms} atoms",
            f"quasi-random structures were asked for with at most {atoms}",
            f"write --sqs-atoms {cell.n_atoms} or more (at most {MOST_ATOMS})",
        )
    exact = [n for n in range(1, most + 1) if _is_exact(cell, n)]
    if exact:
        return exact[-1], _counts(cell, exact[-1])
    # Among the larger half: small cells round well by chance, and are no alloys.
    count = min(range(most, most // 2, -1), key=lambda n: round(_rounding(cell, n), 9))
    counts = _counts(cell, count)
    lost = any(n == 0 for amounts in counts.values() for n in amounts.values())
    rounding = _rounding(cell, count)
    if lost or rounding > LARGEST_ROUNDING:
        enough = (n for n in range(most + 1, MOST_ATOMS // cell.n_atoms + 1) if _is_exact(cell, n))
        needed = next(enough, None)
        raise StructureError(
            f"{label}: {count * cell.n_atoms} atoms cannot hold its composition",
            "an element would be lost" if lost else f"an occupancy would change by {rounding:.2g}",
            f"write --sqs-atoms {needed * cell.n_atoms}, where the composition is exact"
            if needed
            else f"give more --sqs-atoms (at most {MOST_ATOMS}), or rounder occupancies",
        )
    return count, counts


def mixed_kinds(cell: Crystal) -> dict[int, tuple[int, dict[str, float]]]:
    """Return kind -> number of its sites in the primitive cell, and its occupancy."""
    kinds = cell.site_kinds
    return {
        kind: (kinds.count(kind), dict(cell.occupancy[kinds.index(kind)]))
        for kind in sorted(set(kinds))
        if len(cell.occupancy[kinds.index(kind)]) > 1
    }


def _counts(cell: Crystal, count: int) -> Counts:
    """Return whole atoms nearest to the occupancies: rounded down, the largest rests filled up."""
    found: Counts = {}
    for kind, (sites, occupancy) in mixed_kinds(cell).items():
        wanted = {s: f * sites * count for s, f in occupancy.items()}
        amounts = {s: int(w + 1e-9) for s, w in wanted.items()}
        by_rest = sorted(wanted, key=lambda s: (amounts[s] - wanted[s], s))
        for symbol in by_rest[: sites * count - sum(amounts.values())]:
            amounts[symbol] += 1
        found[kind] = amounts
    return found


def _rounding(cell: Crystal, count: int) -> float:
    """Return the largest change of an occupancy."""
    counts = _counts(cell, count)
    return max(
        abs(counts[kind][s] / (sites * count) - f)
        for kind, (sites, occupancy) in mixed_kinds(cell).items()
        for s, f in occupancy.items()
    )


def _is_exact(cell: Crystal, count: int) -> bool:
    counts = _counts(cell, count)
    return all(
        agrees(counts[kind][s] / (sites * count), f)
        for kind, (sites, occupancy) in mixed_kinds(cell).items()
        for s, f in occupancy.items()
    )


def agrees(actual: float, fraction: float) -> bool:
    """Return whether two occupancies are the same but for the rounding of a file, 0.333 for 1/3."""
    return abs(actual - fraction) <= min(OCCUPANCY_TOLERANCE, 0.005 * fraction)
