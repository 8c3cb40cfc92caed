"""Errors by element: means over materials, of tables that belong to the weights."""

import json
from pathlib import Path

import pytest

import element_errors

TABLE = """# predicted by phonodos 0.1.0 with the weights tiny (SHA-256 abc)
id,formula,full_wd_cm-1
a,NaCl,2.0
b,Na2O,4.0
"""


def test_means_by_element() -> None:
    found = element_errors.record(element_errors.rows_of(TABLE, "tiny"))
    assert found["unit"] == "cm^-1"
    assert found["elements"] == {
        "Cl": {"error": 2.0, "n": 1}, "Na": {"error": 3.0, "n": 2}, "O": {"error": 4.0, "n": 1},
    }  # fmt: skip


def test_tables_of_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights large"):
        element_errors.rows_of(TABLE, "large")


@pytest.mark.parametrize("words", [[], ["tiny"], ["--help", "materials.csv"]])
def test_weights_and_tables_must_be_given(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="usage"):
        element_errors.main(words)


def test_what_is_shipped() -> None:
    weights = Path(__file__).parent.parent.parent / "src" / "phonodos" / "weights"
    for path in weights.glob("*.elements.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert path.with_name(path.name.replace(".elements.json", ".safetensors")).is_file()
        assert found["measure"] == element_errors.MEASURE
        assert len(found["elements"]) > 30
        assert all(0.0 < one["error"] < 500.0 for one in found["elements"].values())
