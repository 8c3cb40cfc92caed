"""`phonodos evaluate`: files, table, parts, what is refused."""

import csv
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import phonodos as package
from phonodos.model.weights import read_header

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

    def lasting(found: dict[str, Any]) -> dict[str, Any]:
        assert found["speed"]["cpu_seconds"] > 0.0  # no two runs take the same time
        return {k: v for k, v in found.items() if k not in ("speed", "provenance")}

    assert lasting(json.loads(as_json.stdout)) == lasting(json.loads(json.dumps(report.summary)))
    assert lasting(metrics) == lasting(json.loads(json.dumps(report.to_dict())))


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
        head = (tmp_path / part / "overview.png").read_bytes()[16:24]
        width, height = struct.unpack(">II", head)
        assert height > 0.6 * width  # with a second row, of the network itself


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


def exam(path: Path, slope: float = -2.0) -> Path:
    states = []
    for a in (5.6, 5.64, 5.68):
        cell = [[0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]]
        states.append(
            {
                "lattice": cell, "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]], "numbers": [11, 17],
                "volume": a**3 / 4, "mean_frequency": 150.0 * (a / 5.64) ** (3 * slope),
            }
        )  # fmt: skip
    path.write_text(json.dumps({"states": states}))
    return path


def test_an_exam_that_misses_a_volume(phonodos: Phonodos, tmp_path: Path) -> None:
    path = exam(tmp_path / "one.json")
    record = json.loads(path.read_text())
    del record["states"][1]["volume"]
    path.write_text(json.dumps(record))
    done = phonodos("evaluate", "chen2021", "--strain-file", path, "-o", "out")
    assert done.exit_code == 4
    assert "one.json is no exam on strain" in " ".join(done.stderr.split())
    assert "reason: state 2 has no 'volume'" in done.stderr
    assert "fix:" in done.stderr
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_exams_on_strain(phonodos: Phonodos, workshop: Path, tmp_path: Path) -> None:
    first, second = exam(tmp_path / "one.json"), exam(tmp_path / "two.json", -1.0)
    files = ("--strain-file", first, "--strain-file", second)
    done = phonodos("evaluate", "chen2021", *files, "-o", "alone")
    assert done.exit_code == 0, done.output
    assert "one (NaCl, 3 cells): gamma = -d ln wbar / d ln V" in done.stdout
    assert "DFT 2.00" in done.stdout
    alone = json.loads((tmp_path / "alone" / "metrics.json").read_text())
    gammas = [e["gamma"] for e in alone["strain"]["exams"]]
    away = [abs(g - dft) for g, dft in zip(gammas, (2.0, 1.0), strict=True)]
    assert alone["strain"]["gamma_mae"] == pytest.approx(sum(away) / 2)
    data, split = workshop / "data.parquet", workshop / "split.json"
    words = ("--data", data, "--split", split, *files, "-o", "out")
    done = phonodos("evaluate", "chen2021", *words)
    assert done.exit_code == 0, done.output
    assert "(one, two)" in done.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["strain"] == alone["strain"]
    assert "mean |gamma - DFT|" in metrics["definitions"]["strain.gamma_mae"]
    card = phonodos("models", "card", "chen2021", "--metrics", tmp_path / "out" / "metrics.json")
    assert "(one, two)" in card.stdout.split("## Strain")[1]


def test_exams_that_are_refused(phonodos: Phonodos, tmp_path: Path) -> None:
    nothing = phonodos("evaluate", "chen2021", "-o", "out")
    assert nothing.exit_code == 2
    assert "nothing to compare with" in nothing.stderr
    (tmp_path / "bad.json").write_text('{"states": [{"lattice": 1}]}')
    bad = phonodos("evaluate", "chen2021", "--strain-file", "bad.json", "-o", "out")
    assert bad.exit_code == 4
    assert "bad.json is no exam on strain" in bad.stderr


def test_the_header_keeps_an_exam(
    phonodos: Phonodos, lattice_weights: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "mine.safetensors"
    shutil.copy(lattice_weights, weights)
    words = ("models", "calibrate", weights, "--strain-file", exam(tmp_path / "one.json"))
    done = phonodos(*words)
    assert done.exit_code == 0, done.output
    kept = read_header(weights).strain
    assert kept is not None
    assert [e.name for e in kept.exams] == ["one"]
    after = weights.read_bytes()
    assert phonodos(*words).exit_code == 0
    assert weights.read_bytes() == after
