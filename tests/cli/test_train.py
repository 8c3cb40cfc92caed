"""`phonodos train`: from records to weights of one's own, and back to a run that was stopped."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from phonodos.cli.progress import shown_progress
from phonodos.cli.train import parse_duration, reporter
from phonodos.errors import ConfigError
from phonodos.model.weights import read_header

Phonodos = Callable[..., Result]


@pytest.fixture
def desk(workshop: Path, tmp_path: Path) -> Path:
    """The working folder, with data, split and configuration in it."""
    for name in ("data.parquet", "split.json", "tiny.toml"):
        shutil.copy(workshop / name, tmp_path)
    return tmp_path


def test_from_records_to_a_prediction_with_own_weights(
    desk: Path, phonodos: Phonodos, examples: Path
) -> None:
    done = phonodos("train", "tiny.toml", "--json")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1]
    assert "finished after 2 epochs" in done.stderr
    header = read_header(desk / "run" / "best.safetensors")
    assert header["name"] == "tiny"
    assert header["split"]["train"]
    weights = "run/best.safetensors"
    judged = phonodos("evaluate", weights, "--data", "data.parquet", "--part", "test", "-o", "out")
    assert judged.exit_code == 0, judged.output
    assert json.loads((desk / "out" / "metrics.json").read_text())["model"] == "tiny"
    predicted = phonodos("predict", examples / "NaCl.cif", "--no-plot", "--model", weights)
    assert predicted.exit_code == 0, predicted.output
    assert "tiny; C_V, S (300 K)" in predicted.stdout


def test_stopped_and_continued(desk: Path, phonodos: Phonodos) -> None:
    """No time at all ends at a checkpoint; --resume goes on to the losses of an undisturbed run."""
    phonodos("train", "tiny.toml", "folder=whole")
    stopped = phonodos("train", "tiny.toml", "folder=halved", "--time-limit", "0s")
    assert stopped.exit_code == 0, stopped.output
    assert "time limit after 0 epochs" in stopped.stderr
    command = stopped.stderr.splitlines()[-1].removeprefix("continue with: phonodos ").split()
    assert command[:2] == ["train", "--resume"]
    resumed = phonodos(*command)
    assert resumed.exit_code == 0, resumed.output
    whole, halved = (
        [
            json.loads(line)["train_loss"]
            for line in (desk / f / "log.jsonl").read_text().splitlines()
        ]
        for f in ("whole", "halved")
    )
    assert whole == halved


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        ([], "nothing to train", "phonodos train configs/chen2021.toml"),
        (["gone.toml"], "no configuration file gone.toml", "check the path"),
        (["tiny.toml", "epoch=3"], "epoch", "epochs"),
        (["tiny.toml", "epochs=many"], "epochs", ""),
        (["tiny.toml", "--time-limit", "soon"], "'soon' is not a time", "90s, 9m or 2.5h"),
        (["tiny.toml", "--resume", "run"], "both a configuration file and --resume", "leave one"),
        (["tiny.toml", "data.dataset=gone.parquet"], "gone.parquet", "phonodos data prepare"),
    ],
)
def test_wrong_usage(
    desk: Path, phonodos: Phonodos, words: list[str], message: str, fix: str
) -> None:
    done = phonodos("train", *words)
    assert done.exit_code in (2, 4)
    summary, *rest = done.stderr.splitlines()
    assert message in summary
    assert fix in "".join(rest)
    assert not list(desk.glob("run/*"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("9m", 540), ("2.5h", 9000), ("30", 30), (" 1 m ", 60)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-5s", "m", "1d", "1h30m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time"):
        parse_duration(text)


def test_what_a_run_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps are for bars; a skipped step and an epoch are told in every case."""
    events = [
        {"epoch": 3, "step": 1, "steps": 2, "loss": 0.25},
        {"skipped": ["mp-1"]},
        {"epoch": 3, "seconds": 12.0, "train_loss": 0.125, "valid": {"mse": 0.5}},
    ]
    for as_json in (False, True):
        with shown_progress("train", every=None, bar=not as_json) as progress:
            report = reporter(progress, 9, as_json)
            for event in events:
                report(event)
        out, err = capsys.readouterr()
        assert err == "step skipped, gradient not finite: ['mp-1']\n"
        if as_json:
            assert [json.loads(line) for line in out.splitlines()] == events[2:]
        else:
            assert out == "epoch   3/9     12 s  train 0.12500  valid: mse 0.5\n"
