"""Isotopes asked for: masses of an element, or of single sites, in place of the standard ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of, is_element, isotope_range, with_mass

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


def with_isotopes(crystal: Crystal, isotopes: Sequence[Isotope]) -> Crystal:
    """Return the crystal with the masses that are asked for; a site wins over its element.

    Raises
    ------
    ConfigError
        If the crystal has no such site or element, the element of the site is another one, or two
        isotopes claim the same sites.
    """
    sites = [dict(site) for site in crystal.occupancy]
    general = [i for i in isotopes if i.site is None]
    single = [i for i in isotopes if i.site is not None]
    claimed = [(i.element if i.site is None else i.site) for i in isotopes]
    if twice := [c for c in claimed if claimed.count(c) > 1]:
        raise ConfigError(
            f"{twice[0]} is given two masses",
            "one element, or one site, has one mass; mixtures are written as occupancies",
            "give each element and each site once",
        )
    for isotope in (*general, *single):
        _check(crystal, isotope)
        places = range(len(sites)) if isotope.site is None else [isotope.site - 1]
        for k in places:
            sites[k] = _replaced(sites[k], isotope)
    return replace(crystal, occupancy=tuple(sites))


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
            raise ConfigError(
                f"{crystal.label} holds no {isotope.element}",
                f"an isotope of {isotope.element} was asked for",
                "name an element of the crystal: " + ", ".join(sorted(set().union(*elements))),
            )
        return
    if isotope.site > len(elements):
        raise ConfigError(
            f"{crystal.label} has no site {isotope.site}",
            f"it has {len(elements)}, counted from 1 in the order of the input, symmetry applied",
            "give the number of a site of this crystal",
        )
    there = elements[isotope.site - 1]
    if isotope.element not in there:
        raise ConfigError(
            f"site {isotope.site} of {crystal.label} is {' and '.join(sorted(there))}",
            f"an isotope of {isotope.element} was asked for there",
            "correct the site or the isotope",
        )
