"""The data set file: everything comes back, units and provenance travel, broken files are named."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.datasets.columns import COLUMNS, FORMAT_VERSION, METADATA_KEY, OPTIONAL
from phonodos.datasets.dataset import Dataset, check_writable, write_dataset
from phonodos.datasets.dfpt2018 import read_record
from phonodos.errors import DataError

PROVENANCE = {"citation": "nobody (2026)", "sources": []}


@pytest.fixture
def rows(make_record, rock_salt, perovskite) -> list[dict]:
    found = [
        read_record(make_record(rock_salt, "mp-1")),
        read_record(make_record(perovskite, "mp-2") | {"thermo": {}}),
        read_record(make_record(perovskite, "mp-3") | {"dielectric": {}}),
    ]
    return [{k: v for k, v in row.items() if not k.startswith("_")} for row in found]


@pytest.fixture
def path(rows, tmp_path) -> Path:
    place = tmp_path / "d.parquet"
    write_dataset(place, rows, PROVENANCE)
    return place


def test_everything_comes_back(path, rows):
    dataset = Dataset.open(path)
    assert len(dataset) == 3
    assert set(rows[0]) == set(COLUMNS) - OPTIONAL | {"dielectric_static"}
    for name in COLUMNS:
        assert dataset.column(name) == [row.get(name) for row in rows]
    assert dataset.provenance == {"format_version": FORMAT_VERSION, **PROVENANCE}


def test_records_are_objects_of_the_field(path, rows, rock_salt):
    dataset = Dataset.open(path)
    crystal = dataset.crystal(0)
    assert (crystal.label, crystal.formula) == ("mp-1", "NaCl")
    np.testing.assert_allclose(crystal.volume, rock_salt.volume)
    assert [c.label for c in dataset.crystals()] == ["mp-1", "mp-2", "mp-3"]
    assert dataset.dos(1).integral == pytest.approx(15.0)
    qpoints, frequencies = dataset.bands(1)
    assert (qpoints.shape, frequencies.shape) == ((3, 3), (3, 15))
    assert frequencies[2, 14] == 300.0
    np.testing.assert_allclose(dataset.born_charges(0)[1], -2 * np.eye(3), atol=1e-9)
    np.testing.assert_allclose(dataset.dielectric(0), 2.5 * np.eye(3), atol=1e-9)
    assert dataset.born_charges(2) is dataset.dielectric(2) is None
    assert dataset.targets.shape == (3, 51)
    np.testing.assert_array_equal(dataset.targets[0], rows[0]["target"])


def test_absent_values(rows, tmp_path):
    del rows[0]["band_qpoints"], rows[0]["band_frequencies"], rows[0]["born_sound"]
    write_dataset(tmp_path / "d.parquet", rows, {})
    dataset = Dataset.open(tmp_path / "d.parquet")
    assert dataset.bands(0) is None
    assert dataset.mask("born_sound").tolist() == [False, True, False]
    assert (dataset.present("band_qpoints"), dataset.present("thermo_entropy")) == (2, 2)
    assert dataset.present("id") == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"dielectric_sound": False},
        {"born_sound": False},
        {"has_negative_frequencies": True},
        {"small_q_negative_frequencies": True},
        {"band_frequencies": [-30.0, 0.0, 0.0, 0.0, 200.0, 200.0] * 3},  # the path starts at Gamma
        {"dielectric_static": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_static_tensor_is_masked_where_it_means_nothing(changes, rows, tmp_path):
    write_dataset(tmp_path / "d.parquet", [rows[0], rows[0] | changes], {})
    dataset = Dataset.open(tmp_path / "d.parquet")
    found = dataset.tensor("dielectric_static", 0)
    np.testing.assert_allclose(found.reshape(3, 3), 6.0 * np.eye(3), atol=1e-9)
    assert dataset.tensor("dielectric_static", 1) is None


def test_files_from_before_the_static_tensor(path):
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["dielectric_static"]), path)
    dataset = Dataset.open(path)
    assert dataset.tensor("dielectric_static", 0) is None
    np.testing.assert_allclose(dataset.tensor("dielectric", 0), 2.5 * np.eye(3).ravel(), atol=1e-9)


def test_select_keeps_the_order_asked_for(path):
    dataset = Dataset.open(path)
    some = dataset.select(["mp-3", "mp-1"])
    assert some.ids == ["mp-3", "mp-1"]
    assert some.formulas == ["SrTiO3", "NaCl"]
    assert some.crystal(1).label == "mp-1"
    assert some.select(["mp-1"]).column("n_atoms") == [2]
    with pytest.raises(DataError, match="2 ids are not in") as caught:
        some.select(["mp-2", "mp-1", "mp-9"])
    assert "mp-2, mp-9" in caught.value.reason


def test_units_are_in_the_file(path):
    schema = pq.read_schema(path)
    for name, (_, unit) in COLUMNS.items():
        assert schema.field(name).metadata[b"unit"] == unit.encode()


def test_files_that_are_no_data_set(path, tmp_path):
    other = tmp_path / "other.parquet"
    with pytest.raises(DataError, match="no data set") as caught:
        Dataset.open(other)
    assert "phonodos data prepare dfpt2018" in caught.value.fix
    other.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="not a readable Parquet file"):
        Dataset.open(other)
    with pytest.raises(DataError, match="not a readable Parquet file"):
        Dataset.open(tmp_path)
    pq.write_table(pa.table({"id": ["a"]}), other)
    with pytest.raises(DataError, match="not a phonodos data set") as caught:
        Dataset.open(other)
    assert "band_frequencies" in caught.value.reason
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata(None), other)
    with pytest.raises(DataError) as caught:
        Dataset.open(other)
    assert caught.value.reason == "it has no provenance"
    newer = json.dumps({"format_version": FORMAT_VERSION + 1}).encode()
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: newer}), other)
    with pytest.raises(DataError, match=f"of data format {FORMAT_VERSION + 1}"):
        Dataset.open(other)


def test_what_cannot_be_written(path, rows, tmp_path):
    with pytest.raises(DataError, match="nothing sensible") as caught:
        write_dataset(path, [rows[0] | {"colour": 1}], {})
    assert "colour" in caught.value.reason
    with pytest.raises(DataError, match="nothing sensible"):
        write_dataset(path, [], {})
    with pytest.raises(DataError, match="cannot be written"):
        write_dataset(path / "below" / "d.parquet", rows, {})
    with pytest.raises(DataError, match="cannot be written") as caught:
        check_writable(tmp_path)
    assert caught.value.reason == "it is a folder"
    assert Dataset.open(path).ids == ["mp-1", "mp-2", "mp-3"]  # untouched by all that


def test_a_full_disk_leaves_the_old_file(path, rows):
    before = path.read_bytes()

    def fill(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq, "write_table", fill)
        with pytest.raises(DataError) as caught:
            write_dataset(path, rows, {})
    assert caught.value.reason == "No space left on device"
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["d.parquet"]


DOCUMENTATION = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_documentation_describes_every_column():
    text = DOCUMENTATION.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w<>]+) \| (.+?) \|$", text, re.MULTILINE)
    assert rows == [(name, kind, meaning) for name, (kind, meaning) in COLUMNS.items()]


def test_the_documented_way_to_add_own_data(examples, tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SrTiO3.cif").write_bytes((examples / "SrTiO3.cif").read_bytes())
    w = np.arange(801.0)
    g = w**2 * np.exp(-(((w - 300) / 200) ** 2))
    np.savetxt("dos.txt", np.transpose([w, g * 30 / np.trapezoid(g, w)]))
    exec(code, {})
    dataset = Dataset.open("mine.parquet")
    assert dataset.formulas == ["SrTiO3"]
    assert dataset.targets.max() == 1.0
    assert dataset.dos(0).integral == pytest.approx(3 * dataset.crystal(0).n_atoms)
    assert dataset.bands(0) is None
