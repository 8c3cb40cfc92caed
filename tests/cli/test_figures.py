"""`phonodos figures screening`: from a table to figures, numbers and the table of leaders."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Phonodos = Callable[..., Result]


def test_without_a_reference(phonodos: Phonodos, table: Path, tmp_path: Path) -> None:
    done = phonodos("figures", "screening", table, "-o", "out")
    assert done.exit_code == 0, done.output
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {
        f"{name}.{suffix}"
        for name in ("elements", "heat_capacities", "components", "spring_model")
        for suffix in ("png", "pdf")
    } | {"screening.json"}
    numbers = json.loads((tmp_path / "out" / "screening.json").read_text())
    assert numbers["n"] == 6
    assert numbers["temperature [K]"] == 293.15
    assert numbers["top"][0]["formula"] == "LiF"
    assert "Spearman(PC1, C_V)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    shown = " ".join(done.stdout.split())
    first, second = (part.partition("PC1")[0] for part in shown.split("C_V at 293.15 K of")[1:])
    new = numbers["never_trained_on"]
    share, error = 100 * new["share_above_1000_J/(kg K)"], 100 * new["binomial_error_of_share"]
    assert "the 5 never trained on: median" in first
    assert f"{share:.1f} +- {error:.1f} %" in first
    assert "all 6 (1 of them, or another of their formula, were trained on)" in second


def test_with_a_reference(phonodos: Phonodos, table: Path, tmp_path: Path, workshop: Path) -> None:
    words = ("figures", "screening", table, "--reference", workshop / "data.parquet", "-o", "out")
    done = phonodos(*words, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["n_reference"] == 5  # NaCl was trained on
    assert answer["compared_with"] == "DFT cut at 1000 cm-1"
    assert answer["c_v_errors [J/(kg K)]"]["Li-rich"]["n"] == 1
    with (tmp_path / "out" / "leaders.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    assert len(rows) == 5
    predicted = [float(row["predicted [J/(kg K)]"]) for row in rows]
    assert predicted == sorted(predicted, reverse=True)
    assert len(set(predicted)) == 5  # an order, not a row of equals
    assert rows[0]["formula"] == "LiF"
    formulas = {row["formula"] for row in rows}
    assert len(formulas) == 5
    assert "NaCl" not in formulas
    assert "highest C_V" in phonodos(*words).stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["gone.parquet"], 4, "gone.parquet is no table of predictions"),
        (["DATA"], 4, "columns are missing"),
        (["TABLE", "--temperature", "0"], 2, "needs a temperature above 0 K"),
        (["TABLE", "--reference", "gone.parquet"], 4, "gone.parquet"),
    ],
)
def test_what_is_refused(
    phonodos: Phonodos, table: Path, workshop: Path, words: list[str], code: int, message: str
) -> None:
    places = {"TABLE": str(table), "DATA": str(workshop / "data.parquet")}
    done = phonodos("figures", "screening", *(places.get(w, w) for w in words))
    assert done.exit_code == code, done.output
    assert message in done.stderr
