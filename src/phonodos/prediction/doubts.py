"""Reasons to trust a prediction less, in plain words."""

from collections.abc import Sequence

import numpy as np

from phonodos.errors import PredictionError
from phonodos.model.bond_kinds import bond_kinds, bond_name
from phonodos.model.bond_lengths import TrainingLengths, length_doubts
from phonodos.model.bonds import BondedCrystals
from phonodos.model.graph import CrystalGraph, isolated_sites
from phonodos.model.header import WeightHeader
from phonodos.physics.crystal import Crystal, mixed_sites
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import element_of
from phonodos.physics.isotopes import element_formula
from phonodos.physics.metals import metallic_family
from phonodos.physics.target import TARGET_GRID
from phonodos.prediction.stability import Stability

RARE = 5  # an element in fewer training crystals than this is named

# Bonds that vibrate above the 1000 cm^-1 of the 51-point axis: (pair, length [A]). All training
# crystals whose calculation has more than a tenth of its states there hold one, but for hydrides of
# metals, which have a reason of their own. Cl-O (perchlorates) and C-F are not of training.
STIFF_BONDS = {
    frozenset(pair): length
    for pair, length in (
        (("H",), 1.1), (("H", "B"), 1.5), (("H", "C"), 1.3), (("H", "N"), 1.3), (("H", "O"), 1.4),
        (("B", "N"), 1.6), (("B", "O"), 1.55), (("B", "C"), 1.65), (("B",), 1.85), (("C",), 1.6),
        (("C", "N"), 1.5), (("C", "O"), 1.5), (("N",), 1.5), (("N", "O"), 1.5), (("O",), 1.6),
        (("Be", "N"), 1.8), (("Be", "O"), 1.68), (("B", "F"), 1.5), (("B", "P"), 1.9),
        (("C", "F"), 1.45), (("Si", "N"), 1.78), (("Si", "O"), 1.68), (("P", "N"), 1.72),
        (("P", "O"), 1.65), (("S", "O"), 1.6), (("Cl", "O"), 1.6), (("H", "Be"), 1.6),
        (("H", "Al"), 1.9), (("H", "Si"), 1.6), (("H", "P"), 1.6), (("H", "S"), 1.5),
        (("H", "Ga"), 1.9), (("H", "Ge"), 1.7),
    )
}  # fmt: skip
STIFF = frozenset().union(*STIFF_BONDS)  # elements of these bonds


def training_doubts(crystal: Crystal, header: WeightHeader) -> list[str]:
    """Return what training says: elements never or rarely seen, sites shared by elements."""
    seen = header.training_elements
    counts = {s: seen.get(element_of(s), 0) for s in crystal.composition}
    unseen = [s for s, n in counts.items() if n == 0]
    rare = [f"{s} ({n})" for s, n in counts.items() if 0 < n < RARE]
    found = []
    if unseen:
        found.append(f"never seen in training: {', '.join(unseen)}; expect larger errors")
    if rare:
        found.append(f"rarely seen in training (crystals): {', '.join(rare)}")
    if mixed := mixed_sites(crystal):
        sites = "1 site is" if len(mixed) == 1 else f"{len(mixed)} sites are"
        found.append(
            f"{sites} shared by elements: training held pure sites only, a mixture is the mean of "
            "their encodings, and peaks that no end member has may be artefacts"
        )
    return found


def is_foreign(crystal: Crystal, header: WeightHeader) -> bool:
    """Return whether no element of a crystal was in training, as far as the weights tell.

    Where some were, intervals hold: those of `lattice-paper` of 86 to 92 in 100, as of others
    (docs/metrics/lattice-paper, group "unseen element").
    """
    seen = header.training_elements
    return bool(seen) and not any(seen.get(element_of(s)) for s in crystal.composition)


def metal_doubts(
    crystal: Crystal, header: WeightHeader, *, screened: bool = False, charged: bool = True
) -> list[str]:
    """Return what speaks for a metal: nothing where the formula was trained on, as an insulator.

    `screened` says that the prediction is without charges, as was asked for; `charged`, that the
    network predicts them at all.
    """
    if screened:
        return [
            "metal: charges left out, as was asked for; no interval is stated, since training held "
            "insulators only"
        ]
    family = metallic_family(crystal)
    if family is None or element_formula(crystal) in header.training_formulas:
        return []
    kind = "" if family == "a metal" else f" ({family})"
    field = (
        ", with charges whose field free electrons would screen. --metal (metal=True) leaves it out"
    )
    return [
        f"this may be a metal{kind}: training held insulators only{field if charged else ''}; no "
        "interval is stated"
    ]


def hydride_doubts(crystal: Crystal, name: str) -> list[str]:
    """Return what a spectrum network says of crystals with hydrogen: its worst, by far."""
    if all(element_of(species) != "H" for species in crystal.composition):
        return []
    return [f"{name} errs several times more for crystals with hydrogen; use lattice for them"]


