"""Rows computed again: right ones pass, wrong ones are named."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError
from phonodos.screening.checks import verify
from phonodos.screening.columns import METADATA_KEY

Tables = tuple[Path, Path]


def test_a_sound_table_passes(forty: Tables) -> None:
    check = verify(forty[1], 1.0)
    assert (check.checked, check.differing) == (40, [])
    assert 0.0 <= check.deviation < 1e-5
    assert verify(forty[1], 0.1).checked == 4
    assert verify(forty[1], 1e-6).checked == 1


@pytest.mark.parametrize("column", ["c_v_300_per_kg", "dos_densities", "frac_coords", "omega_log"])
def test_a_changed_number_is_found(forty: Tables, tmp_path: Path, column: str) -> None:
    table = pq.read_table(forty[1]).slice(0, 6)
    values = table[column].to_pylist()
    if isinstance(values[3], list):
        values[3] = [x + 0.01 * (i == 4) for i, x in enumerate(values[3])]
    else:
        values[3] *= 1.001
    place = table.schema.get_field_index(column)
    field = table.schema.field(column)
    changed = table.set_column(place, field, pa.array(values, field.type))
    pq.write_table(changed, tmp_path / "t.parquet")
    check = verify(tmp_path / "t.parquet", 1.0)
    assert [name for name, _ in check.differing] == [table["id"][3].as_py()]
    assert check.deviation > 1e-4 or np.isinf(check.deviation)


def test_other_weights_and_empty_tables(forty: Tables, tmp_path: Path) -> None:
    table = pq.read_table(forty[1])
    text = table.schema.metadata[METADATA_KEY].decode()
    digest = table["model_hash"][0].as_py()
    other = {METADATA_KEY: text.replace(digest, "0" * 16).encode()}
    pq.write_table(table.replace_schema_metadata(other), tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="other weights"):
        verify(tmp_path / "t.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="no successful row"):
        verify(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="a sample of 2"):
        verify(forty[1], 2.0)
