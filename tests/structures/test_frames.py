"""Data frames and columns: the column of structures is found, and what is open is refused."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.frames import is_single, rows_of
from phonodos.structures.objects import to_atoms, to_structure
from phonodos.structures.reading import as_crystal


class DataFrame(dict[str, list[Any]]):
    """What is used of a data frame of pandas or polars, so that neither has to be installed."""

    index: Any = ()

    @property
    def columns(self) -> list[str]:
        return list(self)

    def __getitem__(self, name: str) -> "Column":
        return Column(dict.__getitem__(self, name))

    def __len__(self) -> int:
        return len(next(iter(self.values())))


class Column(list[Any]):
    def head(self, n: int) -> list[Any]:
        return self[:n]


DataFrame.__module__ = "pandas.core.frame"


def crystals_of(frame: Any) -> list[Crystal]:
    return [as_crystal(row) for row in rows_of(frame)]


FORMS = {
    "structure": to_structure,
    "relaxed": to_structure,
    "atoms": to_atoms,
    "any": lambda c: to_structure(c).as_dict(),
    "cif": lambda c: to_structure(c).to(fmt="cif"),
    "poscar": lambda c: to_structure(c).to(fmt="poscar"),
}


@pytest.mark.parametrize("column", FORMS)
@pytest.mark.parametrize("ids", ["material_id", "index", ""])
def test_every_kind_of_column(column: str, ids: str, rock_salt: Crystal) -> None:
    frame = DataFrame({column: [FORMS[column](rock_salt)] * 2, "energy": [1.0, 2.0]})
    frame.index = ["a", "b"] if ids == "index" else [0, 1]
    if ids == "material_id":
        frame["material_id"] = ["a", "b"]
    found = crystals_of(frame)
    assert [sorted(c.composition) for c in found] == [["Cl", "Na"]] * 2
    assert [c.name for c in found] == (["a", "b"] if ids else ["", ""])


def test_columns_of_numbers(rock_salt: Crystal) -> None:
    frame = DataFrame(
        {
            "cell": [rock_salt.cell],
            "frac_coords": [rock_salt.frac_coords.ravel()],
            "species": [np.array(["Na", "Cl"])],
            "id": ["a"],
        }
    )
    (crystal,) = crystals_of(frame)
    assert (crystal.name, crystal.formula) == ("a", "NaCl")


def test_tables_that_leave_it_open(rock_salt: Crystal) -> None:
    structure = to_structure(rock_salt)
    with pytest.raises(StructureError, match="no column holds structures"):
        rows_of(DataFrame({"energy": [1.0]}))
    with pytest.raises(StructureError, match="several columns") as caught:
        rows_of(DataFrame({"a": [structure], "b": [structure]}))
    assert 'table["structure"]' in caught.value.fix
    with pytest.raises(StructureError, match="a DataFrame is not a crystal") as caught:
        as_crystal(DataFrame({"structure": [structure]}))
    assert caught.value.fix == "use predict_many"


def test_pandas_itself(rock_salt: Crystal) -> None:
    pandas = pytest.importorskip("pandas")
    structure = to_structure(rock_salt)
    frame = pandas.DataFrame({"structure": [structure, structure], "energy": [1.0, 2.0]})
    assert [c.formula for c in crystals_of(frame)] == ["NaCl", "NaCl"]
    assert [as_crystal(x).formula for x in rows_of(frame["structure"])] == ["NaCl", "NaCl"]
    with pytest.raises(StructureError, match="a Series is not a crystal"):
        as_crystal(frame["structure"])


def test_polars_itself(rock_salt: Crystal) -> None:
    polars = pytest.importorskip("polars")
    text = to_structure(rock_salt).to(fmt="cif")
    frame = polars.DataFrame({"cif": [text, text], "id": ["a", "b"]})
    assert [c.name for c in crystals_of(frame)] == ["a", "b"]


def test_single_structures_are_told_from_many(rock_salt: Crystal) -> None:
    single = (rock_salt, to_structure(rock_salt), to_atoms(rock_salt), {"lattice": 1}, "x.cif")
    assert all(map(is_single, single))
    assert not any(map(is_single, ([rock_salt], (), iter(()), np.array([1]))))


def test_documents_that_carry_a_structure(rock_salt: Crystal) -> None:
    document = SimpleNamespace(structure=to_structure(rock_salt), material_id="mp-22862")
    crystal = as_crystal(document)
    assert (crystal.name, crystal.formula) == ("mp-22862", "NaCl")
    with pytest.raises(StructureError, match="is not a crystal"):
        as_crystal(SimpleNamespace(structure=None))


def test_atoms_of_jarvis(rock_salt: Crystal) -> None:
    kind = type("Atoms", (SimpleNamespace,), {"__module__": "jarvis.core.atoms"})
    atoms = kind(
        lattice_mat=rock_salt.cell, frac_coords=rock_salt.frac_coords, elements=["Na", "Cl"]
    )
    assert as_crystal(atoms).symbols == ("Na", "Cl")
    assert as_crystal(Atoms("Na", cell=4 * np.eye(3), pbc=True)).symbols == ("Na",)
