"""Evaluation in Python, on a made-up data set: a model has no errors against its own spectra."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import phonodos
from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.datasets.splits import Split
from phonodos.errors import ConfigError, DataError, PredictionError
from phonodos.evaluation.judgement import Stopwatch, evaluate, judged_beside, split_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import target_of
from phonodos.prediction.predictor import Predictor, load

LENGTHS = {"Na Cl": 5.64, "K Br": 6.60, "Mg O": 4.21, "Ca O": 4.81}
FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


@pytest.fixture(scope="module")
def model() -> Predictor:
    return load("chen2021")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, model: Predictor) -> Path:
    """Four rock salts whose spectra are those of the model, the last one 50 cm^-1 higher."""
    crystals = [
        Crystal.ordered(a * FCC, [[0.0] * 3, [0.5] * 3], salt.split())
        for salt, a in LENGTHS.items()
    ]
    rows = []
    for k, p in enumerate(model.predict_many(crystals)):
        rows.append(
            {
                "id": f"s-{k}", "source": "own", "formula": p.crystal.formula, "n_atoms": 2,
                "species": list(p.crystal.symbols), "cell": p.crystal.cell.ravel().tolist(),
                "frac_coords": p.crystal.frac_coords.ravel().tolist(),
                "dos_frequencies": (p.dos.frequencies + 50.0 * (k == 3)).tolist(),
                "dos_densities": p.dos.densities.tolist(), "target": target_of(p.dos).tolist(),
            }
        )  # fmt: skip
    path = tmp_path_factory.mktemp("own") / "own.parquet"
    write_dataset(path, rows, {})
    return path


SPLIT = Split({"train": ("s-0",), "valid": ("s-1", "s-2"), "test": ("s-3",)})


def test_no_errors_against_its_own_spectra(model: Predictor, data: Path, tmp_path: Path) -> None:
    SPLIT.write(tmp_path / "split.json")
    report = phonodos.evaluate("chen2021", data, tmp_path / "split.json")
    assert report.summary["n"] == 2
    assert report.summary["spectrum"]["mse"] == pytest.approx(0.0, abs=1e-6)
    assert report.summary["full"]["wd"] == pytest.approx(0.0, abs=0.01)
    assert [judged.id for judged in report.judged] == ["s-1", "s-2"]
    assert [row["id"] for row in report.rows] == ["s-1", "s-2"]
    known = {"model": "chen2021", "part": "valid", "data": ["own"], "n_failed": 0}
    known["members"] = len(model.networks)
    assert {key: report.summary[key] for key in known} == known
    assert report.summary["speed"]["cpu_seconds"] > 0.0
    assert report.summary["cell"]["entropy_mae"] == pytest.approx(0.0, abs=1e-3)
    assert report.summary["weights_sha256"] == model.provenance.sha256
    record = report.to_dict()
    assert record["failed"] == {}
    assert record["definitions"]["spectrum.wd"].startswith("WD [cm^-1]")


def test_processor_time_is_that_of_the_iterator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that stands still unless it is told otherwise."""
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    def items() -> Iterator[int]:
        for k in range(3):
            pass_by(2.0)
            yield k
        pass_by(1.0)

    monkeypatch.setattr("phonodos.evaluation.judgement.process_time", lambda: now)
    clock = Stopwatch()
    found = []
    for k in clock.over(items()):
        pass_by(100.0)
        found.append(k)
    assert found == [0, 1, 2]
    assert clock.seconds == 7.0


def test_a_shift_is_found(model: Predictor, data: Path) -> None:
    report = evaluate(model, Dataset.open(data), SPLIT, part="test")
    assert report.summary["full"]["wd"] == pytest.approx(50.0, abs=1.0)


def test_parts_beside(model: Predictor, data: Path) -> None:
    records = Dataset.open(data)
    report = evaluate(model, records, SPLIT)
    beside = judged_beside(model, records, SPLIT, "valid", report.judged)
    assert {name: [j.id for j in part] for name, part in beside.items()} == {
        "train": ["s-0"], "valid": ["s-1", "s-2"]
    }  # fmt: skip
    few = Split({"train": ("gone",), "valid": ("s-1",), "test": ("s-3",)})
    found = judged_beside(model, records, few, "test", report.judged)
    assert list(found) == ["valid", "test"]
    assert found["test"] is report.judged


def test_the_split_of_the_weights(model: Predictor) -> None:
    assert split_of(model, None).parts == dict(model.header.split)


def test_what_is_refused(model: Predictor, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no part 'exam'"):
        evaluate("no such weights, which are not looked for", data, SPLIT, part="exam")
    with pytest.raises(DataError):
        evaluate(model, tmp_path / "gone.parquet", SPLIT)
    with pytest.raises(DataError):
        evaluate(model, data)  # the ids of its own split are not in there


def test_nothing_that_can_be_predicted(model: Predictor, data: Path, tmp_path: Path) -> None:
    alone = Dataset.open(data)._row(0, ("id", "source", "formula", "n_atoms", "species"))
    spectrum = Dataset.open(data).dos(0)
    row = {
        **alone, "cell": (18.0 * np.eye(3)).ravel().tolist(), "frac_coords": [0.0] * 3 + [0.5] * 3,
        "dos_frequencies": spectrum.frequencies.tolist(),
        "dos_densities": spectrum.densities.tolist(), "target": target_of(spectrum).tolist(),
    }  # fmt: skip
    write_dataset(tmp_path / "far.parquet", [row], {})
    split = Split({"train": ("a",), "valid": ("s-0",), "test": ("b",)})
    with pytest.raises(PredictionError, match="predicts none of 1 materials") as caught:
        evaluate(model, tmp_path / "far.parquet", split)
    assert caught.value.reason.startswith("s-0: ")
