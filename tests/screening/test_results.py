"""Looking at a table: winners, structures, shards that do not belong together."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.screening.results import crystal_of, merge, top
from phonodos.screening.rows import METADATA_KEY
from phonodos.screening.table import read_settings

Tables = tuple[Path, Path]


def test_winners_in_order(forty: Tables) -> None:
    rows = pq.read_table(forty[1]).to_pylist()
    best = sorted(rows, key=lambda r: -r["c_v_300_per_kg"])
    found = top(forty[1], "c_v_300_per_kg", 5).to_pylist()
    assert [r["id"] for r in found] == [r["id"] for r in best[:5]]
    assert found[0] == best[0]
    worst = top(forty[1], "omega_log", 40, where="n_atoms > 2", ascending=True).to_pylist()
    values = [r["omega_log"] for r in worst]
    assert values == sorted(values)
    assert {r["n_atoms"] for r in worst} == {5}
    assert top(forty[1], "n_atoms", 3, where="n_atoms > 99").num_rows == 0


@pytest.mark.parametrize(
    ("by", "where", "reason"),
    [
        ("c_v", None, "no column 'c_v'"),
        ("formula", None, "no column 'formula'"),
        ("n_atoms", "formula < 3", "does not fit the columns"),
    ],
)
def test_questions_without_an_answer(
    forty: Tables, by: str, where: str | None, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        top(forty[1], by, 5, where=where)


def test_structures_come_back(forty: Tables, crystal_number: Callable[..., Crystal]) -> None:
    for row in top(forty[1], "n_atoms", 3).to_pylist():
        crystal = crystal_number(int(row["id"].removeprefix("c-")))
        np.testing.assert_array_equal(crystal_of(row).cell, crystal.cell)
        assert crystal_of(row).symbols == crystal.symbols
    with pytest.raises(StructureError, match="x: the row has no structure"):
        crystal_of({"id": "x", "cell": None})


def altered(path: Path, copy: Path, change: dict[str, Any]) -> Path:
    """Copy a table with other settings."""
    import json

    table = pq.read_table(path)
    header = {METADATA_KEY: json.dumps(read_settings(path) | change).encode()}
    pq.write_table(table.replace_schema_metadata(header), copy)
    return copy


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_hash": "0"}, "does not belong to"),
        ({"source": "other.jsonl"}, "does not belong to"),
        ({"shard": "1/2"}, "shards of different divisions"),
    ],
)
def test_tables_that_do_not_belong_together(
    forty: Tables, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    other = altered(forty[1], tmp_path / "other.parquet", change)
    with pytest.raises(ConfigError, match=reason):
        merge([forty[1], other], tmp_path / "out.parquet")


def test_merging_never_overwrites(forty: Tables, tmp_path: Path) -> None:
    copy = Path(shutil.copy(forty[1], tmp_path / "a.parquet"))
    with pytest.raises(DataError, match="exists already"):
        merge([copy], copy)
    moved = altered(copy, tmp_path / "b.parquet", {"source": "elsewhere/forty.jsonl"})
    assert merge([copy, moved], tmp_path / "out.parquet") == (40, [])
