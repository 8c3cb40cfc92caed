"""One `prepare` for all kinds: a toy kind is one entry; resumed, ordered, the same to the byte."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phonodos.cli.main import app
from phonodos.datasets import growing
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.kinds import KINDS, Kind, kind_named
from phonodos.datasets.preparation import prepare
from phonodos.errors import ConfigError, DataError
from phonodos.physics.crystal import Crystal

CRYSTAL = Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ["Cs", "Cl"])


def lines(source: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of every line."""
    for number, line in enumerate(source.read_text().splitlines(), 1):
        yield f"line {number}", line


def converted(record: tuple[str, str], *, scale: float = 1.0) -> dict[str, Any]:
    """Return the row of a line such as ``a 1.5``: id and a number for the DOS."""
    name, _, text = record[1].partition(" ")
    if text.startswith("wait"):
        end = time.monotonic() + 60.0
        while not Path(text.removeprefix("wait ")).exists() and time.monotonic() < end:
            time.sleep(0.02)
        text = "1"
    try:
        value = float(text)
    except ValueError as err:
        raise DataError("no number", str(err), "write one") from err
    return {
        "id": name,
        "source": "toy",
        "formula": CRYSTAL.formula,
        "n_atoms": 2,
        "species": list(CRYSTAL.symbols),
        "cell": CRYSTAL.cell.ravel(),
        "frac_coords": CRYSTAL.frac_coords.ravel(),
        "target": np.full(51, scale * value),
        "_twice": 2.0 * value,
    }


def recipe(scale: float) -> dict[str, Any]:
    if not scale > 0.0:
        raise ConfigError(f"scale {scale:g}", "it must be positive", "leave it out")
    return {"scale": scale}


TOY = Kind(
    records=lines,
    name_of=lambda record: str(record[0]),
    convert=converted,
    settings={"scale": 1.0},
    recipe=recipe,
    beside={"_twice": "double"},
    facts=lambda column: {"twice": sum(column("_twice"))},
)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent))
    monkeypatch.setitem(KINDS, "toy", TOY)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "toy.txt"
    path.write_text("c 3\na 1\nbad one\nb 2\na 7\nd 4\n")
    return path


def stop_at(number: int, done: int, _: int | None) -> None:
    if done == number:
        raise KeyboardInterrupt