def isotope_refusal(crystal: Crystal, name: str) -> PredictionError | None:
    """Return why a spectrum network cannot answer for isotopes, where there are some."""
    isotopes = sorted(s for s in crystal.composition if element_of(s) != s)
    if not isotopes:
        return None
    return PredictionError(
        f"{crystal.label}: {name} knows nothing of isotopes ({', '.join(isotopes)})",
        "it maps the masses of the elements it was trained on to a spectrum; for D in place of H "
        "the mean frequency rose in 86 % of 63 hydrides, where it has to fall by a quarter",
        "use weights of lattice dynamics, such as lattice",
    )


def bond_doubts(crystal: Crystal, graph: CrystalGraph, header: WeightHeader) -> list[str]:
    """Return what training says of the bonds: kinds never seen between elements that were.

    Bonds seen once or twice are not named: on valid such crystals erred no more than others, those
    with a bond never seen nearly twice as much (docs/decisions/0004). Nothing is said of weights
    whose header does not count bonds.
    """
    seen = header.training_bonds
    if not seen:
        return []
    known = header.training_elements
    unseen = [
        name
        for name in sorted(bond_kinds(crystal, graph))
        if not seen.get(name) and all(known.get(symbol) for symbol in name.split("-"))
    ]
    if not unseen:
        return []
    return [f"bonds never seen in training: {', '.join(unseen)}; expect larger errors"]


def geometry_doubts(
    crystal: Crystal,
    graph: CrystalGraph | BondedCrystals,
    header: WeightHeader,
    places: Sequence[int],
    *,
    check: bool,
) -> list[str]:
    """Return what the distances say (`length_doubts`), or that nobody looked at them.

    Raises
    ------
    StructureError
        If two atoms are absurdly close and `check` is set.
    """
    if not check:
        return ["distances of atoms were not checked, as was asked for"]
    plain = graph.graph if isinstance(graph, BondedCrystals) else graph
    known = header.training_lengths
    found = length_doubts(crystal, plain, known or TrainingLengths(), places)
    if found and known is None:
        found.append("these weights hold no distances of their training: radii stood in for them")
    return found


def graph_doubts(graph: CrystalGraph, cutoff: float) -> list[str]:
    """Return what the graph says: atoms without any neighbour."""
    isolated = isolated_sites(graph)
    return [f"{len(isolated)} atoms have no neighbour within {cutoff:g} A"] if isolated else []


def axis_doubts(crystal: Crystal, graph: CrystalGraph, name: str) -> list[str]:
    """Return what the 51-point axis leaves out: bonds that vibrate above its end."""
    stiff = stiff_bonds(crystal, graph)
    if not stiff:
        return []
    return [
        f"{', '.join(stiff)} bonds vibrate above {TARGET_GRID.frequencies[-1]:g} cm^-1, where "
        f"{name} ends: the states there are missing and the rest is scaled up to 3N"
    ]


def stability_doubts(stability: Stability) -> list[str]:
    """Return what the lowest frequency says."""
    if stability.verdict == "stable":
        return []
    found = f"lowest frequency {stability.lowest:.0f} cm^-1 {stability.whereabouts}"
    if stability.probability is not None:
        found += f", probability {stability.probability:.2f}"
    if stability.is_unstable:
        return [
            f"predicted unstable: {found} (the structure may be a saddle point, or the prediction "
            "too soft)"
        ]
    return [f"stable or not, the prediction is unsure: {found} of being unstable"]


def share_doubts(dos: PhononDos) -> list[str]:
    """Return what imaginary states say of a mean over structures, which has no lattice dynamics."""
    if not dos.is_unstable:
        return []
    return [
        f"predicted unstable: {100 * dos.imaginary_fraction:.1f} % of the states are imaginary "
        "(the structures may be saddle points, or the prediction too soft)"
    ]


def stiff_bonds(crystal: Crystal, graph: CrystalGraph) -> list[str]:
    """Return the kinds of bonds in `crystal` that are known to vibrate above 1000 cm^-1."""
    names = [{element_of(s) for s in site} & STIFF for site in crystal.occupancy]
    if not any(names):
        return []
    lengths = np.linalg.norm(graph.edge_vectors, axis=1)
    found: set[frozenset[str]] = set()
    for edge in np.flatnonzero(lengths < max(STIFF_BONDS.values())):
        i, j = graph.edge_index[:, edge].tolist()
        for a in names[i]:
            for b in names[j]:
                pair = frozenset((a, b))
                if float(lengths[edge]) < STIFF_BONDS.get(pair, 0.0):
                    found.add(pair)
    return sorted(bond_name(tuple(pair) * (3 - len(pair))) for pair in found)
