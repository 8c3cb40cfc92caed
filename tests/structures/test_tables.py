"""Rows of tables: mixed sites survive, bad rows say why."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.tables import crystal_of_row, species_texts, table_rows


def test_mixed_sites_come_back_exactly() -> None:
    sites = ({"Cu": 0.7, "Au": 0.3}, {"Zn": 1.0}, {"D": 1 / 3, "H": 2 / 3})
    crystal = Crystal(4.0 * np.eye(3), np.diag([0.1, 0.5, 0.8]), sites, "x")
    texts = species_texts(crystal)
    assert texts[:2] == ["Cu:0.7 Au:0.3", "Zn"]
    back = crystal_of_row(crystal.cell.ravel(), crystal.frac_coords.ravel(), texts, "x")
    assert [dict(site) for site in back.occupancy] == [dict(site) for site in sites]
    np.testing.assert_array_equal(back.frac_coords, crystal.frac_coords)


def test_numbers_that_make_no_structure() -> None:
    with pytest.raises(StructureError, match="no structure"):
        crystal_of_row([1.0] * 8, [0.0] * 3, ["Na"], "x")
    with pytest.raises(StructureError, match="no structure"):
        crystal_of_row(np.eye(3), [0.0] * 3, ["Cu:x"], "x")


def test_empty_cells_fail_by_row(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    good = np.array([[0, 3.0, 3], [3, 0, 3], [3, 3, 0]]).ravel().tolist()
    columns = {
        "id": ["a", None, "c"],
        "lattice": [good, None, good],
        "frac_coords": [[0.0, 0, 0], [0.0, 0, 0], None],
        "species": [["Cu"], ["Cu"], ["Cu"]],
    }
    pq.write_table(pa.table(columns), path)
    (name, build), (unnamed, second), (_, third) = table_rows(path)
    assert (name, unnamed) == ("a", "")
    assert build("a").formula == "Cu"
    for broken in (second, third):
        with pytest.raises(StructureError, match="without a structure"):
            broken("x")