def test_a_new_kind_is_one_entry(source: Path, tmp_path: Path) -> None:
    """Interrupted, it goes on; what is broken or there twice is named; and the command knows it."""
    output = tmp_path / "toy.parquet"
    with pytest.raises(KeyboardInterrupt):
        prepare("toy", source, output, workers=1, progress=partial(stop_at, 3))
    assert not output.exists()
    (part,) = (tmp_path / "toy.parquet.parts").glob("*.parquet")
    assert pq.read_table(part).column("place").to_pylist() == ["line 1", "line 2"]
    report = prepare("toy", source, output, workers=1)
    assert (report.written, report.resumed) == (4, 2)
    assert report.failed == {
        "line 3": "no number: could not convert string to float: 'one' (write one)",
        "line 5": "there is a record a already",
    }
    assert report.facts == {"twice": 20.0}
    assert report.lines() == ["done before and kept: 2"]
    dataset = Dataset.open(output)
    assert dataset.ids == ["c", "a", "b", "d"]
    assert dataset.targets[:, 0].tolist() == [3.0, 1.0, 2.0, 4.0]
    known = dataset.provenance
    assert (known["scale"], known["records"], known["citation"]) == (1.0, 4, None)
    assert known["sources"][0]["kind"] == "toy"
    assert known["failed"] == report.failed
    assert "_twice" not in pq.read_schema(output).names
    assert sorted(p.name for p in tmp_path.iterdir()) == ["toy.parquet", "toy.txt"]
    words = ["data", "prepare", "toy", str(source), "-o", str(output), "--workers", "1", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 3
    assert json.loads(result.stdout) == report.values() | {"resumed": 0}


def test_workers_and_interrupts_change_no_byte(tmp_path: Path) -> None:
    """The first record is the slowest: with two workers the others are done before it."""
    mark, source = tmp_path / "mark", tmp_path / "toy.txt"
    texts = [f"r-{n} {n}" for n in range(9, 0, -1)]
    source.write_text("\n".join([f"slow wait {mark}", *texts, "r-3 x", "r-4 1"]))
    made, orders = [], []
    for workers, stop in ((2, None), (1, 4)):
        output = tmp_path / "toy.parquet"
        mark.unlink(missing_ok=True) if workers == 2 and not made else mark.touch()

        def seen(done: int, _: int | None, stop: int | None = stop) -> None:
            if done == 8:
                mark.touch()
            stop_at(stop or -1, done, None)

        if stop is not None:
            with pytest.raises(KeyboardInterrupt):
                prepare("toy", source, output, workers=workers, progress=seen)
            assert list((tmp_path / "toy.parquet.parts").glob("*.parquet"))
        report = prepare("toy", source, output, workers=workers, progress=seen)
        orders.append(list(report.failed))
        made.append(output.read_bytes())
    assert len(set(made)) == 1
    assert orders == [["line 11", "line 12"]] * 2
    assert Dataset.open(output).ids[:2] == ["slow", "r-9"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_slow_record_holds_back_no_rows(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done is on the disk while a slow record, first or last, is still under way."""
    monkeypatch.setattr(growing, "SECONDS", 0.05)
    mark, source, output = tmp_path / "mark", tmp_path / "toy.txt", tmp_path / "toy.parquet"
    texts = ["a 1", "b 2", "c 3"]
    slow = f"slow wait {mark}"
    source.write_text("\n".join([slow, *texts] if workers > 1 else [*texts, slow]))
    found: list[int] = []

    def watch() -> None:
        end = time.monotonic() + 60.0
        while time.monotonic() < end and not found:
            parts = output.with_name("toy.parquet.parts").glob("*.parquet")
            if (rows := sum(pq.read_metadata(path).num_rows for path in parts)) == 3:
                found.append(rows)
            time.sleep(0.02)
        mark.touch()

    other = threading.Thread(target=watch)
    other.start()
    report = prepare("toy", source, output, workers=workers)
    other.join()
    assert found == [3]
    assert report.written == 4


def test_an_order_of_its_own(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(KINDS, "toy", replace(TOY, order=lambda name: name))
    report = prepare("toy", source, tmp_path / "toy.parquet", workers=1)
    assert Dataset.open(report.output).ids == ["a", "b", "c", "d"]
    assert report.failed["line 5"] == "there is a record a already"  # of the source the first


def test_records_that_come_and_go(tmp_path: Path) -> None:
    """The table is that of the source as it is at the end."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "x").write_text("c 3\na 1\nb 2")
    moving = Kind(lambda place: lines(place / "x"), TOY.name_of, converted, {"scale": 1.0}, recipe)
    KINDS["toy"] = Kind(**{**vars(moving), "beside": TOY.beside})
    output = tmp_path / "toy.parquet"
    with pytest.raises(KeyboardInterrupt):
        prepare("toy", folder, output, workers=1, progress=partial(stop_at, 3))
    (folder / "x").write_text("c 3\na 1")
    report = prepare("toy", folder, output, workers=1)
    assert (Dataset.open(output).ids, report.resumed) == (["c", "a"], 2)


def test_two_records_of_one_name(tmp_path: Path) -> None:
    """Files of one name in several folders of an archive: none is lost, and each failure named."""
    source = tmp_path / "toy.txt"
    source.write_text("a 1\nb x\nc y\nd 2")
    KINDS["toy"] = Kind(lines, lambda _: "same", converted, beside=TOY.beside)
    report = prepare("toy", source, tmp_path / "toy.parquet", workers=1)
    assert Dataset.open(report.output).ids == ["a", "d"]
    assert list(report.failed) == ["same (2)", "same (3)"]


def test_other_settings_are_refused(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "toy.parquet"
    with pytest.raises(KeyboardInterrupt):
        prepare("toy", source, output, workers=1, progress=partial(stop_at, 2))
    with pytest.raises(ConfigError, match="belongs to another run") as caught:
        prepare("toy", source, output, workers=1, scale=2.0)
    assert "scale: 1.0, now 2.0" in caught.value.reason
    assert "--restart" in caught.value.fix
    report = prepare("toy", source, output, workers=1, scale=2.0, resume=False)
    assert (report.resumed, Dataset.open(output).targets[0, 0]) == (0, 6.0)


def test_wrong_use(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "toy.parquet"
    with pytest.raises(ConfigError, match="'dfpt' is no kind of record"):
        prepare("dfpt", source, output)
    with pytest.raises(ConfigError, match="toy has no --cutoff, --dos"):
        prepare("toy", source, output, cutoff=7.0, dos=True)
    with pytest.raises(ConfigError, match="scale -1"):
        prepare("toy", source, output, scale=-1.0)
    assert list(tmp_path.iterdir()) == [source]


def test_a_row_that_cannot_be_written_fails_by_name(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(record: tuple[str, str], **_: float) -> dict[str, Any]:
        row = converted(record)
        if row["id"] == "c":
            row["id"] = "\ud800"
        if row["id"] == "b":
            row["energy"] = 1.0
        return row

    monkeypatch.setitem(KINDS, "toy", Kind(lines, TOY.name_of, odd, beside=TOY.beside))
    report = prepare("toy", source, tmp_path / "toy.parquet", workers=1)
    assert Dataset.open(report.output).ids == ["a", "d"]
    assert "surrogates not allowed" in report.failed["line 1"]
    assert report.failed["line 4"] == "no row of a data set: unknown columns ['energy'] (report it)"


def test_nothing_to_write(tmp_path: Path) -> None:
    source = tmp_path / "toy.txt"
    for text, reason in (("", "there is none in it"), ("a x\nb y", "line 1: no number")):
        source.write_text(text)
        with pytest.raises(DataError, match="no record of") as caught:
            prepare("toy", source, tmp_path / "toy.parquet", workers=1)
        assert reason in caught.value.reason
    assert list(tmp_path.iterdir()) == [source]


def test_what_is_no_part_is_left_alone(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "toy.parquet.parts"
    folder.mkdir()
    (folder / "000001.parquet").write_bytes(b"cut off")  # damaged: made again
    assert prepare("toy", source, tmp_path / "toy.parquet", workers=1).written == 4
    folder.mkdir()
    other = folder / "000001.parquet"
    pq.write_table(pq.read_table(tmp_path / "toy.parquet").replace_schema_metadata({}), other)
    with pytest.raises(DataError, match="no part of a data set"):
        prepare("toy", source, tmp_path / "toy.parquet", workers=1)
    assert other.exists()


@pytest.mark.parametrize("name", ["dfpt2018", "phonondb"])
def test_every_kind_is_there(name: str) -> None:
    assert isinstance(kind_named(name), Kind)
