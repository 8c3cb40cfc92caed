"""OPTIMADE: the structures of a response saved as JSON (version 1 of the specification)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of
from phonodos.structures.occupancies import filling
from phonodos.structures.sites import crystal_of_species, element_symbol

FORMULA_TOLERANCE = 0.02  # relative, of an element's share; what rounded fractions do
_HIDING = ("implicit_atoms", "site_attachments", "assemblies")


def is_optimade(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is an entry of an OPTIMADE response."""
    attributes = data.get("attributes")
    return isinstance(attributes, Mapping) and (
        "lattice_vectors" in attributes or data.get("type") == "structures"
    )


def crystal_from_optimade(data: Mapping[str, Any], name: str = "") -> Crystal:
    """Build a crystal from an entry with ``attributes``.

    Raises
    ------
    StructureError
        If a property is missing or null, a site is partly vacant, or the structure is not periodic
        in three directions.
    """
    attributes = data["attributes"]
    periodic = attributes.get("dimension_types") or [1, 1, 1]
    if periodic != [1, 1, 1]:
        raise StructureError(
            f"not periodic in all directions (dimension_types {str(periodic)[:40]})",
            "phonons need a lattice that repeats in three dimensions",
            "leave it out, or filter with nperiodic_dimensions=3",
        )
    _refuse_hidden_atoms(attributes)
    try:
        cell = np.array(attributes["lattice_vectors"], dtype=np.float64)
        positions = np.array(attributes["cartesian_site_positions"], dtype=np.float64)
        kinds = {kind["name"]: _shares(kind) for kind in attributes["species"]}
        species = [kinds[kind] for kind in attributes["species_at_sites"]]
        coords = positions @ np.linalg.inv(cell)
    except (
        LookupError,
        TypeError,
        ValueError,
        OverflowError,
        AttributeError,
        np.linalg.LinAlgError,
    ) as error:
        raise StructureError(
            "incomplete structure in an OPTIMADE response",
            f"{type(error).__name__}: {error}",
            "ask for lattice_vectors, cartesian_site_positions, species and species_at_sites in "
            "response_fields",
        ) from None
    crystal = crystal_of_species(cell, coords, species, name)
    _check_formula(attributes, species)
    return crystal


def _refuse_hidden_atoms(attributes: Mapping[str, Any]) -> None:
    """Refuse what says that the sites are not all atoms, or not all there at a time."""
    features = attributes.get("structure_features")
    found = [f for f in features if f in _HIDING] if isinstance(features, list) else []
    kinds = attributes.get("species")
    listed = kinds if isinstance(kinds, list) else []
    if any(isinstance(kind, Mapping) and kind.get("attached") for kind in listed):
        found.append("site_attachments")
    if attributes.get("assemblies"):
        found.append("assemblies")
    if found:
        raise StructureError(
            f"atoms that are not all among the sites ({', '.join(sorted(set(found)))})",
            "the response attaches atoms to sites, leaves atoms without positions, or gives sites "
            "that exclude each other; the sites alone are another crystal",
            "give a structure with a position for every atom, and each of them filled",
        )


def _check_formula(attributes: Mapping[str, Any], species: Sequence[Mapping[str, float]]) -> None:
    """Hold the stated reduced formula, where it is plain, against the sites."""
    text = attributes.get("chemical_formula_reduced")
    if not isinstance(text, str) or not re.fullmatch(r"(?:[A-Z][a-z]?\d{0,6}){1,118}", text):
        return
    stated: dict[str, float] = {}
    for symbol, amount in re.findall(r"([A-Z][a-z]?)(\d*)", text):
        stated[element_of(symbol)] = stated.get(element_of(symbol), 0.0) + float(amount or 1)
    found: dict[str, float] = {}
    for site in species:  # as written: vacancies may have been filled since
        for name, share in site.items():
            symbol = element_of(element_symbol(name))
            found[symbol] = found.get(symbol, 0.0) + share
    total, atoms = sum(stated.values()), sum(found.values())
    for symbol in {**stated, **found}:
        ours, theirs = found.get(symbol, 0.0) / atoms, stated.get(symbol, 0.0) / (total or 1.0)
        if abs(ours - theirs) > FORMULA_TOLERANCE * max(ours, theirs):
            raise StructureError(
                f"the sites do not add up to the formula '{text[:60]}'",
                f"{symbol} is {theirs:.1%} of the atoms by the formula, {ours:.1%} by the sites",
                "ask the data base for the complete structure",
            )


def _shares(kind: Mapping[str, Any]) -> dict[str, float]:
    """Return element -> fraction of a species; vacancies are left out where they are filled."""
    shares: dict[str, float] = {}
    for symbol, part in zip(kind["chemical_symbols"], kind["concentration"], strict=True):
        if symbol == "vacancy" and filling() and 0.0 <= float(part) < 1.0:
            continue
        if symbol == "vacancy":
            raise StructureError(
                f"species '{kind['name']}' is partly vacant",
                "every site must be filled exactly once by positive fractions",
                "give an ordered approximant of the crystal, or take the spectrum of the filled "
                "crystal instead (--vacancies fill, in Python vacancies='fill')",
            )
        shares[str(symbol)] = shares.get(str(symbol), 0.0) + float(part)
    return shares
