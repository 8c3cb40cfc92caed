"""OPTIMADE: the structures of a response saved as JSON (version 1 of the specification)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from phonodos.data.sites import crystal_of_species
from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal


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
    return crystal_of_species(cell, coords, species, name)


def _shares(kind: Mapping[str, Any]) -> dict[str, float]:
    """Return element -> fraction of a species; vacancies are refused, not filled."""
    shares: dict[str, float] = {}
    for symbol, part in zip(kind["chemical_symbols"], kind["concentration"], strict=True):
        if symbol == "vacancy":
            raise StructureError(
                f"species '{kind['name']}' is partly vacant",
                "every site must be filled exactly once by positive fractions",
                "give an ordered approximant of the crystal",
            )
        shares[str(symbol)] = shares.get(str(symbol), 0.0) + float(part)
    return shares
