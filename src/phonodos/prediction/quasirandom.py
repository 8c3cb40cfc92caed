"""Special quasi-random structures: ordered supercells that stand for a disordered crystal.

Every site that elements share is filled at random with whole atoms, in the numbers that the
occupancies ask for, so that pairs of neighbours occur as often as in a random alloy: of what the
search of sqsgenerator finds (D. Gehringer, M. Friak, D. Holec, doi:10.1016/j.cpc.2023.108664), that
with the smallest Warren-Cowley parameters. Sites with the same content are filled together.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.primitive import primitive_cell
from phonodos.physics.short_range_order import shell_pairs, warren_cowley
from phonodos.physics.supercell import compact_supercell, supercell
from phonodos.prediction.stoichiometry import (
    MOST_ATOMS,
    Counts,
    agrees,
    mixed_kinds,
    whole_atoms,
)

TRIALS = 50_000  # arrangements looked at, for every structure and kind of site
KEPT = 1000  # arrangements of every rank that are kept to choose from
SHELLS = 6  # of neighbours that count, the k-th with weight 1 / k
SHELL_GAP = 0.1  # of the nearest distance, between two shells
PLACEHOLDERS = ("H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne")  # the search asks for names


@dataclass(frozen=True)
class Arrangements:
    """How quasi-random structures are to be made.

    Attributes
    ----------
    atoms
        Most atoms of a structure, 2 to 256.
    number
        How many structures are averaged.
    seed
        Of the search; the same seed gives the same structures.

    Raises
    ------
    ConfigError
        If a number is out of range.
    """

    atoms: int = 32
    number: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("atoms", self.atoms, 2, MOST_ATOMS),
            ("number", self.number, 1, 100),
            ("seed", self.seed, 0, 2**31),
        ):
            if not low <= value <= high:
                raise ConfigError(
                    f"--sqs-{name} {value} is out of range",
                    f"it lies between {low} and {high}",
                    "for example --sqs-atoms 32 --sqs-number 3 --sqs-seed 0",
                )


@dataclass(frozen=True)
class Quasirandom:
    """Quasi-random structures of one crystal.

    Attributes
    ----------
    crystals
        Ordered supercells, no two the same; lattice and positions are those of the mean crystal.
    note
        What was done, in words: number, atoms, composition, rounding.
    """

    crystals: tuple[Crystal, ...]
    note: str


def check_installed() -> None:
    """Raise `ConfigError` if the library that searches is not installed."""
    _library()


def quasirandom(crystal: Crystal, order: Arrangements) -> Quasirandom:
    """Return quasi-random structures of a disordered crystal.

    The supercell is the roundest one of the largest number of primitive cells within
    `order.atoms` in which every occupancy is a whole number of atoms (to 0.001 and half a percent,
    as rounded thirds are). Where none is, occupancies are rounded by at most 0.02, and the note
    says so.

    Raises
    ------
    ConfigError
        If sqsgenerator is not installed.
    StructureError
        If the primitive cell is larger than `order.atoms`, or rounding would change an occupancy
        by more than 0.02 or lose an element.
    """
    library = _library()
    cell = primitive_cell(crystal).crystal
    count, counts = whole_atoms(crystal.label, cell, order.atoms)
    whole, origins = supercell(cell, compact_supercell(cell.cell, count))
    kinds = np.array(cell.site_kinds)[origins]
    found: dict[tuple[str, ...], Crystal] = {}
    largest = 0.0
    for index in range(order.number):
        symbols = np.array([next(iter(site)) for site in whole.occupancy], dtype=object)
        for place, (kind, amounts) in enumerate(counts.items()):
            sites = np.flatnonzero(kinds == kind)
            seed = (order.seed + index * 1009 + place * 9176) % 2**31
            symbols[sites], short_range = _arranged(library, whole, sites, amounts, seed)
            largest = max(largest, short_range)
        name = f"{crystal.label}-sqs{index + 1}"
        ordered = Crystal.ordered(whole.cell, whole.frac_coords, symbols.tolist(), name)
        found.setdefault(tuple(symbols), ordered)
    crystals = tuple(found.values())
    return Quasirandom(crystals, _note(crystals, order, cell, counts, largest))


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that it looks for
            import sqsgenerator
    except ImportError as err:
        raise ConfigError(
            "special quasi-random structures need sqsgenerator, which is not installed",
            "it is an extra: most users average disordered sites (--disorder average)",
            "pip install '.[sqs]' in a copy of phonodos",
        ) from err
    return sqsgenerator


def _arranged(
    library: Any, whole: Crystal, sites: NDArray[np.int64], amounts: dict[str, int], seed: int
) -> tuple[list[str], float]:
    """Return the elements of the sites, and the largest Warren-Cowley parameter next to them."""
    names = dict(zip(PLACEHOLDERS, amounts, strict=False))
    if len(names) < len(amounts):
        raise StructureError(
            f"{whole.label}: {len(amounts)} elements share a site",
            f"quasi-random structures take at most {len(PLACEHOLDERS)}",
            "use --disorder average",
        )
    radii = _shell_radii(whole, sites)
    settings = {
        "structure": {
            "lattice": whole.cell.tolist(),
            "coords": whole.frac_coords[sites].tolist(),
            "species": [PLACEHOLDERS[0]] * len(sites),
        },
        "composition": [
            {"sites": list(range(len(sites))), **{p: amounts[s] for p, s in names.items()}}
        ],
        "shell_radii": radii,
        "shell_weights": {k: 1 / k for k in range(1, len(radii))},
        "iterations": TRIALS,
        "max_results_per_objective": KEPT,
        "seed": seed,
        "thread_config": 1,  # more threads would not be repeatable
        "prec": "double",
    }
    parsed = library.parse_config(settings)
    if hasattr(parsed, "msg"):
        raise StructureError(
            f"{whole.label}: no quasi-random structure", str(parsed.msg), "use --disorder average"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pack = library.optimize(parsed)
    found = {tuple(r.structure().symbols) for _, each in pack for r in each}
    best, short_range = _nearest_to_random(whole, sites, radii, found, seed)
    return [names[p] for p in best], short_range


def _nearest_to_random(
    whole: Crystal,
    sites: NDArray[np.int64],
    radii: Sequence[float],
    found: Iterable[tuple[str, ...]],
    seed: int,
) -> tuple[tuple[str, ...], float]:
    """Return the arrangement with the least short-range order, and that of its nearest pairs.

    The search counts a neighbour once however many of its images are near; in small cells this is
    not the order of the crystal, so what it found is weighed again. Among equals one is drawn.
    """
    pairs = shell_pairs(whole.cell, whole.frac_coords[sites], radii)
    weights = 1.0 / np.arange(1, len(radii))
    ranked: dict[float, list[tuple[tuple[str, ...], float]]] = {}
    for symbols in sorted(found):
        elements = np.unique(symbols, return_inverse=True)[1]
        order = np.abs(warren_cowley(pairs, elements)).max(axis=(1, 2))
        entry = (symbols, float(order[0]))
        ranked.setdefault(round(float(order @ weights), 9), []).append(entry)
    equal = ranked[min(ranked)]
    return equal[int(np.random.default_rng(seed).integers(len(equal)))]


def _shell_radii(whole: Crystal, sites: NDArray[np.int64]) -> list[float]:
    """Return the radii between the shells of neighbours [A], from 0; at most 6 shells."""
    coords = whole.frac_coords[sites]
    gaps = coords[:, None] - coords[None]
    gaps -= np.rint(gaps)
    images = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    vectors = (gaps[:, :, None] + images) @ whole.cell
    distances = np.sort(np.linalg.norm(vectors, axis=3).min(axis=2)[np.triu_indices(len(sites), 1)])
    jumps = np.flatnonzero(np.diff(distances) > SHELL_GAP * distances[0])[: SHELLS - 1]
    between = (distances[jumps] + distances[jumps + 1]) / 2.0
    end = distances[-1] + SHELL_GAP * distances[0]
    inside = distances[-1] if len(jumps) < SHELLS - 1 else 0.0
    return [0.0, *between.tolist(), *([float(end)] if inside else [])]


def _note(
    crystals: tuple[Crystal, ...], order: Arrangements, cell: Crystal, counts: Counts,
    short_range: float,
) -> str:  # fmt: skip
    first = crystals[0]
    amounts = "".join(f"{s}{round(n)}" for s, n in sorted(first.composition.items()))
    text = (
        f"sqs: mean of {len(crystals)} special quasi-random "
        f"{'structures' if len(crystals) > 1 else 'structure'} of {first.n_atoms} atoms "
        f"({amounts}), seed {order.seed}, short-range order of nearest pairs up to "
        f"{short_range:.2f} (0 is random); lattice and positions are those of the mean crystal, "
        "not relaxed"
    )
    if len(crystals) < order.number:
        text += f"; {order.number} were asked for, and the others came out the same"
    rounded = []
    for kind, (sites, occupancy) in mixed_kinds(cell).items():
        total = sites * first.n_atoms // cell.n_atoms
        for symbol, fraction in occupancy.items():
            actual = counts[kind][symbol] / total
            if not agrees(actual, fraction):
                rounded.append(f"{symbol} {actual:.4f} instead of {fraction:.4f}")
    if rounded:
        text += f"; occupancies are rounded to whole atoms: {', '.join(rounded)}"
    return text
