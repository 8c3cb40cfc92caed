"""Isotopes asked for: masses of an element, or of single sites, in place of the standard ones."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.alloy import Alloy
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of, is_element, isotope_range, with_mass

NOTE = "isotopes: "
_SPECIES = re.compile(r"([A-Z][a-z]?)(\d{1,3})?")


@dataclass(frozen=True)
class Isotope:
    """One mass for an element everywhere, or for one site.

    Attributes
    ----------
    element
        Symbol.
    mass
        [amu].
    site
        Counted from 1 in the order of the input; None for every site of the element.
    """

    element: str
    mass: float
    site: int | None = None

    def __str__(self) -> str:
        where = "" if self.site is None else f" on site {self.site}"
        return f"{self.element} = {_digits(self.mass)} amu{where}"


def _digits(mass: float) -> str:
    return f"{mass:.6f}".rstrip("0").rstrip(".")


def read_isotope(text: str) -> Isotope:
    """Return what a text asks for: ``O=17.999``, ``O=O18``, ``3=O18`` (site 3), ``H=D``.

    Raises
    ------
    ConfigError
        If the text is of no such form, there is no such element or isotope, or the mass is not
        that of an isotope.
    """
    left, equals, right = (part.strip() for part in text.partition("="))
    if not equals or not left or not right:
        raise _unclear(text, "it has no equals sign with something on both sides")
    site = int(left) if left.isascii() and left.isdigit() and len(left) < 8 else None
    if site == 0:
        raise _unclear(text, "sites are counted from 1")
    if site is None and (not is_element(left) or element_of(left) != left):
        raise _unclear(text, f"'{left[:20]}' is neither an element nor the number of a site")
    element, mass = _isotope(text, right, None if site is not None else left)
    low, high = isotope_range(element)
    if not low - 1.0 <= mass <= high + 1.0:
        raise ConfigError(
            f"no isotope of {element} has a mass of {mass:g} amu",
            f"isotopes of {element} weigh {low:.3f} to {high:.3f} amu",
            f"give the mass in amu, or the isotope by its mass number, as in {element}="
            f"{element}{round(low)}",
        )
    return Isotope(element, mass, site)


def _isotope(text: str, right: str, element: str | None) -> tuple[str, float]:
    """Return element and mass [amu] of what stands behind the equals sign."""
    import periodictable

    if right in ("D", "T"):
        if element not in (None, "H"):
            raise _unclear(text, f"{right} is an isotope of H, not of {element}")
        return "H", float(getattr(periodictable, right).mass)
    match = _SPECIES.fullmatch(right)
    if match and is_element(match[1]):
        if element not in (None, match[1]):
            raise _unclear(text, f"{right} is no isotope of {element}")
        number = int(match[2] or 0)
        known = getattr(periodictable, match[1])
        if number not in known.isotopes:
            raise _unclear(
                text, f"{match[1]} has no isotope of mass number {match[2] or '(none given)'}"
            )
        return match[1], float(known[number].mass)
    if element is None:
        raise _unclear(text, "a site needs an isotope with its element, as in 3=O18")
    try:
        return element, float(right)
    except ValueError:
        raise _unclear(text, f"'{right[:20]}' is neither a mass nor an isotope") from None


def _unclear(text: str, reason: str) -> ConfigError:
    return ConfigError(
        f"'{text[:60]}' names no isotope",
        reason,
        "write O=17.999 (element = mass in amu), O=O18, or 3=O18 (site counted from 1 = isotope)",
    )


def read_isotopes(isotopes: Iterable[Isotope | str]) -> tuple[Isotope, ...]:
    """Return isotopes, or what texts ask for, as `read_isotope` reads them.

    Raises
    ------
    ConfigError
        As `read_isotope`, and if two isotopes claim the same sites.
    """
    if isinstance(isotopes, str):
        isotopes = [isotopes]
    found = tuple(read_isotope(i) if isinstance(i, str) else i for i in isotopes)
    claimed = [(i.element if i.site is None else i.site) for i in found]
    if twice := [c for c in claimed if claimed.count(c) > 1]:
        raise ConfigError(
            f"{twice[0]} is given two masses",
            "one element, or one site, has one mass; mixtures are written as occupancies",
            "give each element and each site once",
        )
    return found


def with_isotopes(crystal: Crystal, isotopes: Sequence[Isotope | str]) -> Crystal:
    """Return the crystal with the masses that are asked for; a site wins over its element.

    They are told in its notes, and so in the warnings of its prediction.

    Raises
    ------
    ConfigError
        As `read_isotopes`.
    StructureError
        If the crystal has no such site or element, or the element of the site is another one.
    """
    wanted = read_isotopes(isotopes)
    if not wanted:
        return crystal
    for isotope in wanted:
        _check(crystal, isotope)
    others = tuple(text for text in crystal.notes if not text.startswith(NOTE))
    return replace(_with_masses(crystal, wanted), notes=(*others, note_of(wanted)))


def check_sites(isotopes: tuple[Isotope, ...]) -> tuple[Isotope, ...]:
    """Return isotopes for many crystals: `ConfigError` if one is meant for a site by its number."""
    for isotope in isotopes:
        if isotope.site is not None:
            raise ConfigError(
                f"an isotope for site {isotope.site} of more than one crystal",
                "sites are numbered in the order of one input, and other crystals have other sites",
                f"name the element ({isotope.element}={isotope.mass:g}), or give one structure",
            )
    return isotopes


def element_formula(crystal: Crystal) -> str:
    """Return the formula with isotopes counted as their elements: what training formulas are."""
    if all(element_of(species) == species for species in crystal.composition):
        return crystal.formula
    sites: list[dict[str, float]] = []
    for site in crystal.occupancy:
        plain: dict[str, float] = {}
        for species, share in site.items():
            symbol = element_of(species)
            plain[symbol] = plain.get(symbol, 0.0) + share
        sites.append(plain)
    return replace(crystal, occupancy=tuple(sites)).formula


def note_of(isotopes: Iterable[Isotope]) -> str:
    """Return what outputs say of isotopes: ``isotopes: O = 17.999 amu``."""
    return NOTE + ", ".join(map(str, isotopes))


def alloy_with_isotopes(alloy: Alloy, isotopes: Sequence[Isotope | str]) -> Alloy:
    """Return the alloy with other masses in the end members that hold the element.

    Sites are counted in the first end member.

    Raises
    ------
    ConfigError
        As `read_isotopes`.
    StructureError
        If neither end member has the element, or has it on the site.
    """
    wanted = read_isotopes(isotopes)
    if not wanted:
        return alloy
    partners = [int(k) + 1 for k in alloy.partners]
    ends: list[list[Isotope]] = [[], []]
    for isotope in wanted:
        there = isotope
        if isotope.site is not None and isotope.site <= len(partners):
            there = replace(isotope, site=partners[isotope.site - 1])
        pairs = ((alloy.first, isotope), (alloy.second, there))
        held = [_holds(end, each) for end, each in pairs]
        if not any(held):
            _check(alloy.first, isotope)
        for k, (_, each) in enumerate(pairs):
            ends[k] += [each] if held[k] else []
    first, second = (
        _with_masses(end, found)
        for end, found in zip((alloy.first, alloy.second), ends, strict=True)
    )
    return replace(alloy, first=first, second=second, notes=(*alloy.notes, note_of(wanted)))


def _with_masses(crystal: Crystal, isotopes: Iterable[Isotope]) -> Crystal:
    sites = [dict(site) for site in crystal.occupancy]
    for isotope in sorted(isotopes, key=lambda i: i.site is not None):
        places = range(len(sites)) if isotope.site is None else [isotope.site - 1]
        for k in places:
            sites[k] = _replaced(sites[k], isotope)
    return replace(crystal, occupancy=tuple(sites))


def _holds(crystal: Crystal, isotope: Isotope) -> bool:
    elements = [{element_of(s) for s in site} for site in crystal.occupancy]
    if isotope.site is None:
        return any(isotope.element in site for site in elements)
    return isotope.site <= len(elements) and isotope.element in elements[isotope.site - 1]


def _replaced(site: dict[str, float], isotope: Isotope) -> dict[str, float]:
    species = with_mass(isotope.element, isotope.mass)
    found: dict[str, float] = {}
    for name, share in site.items():
        key = species if element_of(name) == isotope.element else name
        found[key] = found.get(key, 0.0) + share
    return found


def _check(crystal: Crystal, isotope: Isotope) -> None:
    elements = [{element_of(s) for s in site} for site in crystal.occupancy]
    if isotope.site is None:
        if not any(isotope.element in site for site in elements):
            raise StructureError(
                f"{crystal.label} holds no {isotope.element}",
                f"an isotope of {isotope.element} was asked for",
                "name an element of the crystal: " + ", ".join(sorted(set().union(*elements))),
            )
        return
    if isotope.site > len(elements):
        raise StructureError(
            f"{crystal.label} has no site {isotope.site}",
            f"it has {len(elements)}, counted from 1 in the order of the input, symmetry applied",
            "give the number of a site of this crystal",
        )
    there = elements[isotope.site - 1]
    if isotope.element not in there:
        raise StructureError(
            f"site {isotope.site} of {crystal.label} is {' and '.join(sorted(there))}",
            f"an isotope of {isotope.element} was asked for there",
            "correct the site or the isotope",
        )
