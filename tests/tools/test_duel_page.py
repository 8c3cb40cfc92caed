"""The duel page: its numbers are those of the metrics and of the file of others."""

import json
from pathlib import Path
from typing import Any

import pytest

from documents import METRICS, documents
from duel_page import CELL, duel_page
from phonodos.evaluation.measures import MEASURES, flatten

Json = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
OTHERS = json.loads((REPOSITORY / METRICS / "duel.json").read_text())


@pytest.fixture
def judged(metrics: Json) -> Json:
    """Metrics of lattice dynamics, with errors per cell."""
    cell = dict(zip((key.split(".")[1] for key in CELL), (11.1, 2.2, 3.3, 4.4), strict=True))
    own = {"cell": cell, "full": {"wd": 5.84}, "lattice": {"max_mae": 7.0}}
    groups = {"hydrogen": {"n": 3, **own, "cell": {**cell, "entropy_mae": 77.7}}}
    return {**metrics, **own, "groups": groups, "speed": {"cpu_seconds": 0.123}}


def test_rows_are_those_of_the_metrics(judged: Json) -> None:
    text = duel_page({"tiny": [judged]}, OTHERS)
    row = "| **tiny** | dfpt2018 valid, 7 materials | PBEsol |"
    assert f"{row} 11.1 | 2.2 | 3.3 | 4.4 | 0.12 CPU |" in text
    assert f"{row} 5.8 |" in text
    assert "| hydrogen | 3 | 11.1 | 77.7 | 3.3 | 4.4 |" in text


def test_what_has_no_errors_per_cell_is_left_out(judged: Json, metrics: Json) -> None:
    spectrum = {k: v for k, v in judged.items() if k != "lattice"}
    text = duel_page({"old": [metrics], "spectra": [spectrum]}, OTHERS)
    assert "**old**" not in text
    assert "**spectra**" not in text


def test_others_come_with_set_functional_and_source() -> None:
    text = duel_page({}, OTHERS)
    for section in ("thermodynamics", "spectrum"):
        about = OTHERS[section]
        assert all(about[key] for key in ("set", "functional", "source"))
        assert about["source"] in text
        for model in about["models"]:
            assert model["seen"].startswith(("LAMBench (", "from the design notes, not traced"))
            assert f"| {model['seen']} |" in text
            given = [f"{v:g}" for k, v in model.items() if k in MEASURES]
            row = next(x for x in text.splitlines() if x.startswith(f"| {model['model']} | "
                       f"{about['set']}"))  # fmt: skip
            assert given
            assert set(given) <= {cell.strip() for cell in row.split("|")}


def test_what_was_seen_rounds_to_what_is_shown() -> None:
    """Where a row says that it was seen, the values seen are those of the row, rounded."""
    checked = 0
    for model in OTHERS["thermodynamics"]["models"]:
        if model["seen"].startswith("LAMBench ("):
            values = [float(x) for x in model["seen"].partition("(")[2].rstrip(")").split(", ")]
            assert [round(v) for v in values] == [model[key] for key in CELL]
            checked += 1
    assert checked == 3


def test_the_committed_page_has_every_evaluation_of_the_default() -> None:
    """Wherever a committed metrics.json has errors per cell, its numbers are on the page."""
    text = (REPOSITORY / "docs" / "duel.md").read_text(encoding="utf-8")
    for path in sorted((REPOSITORY / METRICS / "lattice").glob("*.json")):
        found = flatten(json.loads(path.read_text()))
        if "cell.entropy_mae" in found:
            cells = " | ".join(MEASURES[key].show(found[key]) for key in CELL)
            assert f"| PBEsol | {cells} |" in text


def test_it_is_among_the_generated_documents() -> None:
    assert Path("docs/duel.md") in documents(REPOSITORY)
