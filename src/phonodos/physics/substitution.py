"""Substitution rules such as ``Sb=Sb{1-x}Bi{x}``: what becomes of an element of a parent."""

import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.alloy import Alloy, LatticeOf, aligned
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_number, covalent_radii, is_element

Linear = tuple[float, float]  # constant, coefficient of x

RADII: Final[LatticeOf] = "radii"
CELL_END: Final[LatticeOf] = "cell end"
TOUCHING = 0.5  # [A] beyond the sum of two covalent radii: bonds of ionic crystals are among them
STIFFNESS = 5.0  # strength of a bond ~ length^-5 (Brown & Shannon, Acta Cryst. A 29, 266 (1973))

_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_TERM = re.compile(rf"([+-]?)(?:({_NUMBER})\*?)?(x)?(?:/({_NUMBER}))?")
_PART = re.compile(r"([A-Z][a-z]?)(?:\{([^{}]*)\})?")


@dataclass(frozen=True)
class Substitution:
    """An element and what takes its place: amounts linear in x that sum to 1.

    Parameters
    ----------
    element
        The element of the parent whose sites are shared out.
    amounts
        Element -> (constant, coefficient of x).
    """

    element: str
    amounts: dict[str, Linear]

    def at(self, x: float) -> dict[str, float]:
        """Return the fractions at x, those that are zero left out."""
        found = {s: a + b * x for s, (a, b) in self.amounts.items()}
        return {s: f for s, f in found.items() if f > 1e-12}


def parse_substitution(text: str) -> Substitution:
    """Read a rule such as ``Sb=Sb{1-x}Bi{x}``; amounts are linear: ``0.5``, ``x/2``, ``1-2x``.

    Raises
    ------
    ConfigError
        If it is not of that form, names no elements, or the amounts do not sum to 1 or leave
        [0, 1] for x between 0 and 1.
    """
    element, equals, right = text.replace(" ", "").partition("=")
    parts = _PART.findall(right)
    spelled = "".join(s + ("{" + e + "}" if e else "") for s, e in parts)
    if not (equals and is_element(element) and parts and spelled == right):
        raise _bad(text, "a rule names an element and what takes its place")
    amounts: dict[str, Linear] = {}
    for symbol, expression in parts:
        if not is_element(symbol):
            raise _bad(text, f"'{symbol}' is not a chemical element")
        if symbol in amounts:
            raise _bad(text, f"{symbol} stands in it twice")
        amounts[symbol] = _linear(expression or "1", text)
    constant, slope = (sum(a[k] for a in amounts.values()) for k in (0, 1))
    if abs(constant - 1.0) > 1e-9 or abs(slope) > 1e-9:
        raise _bad(text, "the amounts do not sum to 1 at every x")
    if any(not -1e-9 <= a + b * x <= 1.0 + 1e-9 for a, b in amounts.values() for x in (0.0, 1.0)):
        raise _bad(text, "an amount leaves [0, 1] while x goes from 0 to 1")
    return Substitution(element, amounts)


def substituted(
    parent: Crystal, rules: list[Substitution], cell_end: Crystal | None = None
) -> Alloy:
    """Return the alloy that `rules` make of a parent; fractional coordinates stay the parent's.

    The lattice at x = 1 is that of `cell_end`; without it, and at x = 0, the parent's, as many
    times as large as `bond_scale` says (once, where the rules change nothing).

    Raises
    ------
    StructureError
        If the parent does not hold an element of the rules, or the lattice of `cell_end` is not of
        the parent's kind.
    """
    for rule in rules:
        if rule.element not in parent.composition:
            raise StructureError(
                f"{parent.label} holds no {rule.element}",
                f"the substitution of {rule.element} has no site to act on",
                "name an element of the parent: " + ", ".join(parent.composition),
            )
    first, second = (_decorated(parent, rules, x) for x in (0.0, 1.0))
    scales = [bond_scale(parent, end) for end in (first, second)]
    first = replace(first, cell=scales[0] * parent.cell)
    if cell_end is None:
        cell, of = scales[1] * parent.cell, RADII
        origin = (
            f"the parent's times {scales[1]:.4f}, as covalent radii say of its bonds; --cell-end "
            "takes it from a structure"
        )
    else:
        cell, of = _cell_of(cell_end, parent), CELL_END
        origin = f"that of {cell_end.label}"
    note = f"lattice of x = 1: {origin}; fractional coordinates are the parent's at every x"
    if scales[0] != 1.0:
        note += f"; lattice of x = 0: the parent's times {scales[0]:.4f}, by radii"
    n = parent.n_atoms
    second = replace(second, cell=cell)
    return Alloy(first, second, np.arange(n), cell, np.zeros((n, 3)), (note,), of)


