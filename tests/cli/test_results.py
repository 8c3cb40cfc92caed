"""`phonodos results`: tables, CSV, CIF, conditions, shards, checks."""

import csv
import errno
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from phonodos.screening.screen import screen
from phonodos.structures.reading import read_crystal

Phonodos = Callable[..., Result]
NAMES = ("Si.cif", "NaCl.cif", "MgO.cif", "Cu0.7Au0.3.cif")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Four crystals of the examples, one of them under an id with a slash, and a failure."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "in").mkdir()
    for name in NAMES:
        (folder / "in" / name).write_bytes((examples / name).read_bytes())
    (folder / "in" / "empty.cif").write_text("")
    screen(folder / "in", folder / "t.parquet", engine="serial")
    return folder / "t.parquet"


def test_json_stays_valid_where_a_number_is_none(
    phonodos: Phonodos, table: Path, tmp_path: Path
) -> None:
    held = pq.read_table(table)
    for name, value in (("omega_log", float("nan")), ("debye_temperature", float("inf"))):
        place = held.schema.get_field_index(name)
        column = pa.array([value] * held.num_rows, pa.float64())
        held = held.set_column(place, held.schema.field(name), column)
    pq.write_table(held, tmp_path / "nan.parquet")
    done = phonodos("results", "top", "nan.parquet", "-n", "1", "--json")
    assert done.exit_code == 0, done.stderr
    (row,) = json.loads(done.stdout, parse_constant=pytest.fail)["rows"]
    assert row["omega_log"] is row["debye_temperature"] is None
    assert row["mean_frequency"] > 0.0


def test_an_interval_that_is_absent_is_said(
    phonodos: Phonodos, table: Path, tmp_path: Path
) -> None:
    held = pq.read_table(table)
    values = {
        "mean_frequency_interval": pa.array([None, *[3.0] * (held.num_rows - 1)], pa.float64()),
        "trust": pa.array(["predicted unstable", *[None] * (held.num_rows - 1)], pa.string()),
    }
    for name, column in values.items():
        place = held.schema.get_field_index(name)
        held = held.set_column(place, held.schema.field(name), column)
    pq.write_table(held, tmp_path / "some.parquet")
    words = ("results", "top", "some.parquet", "--csv", "some.csv")
    rows = json.loads(phonodos(*words, "--json").stdout)["rows"]
    for row in rows:
        first = row["id"] == held["id"][0].as_py()
        why = row["absent_intervals"].get("mean_frequency_interval")
        assert why == ("n/a: predicted unstable" if first else None)
    with (tmp_path / "some.csv").open(newline="") as file:
        cells = {row["id"]: row["mean_frequency_interval"] for row in csv.DictReader(file)}
    assert cells.pop(held["id"][0].as_py()) == "n/a"
    assert set(cells.values()) == {"3.0"}


def test_the_winners(phonodos: Phonodos, table: Path) -> None:
    done = phonodos("results", "top", table, "-n", "3")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[3:6]] == ["MgO", "NaCl", "Si"]
    assert float(lines[3].split()[6]) > float(lines[4].split()[6])
    assert "c_v_300_per_kg: heat capacity C_V at 300 K [J/K per kg]; model" in done.stdout
    assert max(map(len, lines)) <= 80


def test_conditions_and_other_columns(phonodos: Phonodos, table: Path) -> None:
    words = ("--by", "mean_frequency", "--ascending", "--where", "n_atoms > 1 and formula != 'Si'")
    done = phonodos("results", "top", table, *words, "--json")
    found = json.loads(done.stdout)
    values = [row["mean_frequency"] for row in found["rows"]]
    assert values == sorted(values)
    assert found["unit"] == "first moment of the DOS [cm^-1]"
    assert "Si" not in {row["formula"] for row in found["rows"]}
    assert phonodos("results", "top", table, "--where", "n_atoms > 99").stdout.startswith("no row")
    wrong = phonodos("results", "top", table, "--where", "n_atom > 9")
    assert wrong.exit_code == 2
    assert "did you mean n_atoms?" in wrong.stderr


