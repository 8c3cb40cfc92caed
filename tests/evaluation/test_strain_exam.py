"""Exams on strain: known laws are found, weights that know the answers err by nothing, refusals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.errors import ConfigError, DataError
from phonodos.evaluation.strain_exam import judge_strain, read_exam
from phonodos.prediction.predictor import Predictor, load

Json = dict[str, Any]
COORDS = [[1 / 3, 2 / 3, 0.0], [2 / 3, 1 / 3, 0.5]]
HEXAGON = np.array([[1.0, 0.0, 0.0], [-0.5, np.sqrt(0.75), 0.0], [0.0, 0.0, 1.0]])


def state(cell: np.ndarray, mean: float) -> Json:
    return {
        "lattice": cell.tolist(), "frac_coords": COORDS, "numbers": [11, 17],
        "mean_frequency": mean, "volume": abs(float(np.linalg.det(cell))),
    }  # fmt: skip


def hexagonal(a: float, c: float) -> Json:
    """A state of wbar = 300 a^-2.5 c^-1.5, a and c as multiples."""
    return state(HEXAGON * [[4.0 * a], [4.0 * a], [6.5 * c]], 300.0 * a**-2.5 * c**-1.5)


def write(path: Path, states: list[Json]) -> Path:
    path.write_text(json.dumps({"about": "made up", "states": states}))
    return path


STATES = [hexagonal(a, c) for a in (1.0, 0.99, 1.01) for c in (1.0, 0.99, 1.01)]


@pytest.fixture(scope="module")
def model() -> Predictor:
    return load("chen2021")


def test_a_power_law_is_found(tmp_path: Path) -> None:
    exam = read_exam(write(tmp_path / "made.json", STATES))
    assert exam.name == "made"
    found = exam.response(exam.means)
    # On a square of cells ln V = 2 ln a + ln c, with a and c independent.
    assert found.gamma == pytest.approx((2 * 2.5 + 1.5) / 5, rel=1e-3)
    assert found.along == pytest.approx({"a": -2.5, "c": -1.5}, abs=1e-6)


def test_sheared_cells_and_those_seen_twice_do_not_count(tmp_path: Path) -> None:
    cell = np.array(STATES[0]["lattice"])
    sheared = state(cell @ (np.eye(3) + 0.02 * np.eye(3)[[2, 1, 0]]), 999.0)
    exam = read_exam(write(tmp_path / "made.json", [*STATES, sheared, STATES[0]]))
    assert len(exam.crystals) == len(STATES)


def test_cells_that_only_scale_have_a_gamma_alone(tmp_path: Path) -> None:
    states = [hexagonal(a, a) for a in (0.99, 1.0, 1.01)]
    exam = read_exam(write(tmp_path / "made.json", states))
    found = exam.response(exam.means)
    assert found.gamma == pytest.approx(4 / 3)
    assert found.along == {}


def test_weights_that_know_the_answers(model: Predictor, tmp_path: Path) -> None:
    crystals = read_exam(write(tmp_path / "x.json", STATES)).crystals
    means = [p.dos.mean_frequency for p in model.predict_many(crystals)]
    states = [state(c.cell, w) for c, w in zip(crystals, means, strict=True)]
    right = write(tmp_path / "right.json", states)
    # One whose frequencies answer by V^-1/2 more.
    volumes = np.array([c.volume for c in crystals])
    other = [dict(s, mean_frequency=s["mean_frequency"] * v**-0.5)
             for s, v in zip(states, volumes, strict=True)]  # fmt: skip
    wrong = write(tmp_path / "wrong.json", other)
    judged = judge_strain(model, [right, wrong])
    assert [r.error for r in judged.results] == pytest.approx([0.0, 0.5], abs=1e-6)
    assert judged.gamma_mae == pytest.approx(0.25, abs=1e-6)
    assert judged.text.endswith("mean |gamma - DFT| 0.25 (right, wrong)")
    record = json.loads(json.dumps(judged.to_dict()))
    assert record["gamma_mae"] == judged.gamma_mae
    assert [e["name"] for e in record["exams"]] == ["right", "wrong"]
    assert set(record["exams"][0]["dln_wbar_dln_axis"]) == {"a", "c"}
    score = judged.score(1)
    assert score.gamma_mae == 0.25
    assert score.exams[0].gamma == score.exams[0].gamma_dft


def broken(**changes: Any) -> list[Json]:
    second = {k: v for k, v in (STATES[1] | changes).items() if v is not None}
    return [STATES[0], second, *STATES[2:]]


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (broken(volume=None), "state 2 has no 'volume'"),
        (broken(lattice=None), "state 2 has no 'lattice'"),
        (broken(mean_frequency=None), "state 2 has no 'mean_frequency'"),
        (broken(mean_frequency=float("nan")), "'mean_frequency' is not one finite"),
        (broken(mean_frequency="high"), "'mean_frequency' is not one finite"),
        (broken(mean_frequency=True), "'mean_frequency' is not one finite"),
        (broken(mean_frequency=-3.0), "a mean frequency of -3"),
        (broken(volume=12.0), "'volume' is 12 A"),
        (broken(lattice=[[1, 2], [3, 4]]), "'lattice' is not 3x3 finite"),
        (broken(lattice=[[1, 2, 3], [4]]), "rows of 'lattice' are not equally long"),
        (broken(lattice=[[4, 0, 0], [8, 0, 0], [0, 0, 6]]), "state 2: "),
        (broken(numbers=[11, 170]), "not the atomic number"),
        (broken(numbers=[11]), "not the atomic number"),
        (broken(numbers=[11, 35]), "not of the same atoms"),
        (STATES[:1], "a slope needs two volumes"),
        ([STATES[0], STATES[0]], "a slope needs two volumes"),
        ([], "a slope needs two volumes"),
        (["text"], "no list 'states' of objects"),
        ("text", "no list 'states' of objects"),
    ],
)
def test_bad_states(tmp_path: Path, states: list[Json], reason: str) -> None:
    path = write(tmp_path / "made.json", states)
    with pytest.raises(DataError, match="is no exam on strain") as caught:
        read_exam(path)
    assert reason in caught.value.reason
    assert "lattice [A]" in caught.value.fix


@pytest.mark.parametrize(
    ("text", "reason"), [("e = 0.01", "no JSON"), ("[1]", "not a list"), ("[" * 99999, "no JSON")]
)
def test_bad_files(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "made.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read_exam(tmp_path / "made.json")
    assert reason in caught.value.reason


def test_no_file_or_one_twice(model: Predictor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_exam(tmp_path / "gone.json")
    path = write(tmp_path / "made.json", STATES)
    for files in ([], [path, path]):
        with pytest.raises(ConfigError):
            judge_strain(model, files)


def test_the_exam_that_is_kept_aside(shared: Path) -> None:
    path = shared / "strain" / "zno.json"
    if not path.is_file():
        pytest.skip(f"real data absent: no {path}")
    exam = read_exam(path)
    assert len(exam.crystals) == 25
    found = exam.response(exam.means)
    assert found.gamma == pytest.approx(1.35, abs=0.005)
    assert found.along == pytest.approx({"a": -2.73, "c": -1.27}, abs=0.006)
