"""Rows computed again: right ones pass, wrong ones are named."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.model.weights import add_to_header, rewrite_header, weights_path
from phonodos.screening.checks import _alike, _gap, verify
from phonodos.screening.rows import METADATA_KEY, STABILITY, STABILITY_SETTING, columns
from phonodos.screening.screen import screen

Tables = tuple[Path, Path]


@pytest.fixture(scope="module")
def ensemble_table(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Three crystals of the default weights' first member, with calibrated intervals."""
    folder = tmp_path_factory.mktemp("ensemble")
    (folder / "in").mkdir()
    for name in ("Si.cif", "NaCl.cif", "MgO.cif"):
        (folder / "in" / name).write_bytes((examples / name).read_bytes())
    screen(folder / "in", folder / "t.parquet", engine="serial", members=1, model="lattice")
    return folder / "t.parquet"


def rewritten(path: Path, copy: Path, **changes: list[Any]) -> Path:
    """Write the first six rows of a table with other values in some columns."""
    table = pq.read_table(path).slice(0, 6)
    for name, values in changes.items():
        field = table.schema.field(name)
        place = table.schema.get_field_index(name)
        table = table.set_column(place, field, pa.array(values, field.type))
    pq.write_table(table, copy)
    return copy


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
    check = verify(rewritten(forty[1], tmp_path / "t.parquet", **{column: values}), 1.0)
    assert [name for name, _ in check.differing] == [table["id"][3].as_py()]
    assert check.deviation > 1e-4 or np.isinf(check.deviation)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("column", ["mean_frequency", "c_v_300_per_kg", "max_frequency"])
def test_what_is_no_number_is_found(
    forty: Tables, tmp_path: Path, column: str, value: float | None
) -> None:
    table = pq.read_table(forty[1]).slice(0, 6)
    values = table[column].to_pylist()
    values[0] = value
    values[4] *= 1.02  # another difference does not hide it, nor is it hidden
    check = verify(rewritten(forty[1], tmp_path / "t.parquet", **{column: values}), 1.0)
    found = dict(check.differing)
    assert list(found) == [table["id"][0].as_py(), table["id"][4].as_py()]
    assert found[table["id"][0].as_py()] == f"{column} by inf"
    assert check.deviation == math.inf


@pytest.mark.parametrize(
    ("column", "value"), [("formula", "XeHe"), ("spacegroup_symbol", None), ("unstable", None)]
)
def test_changed_facts_are_found(
    forty: Tables, tmp_path: Path, column: str, value: str | None
) -> None:
    table = pq.read_table(forty[1]).slice(0, 6)
    values = table[column].to_pylist()
    values[1] = value
    check = verify(rewritten(forty[1], tmp_path / "t.parquet", **{column: values}), 1.0)
    assert check.differing == [(table["id"][1].as_py(), f"{column} by inf")]


OTHER: dict[str, Any] = {
    "string": "other",
    "int32": 77,
    "int64": 777,
    "bool": None,
    "double": 777.0,
    "list<float>": [1.0, 2.0],
    "list<double>": None,
    "list<string>": ["Xe", "He"],
}


