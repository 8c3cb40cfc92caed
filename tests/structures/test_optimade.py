"""OPTIMADE: sites with several elements, and what is refused."""

from copy import deepcopy
from typing import Any

import pytest

from phonodos.errors import StructureError
from phonodos.structures.optimade import crystal_from_optimade, is_optimade
from phonodos.structures.reading import read_text

ENTRY: dict[str, Any] = {
    "id": "odbx/1",
    "type": "structures",
    "attributes": {
        "lattice_vectors": [[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]],
        "cartesian_site_positions": [[0, 0, 0], [2.0, 2.0, 2.0]],
        "species": [
            {"name": "A", "chemical_symbols": ["Cu", "Au"], "concentration": [0.7, 0.3]},
            {"name": "B", "chemical_symbols": ["Zn"], "concentration": [1.0]},
        ],
        "species_at_sites": ["A", "B"],
    },
}


def test_a_mixed_crystal() -> None:
    crystal = crystal_from_optimade(ENTRY, "x")
    assert is_optimade(ENTRY)
    assert dict(crystal.occupancy[0]) == {"Cu": 0.7, "Au": 0.3}
    assert crystal.frac_coords[1].tolist() == [0.5, 0.5, 0.5]


def test_the_door_reads_a_response() -> None:
    import json

    (crystal,) = read_text(json.dumps({"data": [ENTRY]}))
    assert crystal.n_atoms == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lattice_vectors": None}, "incomplete structure"),
        ({"species_at_sites": ["A", "C"]}, "incomplete structure"),
        ({"dimension_types": [1, 1, 0]}, "not periodic"),
        ({"structure_features": ["implicit_atoms"]}, "implicit_atoms"),
        ({"structure_features": ["disorder", "site_attachments"]}, "site_attachments"),
        ({"assemblies": [{"sites_in_groups": [[0], [1]]}]}, "assemblies"),
        ({"chemical_formula_reduced": "Au3Cu7H10Zn10"}, "do not add up"),
        ({"cartesian_site_positions": [[0, 0, 0], [2.0, None, 2.0]]}, "not finite"),
    ],
)
def test_what_is_refused(change: dict[str, Any], reason: str) -> None:
    entry = deepcopy(ENTRY)
    entry["attributes"] |= change
    with pytest.raises(StructureError, match=reason):
        crystal_from_optimade(entry)


def test_vacancies_are_refused_and_not_filled() -> None:
    entry = deepcopy(ENTRY)
    entry["attributes"]["species"][0]["chemical_symbols"] = ["Cu", "vacancy"]
    with pytest.raises(StructureError, match="partly vacant"):
        crystal_from_optimade(entry)


def test_attached_atoms_are_refused_and_a_true_formula_passes() -> None:
    entry = deepcopy(ENTRY)
    entry["attributes"]["chemical_formula_reduced"] = "Au3Cu7Zn10"
    assert crystal_from_optimade(entry).n_atoms == 2
    entry["attributes"]["species"][1] |= {"attached": ["H"], "nattached": [4]}
    with pytest.raises(StructureError, match="site_attachments"):
        crystal_from_optimade(entry)
