"""The columns of a data set: every one has a type and a meaning, and old files stay readable."""

import json

import pyarrow as pa
import pytest

from phonodos.datasets.columns import (
    COLUMNS,
    FORMAT_VERSION,
    METADATA_KEY,
    NOT_TAUGHT,
    OPTIONAL,
    arrow_type,
    check_schema,
    schema,
)
from phonodos.errors import DataError


def test_a_schema_says_type_unit_and_origin() -> None:
    made = schema({"citation": "nobody"})
    assert made.names == list(COLUMNS)
    for field in made:
        assert field.metadata[b"unit"].decode() == COLUMNS[field.name][1]
        assert field.type == arrow_type(COLUMNS[field.name][0])
    header = json.loads(made.metadata[METADATA_KEY])
    assert header == {"format_version": FORMAT_VERSION, "citation": "nobody"}
    check_schema("x", made)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("id", pa.string()),
        ("n_atoms", pa.int32()),
        ("has_nac", pa.bool_()),
        ("cell", pa.list_(pa.float64())),
        ("force_constant_tensors", pa.list_(pa.float32())),
        ("force_constant_images", pa.list_(pa.int8())),
        ("species", pa.list_(pa.string())),
    ],
)
def test_types(name: str, wanted: pa.DataType) -> None:
    assert arrow_type(COLUMNS[name][0]) == wanted


@pytest.mark.parametrize("name", COLUMNS)
def test_only_what_may_be_absent_may_be_absent(name: str) -> None:
    made = schema({})
    less = made.remove(made.get_field_index(name))
    if name in OPTIONAL | NOT_TAUGHT:
        check_schema("x", less)
        return
    with pytest.raises(DataError, match="x is not a phonodos data set") as caught:
        check_schema("x", less)
    assert caught.value.reason == f"columns are missing: {name}"


def test_foreign_and_newer_files_are_refused() -> None:
    made = schema({})
    with pytest.raises(DataError, match="not a phonodos data set") as caught:
        check_schema("x", made.remove_metadata())
    assert "provenance" in caught.value.reason
    newer = json.dumps({"format_version": FORMAT_VERSION + 1}).encode()
    with pytest.raises(DataError, match=f"of data format {FORMAT_VERSION + 1}"):
        check_schema("x", made.with_metadata({METADATA_KEY: newer}))