@pytest.fixture
def remembered(forty: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows as they come out when they are computed again, without computing them."""
    rows = {row["id"]: row for row in pq.read_table(forty[1]).to_pylist()}
    again: Any = lambda chunk: [rows[i.id] | {"digest": i.digest} for i in chunk.items]  # noqa: E731
    monkeypatch.setattr(
        "phonodos.screening.checks.Calculator", lambda _: SimpleNamespace(rows=again)
    )


def test_a_table_whose_unstable_was_a_share_of_the_states(forty: Tables, tmp_path: Path) -> None:
    """Of release 0.1: without the columns of stability, with another `unstable` and its words."""
    table = pq.read_table(forty[1]).slice(0, 6).drop_columns(list(STABILITY))
    settings = json.loads(table.schema.metadata[METADATA_KEY])
    del settings[STABILITY_SETTING]
    header = {METADATA_KEY: json.dumps(settings).encode()}
    values = pa.array([not x for x in table["unstable"].to_pylist()])
    place = table.schema.get_field_index("unstable")
    old = table.set_column(place, "unstable", values).replace_schema_metadata(header)
    pq.write_table(old, tmp_path / "old.parquet")
    check = verify(tmp_path / "old.parquet", 1.0)
    assert (check.checked, check.differing) == (6, [])


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("column", sorted(set(columns([300.0])) - {"seconds"}))
def test_a_change_of_any_column_is_found(forty: Tables, tmp_path: Path, column: str) -> None:
    """But for the time it took, every column is held against something."""
    table = pq.read_table(forty[1]).slice(0, 6)
    values = table[column].to_pylist()
    # Of an id, a place or a state only those are wrong that no row can have, or another has.
    values[1] = {"id": values[2], "position": values[2]}.get(
        column, OTHER[columns([300.0])[column][0]]
    )
    copy = rewritten(forty[1], tmp_path / "t.parquet", **{column: values})
    names = {table["id"][i].as_py() for i in (1, 2)}
    if values[1] is None and column in ("cell", "frac_coords"):
        with pytest.raises(PhonodosError, match=table["id"][1].as_py()):
            verify(copy, 1.0)
        return
    differing = dict(verify(copy, 1.0).differing)
    assert differing
    assert set(differing) <= names


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("id", None, "it has no id"),
        ("source", None, "source"),
        ("source", "elsewhere.cif, entry 1", "source"),
        ("status", None, "status"),
        ("status", "failed", "reason"),
        ("reason", "it is broken", "reason"),
        ("trust", "atoms are 0.30 A apart", "trust by inf"),
        ("model", "lattice", "model"),
        ("model_hash", None, "model_hash"),
        ("position", -1, "position"),
    ],
)
def test_facts_of_rows_that_are_not_chosen(
    forty: Tables, tmp_path: Path, column: str, value: Any, what: str
) -> None:
    table = pq.read_table(forty[1]).slice(0, 6)
    values = table[column].to_pylist()
    values[1] = value if value != -1 else values[0]
    copy = rewritten(forty[1], tmp_path / "t.parquet", **{column: values})
    name = "row 2" if column == "id" else table["id"][1].as_py()
    for sample in (1.0, 0.01) if column != "trust" else (1.0,):
        check = verify(copy, sample, seed=1)
        assert check.differing == [(name, what)]
        assert check.deviation == math.inf


def test_a_table_of_nothing_but_faults(forty: Tables, tmp_path: Path) -> None:
    copy = rewritten(forty[1], tmp_path / "t.parquet", id=[None] * 6)
    check = verify(copy, 1.0)
    assert (check.checked, len(check.differing)) == (0, 6)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (None, None, True),
        ("x", None, False),
        ("1.23 A apart, 4 %", "1.24 A apart, 4 %", True),
        ("1.23 A apart, 4 %", "1.25 A apart, 4 %", False),
        ("3 atoms", "3 atoms; 2 bonds", False),
        ("bonds of Na", "bonds of K", False),
    ],
)
def test_words_are_the_same_up_to_the_last_digit(a: str | None, b: str | None, same: bool) -> None:
    assert _alike(a, b) is _alike(b, a) is same


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("column", ["dos_densities", "dos_frequencies", "frac_coords", "cell"])
def test_lists_with_what_is_no_number(
    forty: Tables, tmp_path: Path, column: str, value: float
) -> None:
    table = pq.read_table(forty[1]).slice(0, 6)
    values = table[column].to_pylist()
    values[2][1] = value
    copy = rewritten(forty[1], tmp_path / "t.parquet", **{column: values})
    if column in ("frac_coords", "cell"):
        with pytest.raises(PhonodosError, match=table["id"][2].as_py()):
            verify(copy, 1.0)
        return
    check = verify(copy, 1.0)
    assert check.differing == [(table["id"][2].as_py(), "dos_densities by inf")]


@pytest.mark.parametrize("column", ["mean_frequency_interval", "c_v_300_per_kg_interval"])
def test_a_changed_interval_is_found(ensemble_table: Path, tmp_path: Path, column: str) -> None:
    table = pq.read_table(ensemble_table)
    assert verify(ensemble_table, 1.0).differing == []
    values = table[column].to_pylist()
    for wrong in (1.01 * values[1], math.nan, None, 0.0):
        changed = [values[0], wrong, *values[2:]]
        copy = rewritten(ensemble_table, tmp_path / "t.parquet", **{column: changed})
        ((name, what),) = verify(copy, 1.0).differing
        assert name == table["id"][1].as_py()
        assert what.startswith(column)


def test_a_table_of_the_same_weights_before_something_was_added(
    lines: Callable[[Path, int], Path], tmp_path: Path
) -> None:
    """What no prediction depends on: a table made before is still theirs."""
    own, table = tmp_path / "own.safetensors", tmp_path / "t.parquet"
    own.write_bytes(weights_path("chen2021").read_bytes())
    screen(lines(tmp_path / "four.jsonl", 4), table, model=str(own), engine="serial")
    assert add_to_header(own, {"description": "It was said later."})
    check = verify(table, 1.0, model=str(own))
    assert (check.checked, check.differing) == (4, [])
    rewrite_header(own, {"description": "It was said by others."})
    with pytest.raises(ConfigError, match="other weights"):
        verify(table, 1.0, model=str(own))


def test_an_axis_longer_by_an_empty_step_is_the_same(forty: Tables, tmp_path: Path) -> None:
    """Where the highest mode lies on a whole number, rounding decides where the axis ends."""
    rows = pq.read_table(forty[1]).slice(0, 6).to_pylist()
    axes = [[*r["dos_frequencies"], 2 * r["dos_frequencies"][-1]] for r in rows]
    longer = [[*r["dos_densities"], 0.0] for r in rows]
    spreads = [[*r["dos_densities_std"], 0.0] for r in rows]
    last = [r["dos_densities"][-1] / max(r["dos_densities"]) for r in rows]
    assert max(last) < 1e-4  # spectra that end within their axis
    copy = rewritten(
        forty[1], tmp_path / "t.parquet", dos_frequencies=axes, dos_densities=longer,
        dos_densities_std=spreads,
    )  # fmt: skip
    assert verify(copy, 1.0).differing == []
    longer[2][-1] = 0.5 * max(longer[2])
    copy = rewritten(
        forty[1], tmp_path / "t.parquet", dos_frequencies=axes, dos_densities=longer,
        dos_densities_std=spreads,
    )  # fmt: skip
    assert [name for name, _ in verify(copy, 1.0).differing] == [rows[2]["id"]]


def test_small_differences_are_measured_by_what_they_are_of(forty: Tables, tmp_path: Path) -> None:
    """A share of 1e-9 instead of none is rounding; a share of 1e-3 is not."""
    shares = pq.read_table(forty[1])["imaginary_fraction"].to_pylist()[:6]
    near = [share + 1e-9 for share in shares]
    copy = rewritten(forty[1], tmp_path / "t.parquet", imaginary_fraction=near)
    assert verify(copy, 1.0).differing == []
    near[1] += 1e-3
    copy = rewritten(forty[1], tmp_path / "t.parquet", imaginary_fraction=near)
    ((_, what),) = verify(copy, 1.0).differing
    assert what.startswith("imaginary_fraction by 1.0e-03")


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


def test_a_changed_spread_is_found() -> None:
    sound: dict[str, Any] = {"status": "ok", "dos_frequencies": [0.0, 1.0, 2.0]}
    sound |= {"dos_densities": [0.0, 1.0, 0.0], "dos_densities_std": [0.0, 0.1, 0.0]}
    name = "dos_densities_std"
    assert _gap(sound, sound, name) == 0.0
    assert _gap({**sound, name: None}, {**sound, name: None}, name) == 0.0
    assert _gap({**sound, name: [0.0, 0.11, 0.0]}, sound, name) == pytest.approx(0.01)
    for wrong in (None, [], [0.1], [math.nan, 0.1, 0.0]):
        assert _gap({**sound, name: wrong}, sound, name) == math.inf
    assert _gap(sound, {**sound, name: None}, name) == math.inf


@pytest.mark.parametrize("column", ["dos_frequencies", "dos_densities"])
@pytest.mark.parametrize("value", [None, [], [1.0]])
def test_a_spectrum_that_is_missing_differs(column: str, value: list[float] | None) -> None:
    sound = {"status": "ok", "dos_frequencies": [0.0, 1.0], "dos_densities": [0.0, 1.0]}
    assert _gap(sound, sound) == 0.0
    assert _gap({**sound, column: value}, sound) == math.inf
