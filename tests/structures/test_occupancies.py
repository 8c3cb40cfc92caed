"""Sums that miss 1: rounding is scaled with a note, vacancies are refused or filled as asked."""

import json
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.structures.occupancies import check_vacancies, occupied, vacancies
from phonodos.structures.reading import as_crystal, iter_crystals, read_crystal, read_crystals

CELL = 4.0 * np.eye(3)
PLACES = [[0.0] * 3, [0.5] * 3]


@pytest.mark.parametrize(
    "site",
    [{"Mg": 0.67, "Fe": 0.34}, {"Ce": 0.99827}, {"O": 1.003}, {"A": 0}, {"Mg": 0.33, "Fe": 0.66}],
    ids=str,
)
def test_rounding_is_scaled_and_told(site: dict[str, float]) -> None:
    if "A" in site:  # within 0.001 nothing is said
        assert not occupied(CELL, PLACES, [{"Mg": 0.9995}, {"O": 1.0}], "x").notes
        return
    crystal = occupied(CELL, PLACES, [site, {"O": 1.0}], "x")
    assert sum(crystal.occupancy[0].values()) == pytest.approx(1.0, abs=1e-12)
    assert crystal.occupancy[0].keys() == site.keys()
    assert "site 1" in crystal.notes[0]
    assert "rounding" in crystal.notes[0]


@pytest.mark.parametrize(
    "site", [{"Cu": 0.93}, {"Cu": 0.5, "Au": 0.3}, {"O": 0.99}, {"O": 1.01}, {"Mg": 0.7, "Fe": 0.4}]
)
def test_what_is_no_rounding_is_refused(site: dict[str, float]) -> None:
    with pytest.raises(StructureError, match="occupancies of site 1 sum to") as caught:
        occupied(CELL, PLACES, [site, {"O": 1.0}], "x")
    assert ("vacancies" in caught.value.fix) == (sum(site.values()) < 1.0)


def test_vacancies_are_filled_where_asked_and_told() -> None:
    sites = [{"Cu": 0.5, "Au": 0.3}, {"O": 0.9}]
    with vacancies("fill"):
        crystal = occupied(CELL, PLACES, sites, "x")
    assert dict(crystal.occupancy[0]) == pytest.approx({"Cu": 0.625, "Au": 0.375})
    assert dict(crystal.occupancy[1]) == {"O": 1.0}
    (note,) = crystal.notes
    assert "0.3 atoms of 2" in note
    assert "site 1 (Cu 0.5 + Au 0.3), site 2 (O 0.9)" in note
    with pytest.raises(StructureError):
        occupied(CELL, PLACES, sites, "x")  # the block is over
    with vacancies("fill"), pytest.raises(StructureError, match=r"sum to 1\.1"):
        occupied(CELL, PLACES, [{"Cu": 0.6, "Au": 0.5}, {"O": 1.0}], "x")
    with pytest.raises(ConfigError, match="'empty' is not known"):
        check_vacancies("empty")


def structure(share: float) -> dict[str, object]:
    sites = [
        {"species": [{"element": s, "occu": f}], "abc": abc}
        for s, f, abc in (("Fe", share, PLACES[0]), ("O", 1.0, PLACES[1]))
    ]
    return {"lattice": {"matrix": CELL.tolist()}, "sites": sites}


def optimade(share: float) -> dict[str, object]:
    kinds = [
        {"name": "Fe", "chemical_symbols": ["Fe", "vacancy"], "concentration": [share, 1 - share]},
        {"name": "O", "chemical_symbols": ["O"], "concentration": [1.0]},
    ]
    attributes = {
        "lattice_vectors": CELL.tolist(), "cartesian_site_positions": [[0] * 3, [2] * 3],
        "species": kinds, "species_at_sites": ["Fe", "O"], "chemical_formula_reduced": "Fe9O10",
    }  # fmt: skip
    return {"data": [{"id": "x", "type": "structures", "attributes": attributes}]}


def pymatgen(share: float) -> object:
    from pymatgen.core import Lattice, Structure

    return Structure(Lattice.cubic(4.0), [{"Fe": share}, "O"], PLACES)


def cif(share: float) -> str:
    return (
        "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_type_symbol\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n"
        f"Fe 0 0 0 {share}\nO .5 .5 .5 1\n"
    )


def yaml(share: float) -> str:
    return (
        "unit_cell:\n  lattice:\n  - [ 4, 0, 0 ]\n  - [ 0, 4, 0 ]\n  - [ 0, 0, 4 ]\n  points:\n"
        f"  - symbol: Fe\n    coordinates: [ 0, 0, 0 ]\n    weight: {share}\n"
        "  - symbol: O\n    coordinates: [ 0.5, 0.5, 0.5 ]\n"
    )


@pytest.mark.parametrize("make", [structure, optimade, pymatgen, cif, yaml])
def test_every_door_asks_what_to_do(make: object, tmp_path: Path) -> None:
    content = make(0.9)  # type: ignore[operator]
    if make is pymatgen:
        with pytest.raises(StructureError, match=r"sum to 0\.9"):
            as_crystal(content)
        filled = as_crystal(content, vacancies="fill")
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        with pytest.raises(StructureError, match=r"sum to 0\.9|partly vacant") as caught:
            read_crystals("-", text)
        assert "--vacancies fill" in caught.value.fix
        path = tmp_path / "vacant.txt"
        path.write_text(text)
        filled = read_crystal(path, vacancies="fill")
        (same,) = iter_crystals(path, vacancies="fill")
        assert same.notes == filled.notes  # type: ignore[union-attr]
    assert dict(filled.occupancy[0]) == {"Fe": 1.0}
    assert "vacancies were filled" in filled.notes[0]