def test_csv_and_cif(phonodos: Phonodos, table: Path, tmp_path: Path, examples: Path) -> None:
    done = phonodos("results", "top", table, "--csv", "top.csv", "--cif", "cifs")
    assert done.exit_code == 0
    with (tmp_path / "top.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["MgO", "NaCl", "Si", "Cu0.7Au0.3"]
    assert {"c_v_300_per_kg", "spacegroup"} < set(rows[0])
    assert not {"dos_densities", "species"} & set(rows[0])
    for name in NAMES:
        crystal = read_crystal(tmp_path / "cifs" / name)
        assert crystal.formula == read_crystal(examples / name).formula
    failed = phonodos("results", "top", table, "--csv", "no/such/folder.csv")
    assert failed.exit_code == 4
    assert "cannot be written" in failed.stderr


@pytest.mark.parametrize(
    ("option", "target", "reason"),
    [
        ("--csv", "folder", "there is a folder of that name"),
        ("--csv", "/dev/full", "a device"),
        ("--csv", "full.csv", "File too large"),
        ("--cif", "file", "File exists"),
        ("--cif", "folder", "there is a folder of that name"),
        ("--cif", "full", "File too large"),
    ],
)
def test_what_the_disk_refuses(
    phonodos: Phonodos,
    table: Path,
    tmp_path: Path,
    full_disk: Callable[..., AbstractContextManager[None]],
    option: str,
    target: str,
    reason: str,
) -> None:
    (tmp_path / "folder" / "MgO.cif").mkdir(parents=True)
    (tmp_path / "file").write_text("mine")
    with full_disk(10) if target.startswith("full") else nullcontext():
        done = phonodos("results", "top", table, option, target)
    assert done.exit_code == 4, done.output
    assert f"{target}" in done.stderr
    assert "cannot be written" in done.stderr
    assert reason in done.stderr
    assert "fix:" in done.stderr
    assert "wrote" not in done.stdout
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"file"}
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("option", ["--csv", "--cif"])
def test_a_read_only_folder(
    phonodos: Phonodos, table: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    def deny(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", deny)
    done = phonodos("results", "top", table, option, "out")
    assert done.exit_code == 4, done.output
    assert "Permission denied" in done.stderr
    assert "check the permissions" in done.stderr


def test_names_of_cifs_never_meet(phonodos: Phonodos, table: Path, tmp_path: Path) -> None:
    found = pq.read_table(table)
    names = ["../a/b", "..\\a_b", "A_B", "x" * 300, "e"]
    place = found.schema.get_field_index("id")
    changed = found.set_column(place, found.schema.field("id"), pa.array(names))
    pq.write_table(changed, tmp_path / "t.parquet")
    phonodos("results", "top", "t.parquet", "--cif", "cifs")
    written = {path.name for path in (tmp_path / "cifs").iterdir()}
    assert len(written) == 4
    assert len({name.casefold() for name in written}) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"cifs", "t.parquet"}


def test_shards(phonodos: Phonodos, table: Path, tmp_path: Path) -> None:
    source = table.parent / "in"
    for k in ("1", "2"):
        phonodos("screen", source, "-o", f"{k}.parquet", "--engine", "serial", "--shard", f"{k}/2")
    part = phonodos("results", "merge", "2.parquet", "-o", "part.parquet")
    assert part.exit_code == 3
    assert "shards 1 are absent" in part.stderr
    done = phonodos("results", "merge", "1.parquet", "2.parquet", "-o", "all.parquet", "--json")
    assert json.loads(done.stdout) == {"output": "all.parquet", "rows": 5, "absent_shards": []}
    ids = pq.read_table(tmp_path / "all.parquet", columns=["id"])
    assert ids.equals(pq.read_table(table, columns=["id"]))


def test_verify(phonodos: Phonodos, table: Path, tmp_path: Path) -> None:
    done = phonodos("results", "verify", table, "--sample", "100%", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["checked"] == 4
    found = pq.read_table(table)
    place = found.schema.get_field_index("omega_log")
    pq.write_table(
        found.set_column(place, found.schema.field("omega_log"), pa.array([1.0] * 5)),
        tmp_path / "t.parquet",
    )
    wrong = phonodos("results", "verify", "t.parquet", "--sample", "1.0")
    assert wrong.exit_code == 3
    assert "4 rows computed again, 4 differ" in wrong.stdout
    assert "differs" in wrong.stderr
    assert phonodos("results", "verify", table, "--sample", "few").exit_code == 2
    assert phonodos("results", "verify", tmp_path / "gone.parquet").exit_code == 4
