"""The figures of an evaluation: files, numbers, which part they show."""

import json
from pathlib import Path

import numpy as np
import pytest

from phonodos.evaluation.drawings import compare, draw_evaluation, errors_by_element
from phonodos.evaluation.report import Judged
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import TARGET_GRID, dos_from_target
from phonodos.results.desk import Results

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def judge(count: int, shift: float) -> list[Judged]:
    w = TARGET_GRID.frequencies
    found = []
    for k in range(count):
        cation = ("Na", "K", "Rb", "Li")[k % 4]
        crystal = Crystal.ordered(
            (5.6 + 0.01 * k) * FCC, [[0.0] * 3, [0.5] * 3], [cation, "Cl"], f"c{k}"
        )
        spectra = [
            dos_from_target(np.exp(-(((w - 200 - s * k) / 50) ** 2)), 2) for s in (0.0, shift)
        ]
        found.append(Judged(f"c{k}", crystal, *spectra))
    return found


def test_figures_and_numbers(tmp_path: Path) -> None:
    parts = {"train": judge(8, 1.0), "valid": judge(6, 3.0)}
    names = draw_evaluation(Results(tmp_path), parts, "valid", model="some", cutoff=4.0)
    assert names == [
        "overview", "errors_by_size", "errors_by_element", "parity", "examples", "all_examples_1"
    ]  # fmt: skip
    for name in names:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    numbers = json.loads((tmp_path / "figures.json").read_text())
    assert numbers["elements_over"] == ["valid"]
    assert numbers["elements"]["Cl"]["n"] == 6
    assert numbers["parts"]["train"]["n"] == 8
    assert numbers["parts"]["train"]["spearman_sites_mse"] is None  # all of one size
    errors = compare(parts["valid"]).errors
    assert numbers["parts"]["valid"]["mse"] == pytest.approx(errors.mean())
    assert errors[0] == pytest.approx(0.0, abs=1e-12)


def test_elements() -> None:
    judged = judge(8, 3.0)
    compared = {"test": compare(judged)}
    found = errors_by_element({"test": judged}, compared)
    assert found["Na"] == (pytest.approx(compared["test"].errors[[0, 4]].mean()), 2)
    assert found["Cl"][1] == 8
