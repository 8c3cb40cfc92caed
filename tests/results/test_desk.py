"""Everything written at one desk: heads that the readers of each format pass over."""

import csv
import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import yaml

from phonodos.errors import DataError
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance

ORIGIN = Provenance("lattice", "0123456789ab" * 5 + "0123", ("never seen: U", "a, b"))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path, ORIGIN)


def test_texts_have_a_head(results: Results) -> None:
    results.text("a.dat", "1 2\n")
    results.yaml("a.yaml", "a: 1\n")
    results.markdown("a.md", "# Title\n")
    results.plain("BORN", "1\n")
    folder = results.folder
    assert results.written == ["a.dat", "a.yaml", "a.md", "BORN"]
    assert (folder / "a.dat").read_text().splitlines() == [
        *(f"# {line}" for line in ORIGIN.lines()), "1 2",
    ]  # fmt: skip
    assert yaml.safe_load((folder / "a.yaml").read_text()) == {"a": 1}
    assert (folder / "a.md").read_text().startswith("<!-- predicted by phonodos ")
    assert (folder / "BORN").read_text() == "1\n"
    np.testing.assert_allclose(np.loadtxt(folder / "a.dat"), [1.0, 2.0])


def test_notes_stand_in_the_head_of_a_table(results: Results) -> None:
    results.csv("n.csv", ["t [K]"], [[1.0]], notes=["theta: 750\nK"])
    lines = (results.folder / "n.csv").read_text().splitlines()
    assert lines == [*(f"# {line}" for line in ORIGIN.lines()), "# theta: 750 K", "t [K]", "1"]


def test_tables_are_read_by_others(results: Results) -> None:
    """pandas, polars, duckdb and csv, once told (or finding out) that # is a comment."""
    rows = [["a,b", 0.1, 2, None], ['say "x" #1', np.float64(1e-12), True, "y"]]
    results.csv("t.csv", ["id", "w [cm-1]", "n", "note"], rows)
    path = results.folder / "t.csv"
    text = path.read_text()
    head, body = text.splitlines()[:3], text.splitlines()[3:]
    assert all(line.startswith("# ") for line in head)
    assert body[0] == "id,w [cm-1],n,note"
    found = list(csv.reader(body[1:]))
    assert found == [["a,b", "0.1", "2", ""], ['say "x" #1', "1e-12", "True", "y"]]
    import duckdb
    import polars
    from pandas import read_csv

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = read_csv(path, comment="#")
        assert list(frame["id"]) == ["a,b", 'say "x" #1']
        assert list(polars.read_csv(path, comment_prefix="#")["w [cm-1]"]) == [0.1, 1e-12]
        query = f"select id from read_csv('{path}', comment='#', header=true)"
        assert duckdb.sql(query).fetchall() == [("a,b",), ('say "x" #1',)]


def test_json_has_a_key(results: Results) -> None:
    results.json("a.json", {"x": 1})
    found = json.loads((results.folder / "a.json").read_text())
    assert found == {"provenance": ORIGIN.record(), "x": 1}
    with pytest.raises(ValueError, match="Out of range"):
        results.json("b.json", {"x": float("nan")})
    assert not (results.folder / "b.json").exists()


def test_figures_come_twice_and_know_it(results: Results) -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    results.figure("f", Figure(figsize=(1, 1)))
    assert results.written == ["f.png", "f.pdf"]
    first = [(results.folder / name).read_bytes() for name in results.written]
    with Image.open(io.BytesIO(first[0])) as picture:
        assert picture.info["Description"] == "\n".join(ORIGIN.lines())
    assert b"never seen: U" in first[1]
    results.figure("f", Figure(figsize=(1, 1)))
    assert [(results.folder / name).read_bytes() for name in results.written[2:]] == first


def test_without_an_origin_nothing_is_added(tmp_path: Path) -> None:
    plain = Results(tmp_path)
    plain.text("a", "x\n")
    plain.json("b", {"x": 1}, indent=None)
    assert (tmp_path / "a").read_text() == "x\n"
    assert (tmp_path / "b").read_text() == '{"x": 1}\n'


def test_what_other_programs_write(results: Results) -> None:
    assert results.made_by(lambda path: path.write_text("theirs"), "x") == "theirs"

    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="x cannot be written") as told:
        results.made_by(fail, "x")
    assert "make room" in told.value.fix
    assert list(results.folder.iterdir()) == []