def bond_scale(parent: Crystal, made: Crystal) -> float:
    """Return by what factor bonds grow if the sites of `parent` are filled as those of `made`.

    The mean over bonds of the ratios of sums of covalent radii. Bonds count by their strength,
    length^-5: the short ones hold the lattice, as Ti-O does in SrTiO3.
    """
    from ase.neighborlist import primitive_neighbor_list

    radii = covalent_radii()
    before, after = (
        np.array(
            [sum(f * radii[atomic_number(s) - 1] for s, f in o.items()) for o in crystal.occupancy]
        )
        for crystal in (parent, made)
    )
    if np.allclose(before, after, rtol=0.0, atol=1e-12):
        return 1.0
    reach = 2.0 * float(before.max()) + TOUCHING
    i, j, lengths = primitive_neighbor_list(
        "ijd", (True, True, True), parent.cell, parent.frac_coords, reach,
        use_scaled_positions=True,
    )  # fmt: skip
    bonded = lengths <= before[i] + before[j] + TOUCHING
    if not bonded.any():
        return float(after.sum() / before.sum())
    i, j, lengths = i[bonded], j[bonded], lengths[bonded]
    ratios = (after[i] + after[j]) / (before[i] + before[j])
    return float(np.average(ratios, weights=lengths**-STIFFNESS))


def _cell_of(end: Crystal, parent: Crystal) -> NDArray[np.float64]:
    if end.n_atoms != parent.n_atoms:
        raise StructureError(
            f"{end.label} has {end.n_atoms} sites and {parent.label} {parent.n_atoms}",
            "the lattice of the other end has to be that of a cell of the same kind and size",
            "give it in the setting of the parent",
        )
    return aligned(parent, end, f"{parent.label} and {end.label}")


def _decorated(parent: Crystal, rules: list[Substitution], x: float) -> Crystal:
    by_element = {rule.element: rule.at(x) for rule in rules}
    sites = []
    for site in parent.occupancy:
        filled: dict[str, float] = {}
        for symbol, fraction in site.items():
            for new, share in by_element.get(symbol, {symbol: 1.0}).items():
                filled[new] = filled.get(new, 0.0) + fraction * share
        sites.append(filled)
    return Crystal(parent.cell, parent.frac_coords, tuple(sites), notes=parent.notes)


def _linear(expression: str, text: str) -> Linear:
    constant = slope = 0.0
    place = 0
    while place < len(expression):
        match = _TERM.match(expression, place)
        if match is None or not (match[2] or match[3]) or (place and not match[1]):
            raise _bad(text, f"'{expression}' is not linear in x")
        value = float(match[2] or 1.0) / float(match[4] or 1.0) * (-1.0 if match[1] == "-" else 1.0)
        if match[3]:
            slope += value
        else:
            constant += value
        place = match.end()
    return constant, slope


def _bad(text: str, reason: str) -> ConfigError:
    return ConfigError(
        f"'{text}' is no substitution",
        reason,
        "write for example --sub 'Sb=Sb{1-x}Bi{x}', with amounts that sum to 1",
    )
