"""`phonodos evaluate`: files, table, parts, what is refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import phonodos as package

Phonodos = Callable[..., Result]


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_files_and_table(phonodos: Phonodos, workshop: Path, tmp_path: Path, part: str) -> None:
    data, split = workshop / "data.parquet", workshop / "split.json"
    words = ("--data", data, "--split", split, "--part", part, "-o", "out")
    done = phonodos("evaluate", "chen2021", *words)
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    ids = json.loads(split.read_text())[part]
    with (out / "materials.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(line for line in file if line[0] != "#")] == ids
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["model"] == "chen2021"
    assert metrics["part"] == part
    assert metrics["n_failed"] == 0
    assert (out / "summary.md").read_text().split("-->\n")[1] == done.stdout
    assert f"| all | {len(ids)} |" in done.stdout
    as_json = phonodos("evaluate", "chen2021", *words, "--json")
    assert json.loads(as_json.stdout)["spectrum"] == metrics["spectrum"]
    report = package.evaluate("chen2021", data, split, part=part)
    assert json.dumps(report.summary, indent=1) + "\n" == as_json.stdout
    assert {k: v for k, v in metrics.items() if k != "provenance"} == json.loads(
        json.dumps(report.to_dict())
    )


def test_figures_look_at_test_only_when_asked(
    phonodos: Phonodos, workshop: Path, tmp_path: Path
) -> None:
    data, split = workshop / "data.parquet", workshop / "split.json"
    for part, shown in (("valid", ["train", "valid"]), ("test", ["train", "valid", "test"])):
        words = ("--data", data, "--split", split, "--part", part, "-o", "out")
        done = phonodos("evaluate", "chen2021", *words, "--figures", part)
        assert done.exit_code == 0, done.output
        numbers = json.loads((tmp_path / part / "figures.json").read_text())
        assert list(numbers["parts"]) == shown
        assert (tmp_path / part / "parity.png").is_file()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["chen2021", "--data", "gone.parquet"], 4, "no data set gone.parquet"),
        (["chen2021", "--data", "DATA", "--part", "exam"], 2, "there is no part 'exam'"),
        (["chen2021", "--data", "DATA", "--split", "gone.json"], 4, "no split file gone.json"),
        (["chen2012", "--data", "DATA"], 2, "no weights named 'chen2012'"),
        (["chen2021", "--data", "DATA"], 4, "mp-"),  # the ids of its own split are not in there
    ],
)
def test_what_is_refused(
    phonodos: Phonodos, workshop: Path, words: list[str], code: int, message: str
) -> None:
    words = [str(workshop / "data.parquet") if w == "DATA" else w for w in words]
    done = phonodos("evaluate", *words, "-o", "out")
    assert done.exit_code == code
    assert done.stderr.startswith("error:")
    assert message in done.stderr
