"""Generated documents: what is committed is what the generator gives, and nothing else."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from documents import (
    ACCURACY,
    METRICS,
    PAGE,
    README,
    VERDICTS,
    WEIGHTS,
    accuracy_page,
    documents,
    evaluations,
    groups_page,
    main,
    readme_table,
    readme_verdicts,
    with_part,
)
from phonodos.errors import DataError
from phonodos.model.header import ExamScore
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork
from phonodos.model.weights import save_network
from phonodos.prediction.predictor import DEFAULT_WEIGHTS

Json = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
BEGIN, END = f"<!-- {ACCURACY}:begin -->", f"<!-- {ACCURACY}:end -->"
RIVAL = {
    "model": "Oracle",
    "set": "its own, 3",
    "source": "Nature 1, 1 (1900)",
    "readme": True,
    "spectrum.mse": 0.03,
    "spectrum.r2": 0.5,
}


def test_committed_documents_are_the_generated_ones() -> None:
    """After a change of weights or metrics: `make cards`."""
    for path, text in documents(REPOSITORY).items():
        assert (REPOSITORY / path).read_text(encoding="utf-8") == text, f"{path}: run make cards"


def test_the_readme_says_of_stability_what_was_measured(metrics: Json) -> None:
    counts = {"unstable_unstable": 4, "unstable_unsure": 6, "unstable_stable": 3}
    counts |= {"stable_unstable": 1, "stable_unsure": 5, "stable_stable": 56}
    judged = metrics | {"part": "test", "stability": {"verdict": counts}}
    line = (
        "  - dfpt2018 test, 7 materials: of 13 unstable ones 3 called stable, 6 unsure; "
        "of 62 stable ones 1 called unstable"
    )
    for released in ({DEFAULT_WEIGHTS: [metrics, judged]}, {"x": [judged], "y": [judged]}):
        assert readme_verdicts(released) == line
    assert readme_verdicts({"x": [metrics]}) == ""
    assert "called stable" in (REPOSITORY / README).read_text()


def test_every_value_of_others_has_set_and_source() -> None:
    for rival in json.loads((REPOSITORY / METRICS / "rivals.json").read_text()):
        assert rival["set"]
        assert rival["source"]
        if "demo" in rival["set"]:
            assert "not traced" in rival["source"]


@pytest.fixture
def repository(tmp_path: Path, header: Json, metrics: Json) -> Path:
    """A repository with one released weight."""
    (tmp_path / WEIGHTS).mkdir(parents=True)
    path = tmp_path / WEIGHTS / "tiny.safetensors"
    config = SpectrumConfig(embedding=4, hidden=("2x0e+2x1o",), radial_hidden=(5,))
    wanted = {k: v for k, v in header.items() if k not in ("network", "format_version")}
    save_network(path, SpectrumNetwork.untrained(config), wanted | {"name": "tiny"})
    folder = tmp_path / METRICS / "tiny"
    folder.mkdir(parents=True)
    metrics["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "valid.json").write_text(json.dumps(metrics))
    (tmp_path / METRICS / "rivals.json").write_text(json.dumps([RIVAL]))
    verdicts = f"<!-- {VERDICTS}:begin -->\n<!-- {VERDICTS}:end -->"
    (tmp_path / README).write_text(f"# x\n\n{BEGIN}\nold\n{END}\n\n{verdicts}\n\nend\n")
    return tmp_path


def test_all_documents_of_a_repository(repository: Path) -> None:
    found = documents(repository)
    assert set(found) == {WEIGHTS / "tiny.md", PAGE, METRICS / "tiny.md", README}
    assert "[tiny](metrics/tiny.md)" in found[PAGE]
    assert found[WEIGHTS / "tiny.md"].startswith("# tiny\n")
    readme = found[README]
    assert readme.startswith(f"# x\n\n{BEGIN}\n| model |")
    assert f"\n{END}\n\n" in readme
    assert readme.endswith("\n\nend\n")
    assert "old" not in readme
    row = "| **tiny** | dfpt2018 valid, 7 materials | 0.0123 | 0.800 | 20.0 | – | 75 % | 0.321 |"
    assert row in readme
    assert row in found[PAGE]
    (repository / README).write_text(readme)
    assert documents(repository)[README] == readme


def test_a_second_weight_adds_its_rows(repository: Path, metrics: Json) -> None:
    weights = (repository / WEIGHTS / "tiny.safetensors").read_bytes()
    (repository / WEIGHTS / "other.safetensors").write_bytes(weights)
    (repository / METRICS / "other").mkdir()
    for part, n in (("valid", 7), ("test", 5)):
        text = json.dumps(metrics | {"part": part, "n": n})
        (repository / METRICS / "other" / f"{part}.json").write_text(text)
    found = documents(repository)
    assert "| **other** | dfpt2018 test, 5 materials |" in found[README]
    assert "| **other** | dfpt2018 valid" not in found[README]  # the README shows test alone
    page = found[PAGE]
    assert page.index("**other** | dfpt2018 test") < page.index("**other** | dfpt2018 valid")
    assert "## dfpt2018 test, 5 materials" in found[METRICS / "other.md"]
    assert "| hydrogen | 3 |" not in page


def test_quartiles_of_gaps_are_on_the_page_of_groups(metrics: Json) -> None:
    (row,) = re.findall(r"^\| error quartile 1 .*$", groups_page("x", [metrics]), re.M)
    assert row.endswith("| 0.50 | – | – | – |")


def test_exams_on_strain_are_on_the_page() -> None:
    exam = ExamScore(name="zno", formula="ZnO", states=25, members=4, gamma_dft=1.3, gamma=1.574)
    page = accuracy_page({}, [], {"x": [exam], "y": ()})
    assert "| **x** | zno | ZnO | 25 | 1.57 | 1.30 |" in page
    assert "## Strain" not in accuracy_page({}, [], {"y": ()})


def test_coverage_of_intervals_is_on_the_page(metrics: Json) -> None:
    wide = {"coverage": 0.9211, "coverage_error": 0.0309, "half_width": 11.04}
    narrow = {"stated": 5, "coverage": 0.5, "coverage_error": 0.25, "half_width": 0.321}
    stated = {"intervals": {"mean_frequency": wide, "heat_capacity": narrow}}
    page = accuracy_page({"x": [metrics | stated]}, [])
    assert "| **x** | dfpt2018 valid, 7 materials | wbar | 7 | 92 +- 3 % | 11.0 cm^-1 |" in page
    row = "| C_V(300 K) | 5 | 50 +- 25 % | 0.321 J/(K mol of atoms) |"
    assert row in page
    assert row not in accuracy_page({"x": [metrics]}, [])  # weights that state none


def test_eps_0_is_on_the_page_where_there_are_references(metrics: Json) -> None:
    numbers = {
        "static_materials": 5, "static_soft": 1, "static_error": 0.1234, "static_rank": 0.951,
    }  # fmt: skip
    lattice = metrics.get("lattice", {})
    page = accuracy_page({"x": [metrics | {"lattice": lattice | numbers}]}, [])
    assert "| **x** | dfpt2018 valid, 7 materials | 5 | 1 | 12 % | 0.95 |" in page
    for none in ({}, dict.fromkeys(numbers) | {"static_materials": 0, "static_soft": 0}):
        page = accuracy_page({"x": [metrics | {"lattice": lattice | none}]}, [])
        assert "## Static dielectric constant" not in page


def test_errors_by_temperature_are_on_the_page(metrics: Json) -> None:
    thermal = {"heat_capacity": {"5": None, "10": 12.5}, "entropy": {"300": 0.5}}
    page = accuracy_page({"x": [metrics | {"thermal": thermal}]}, [])
    assert "| **x** | dfpt2018 valid, 7 materials | C_V | – | 12.50 | – |" in page
    assert "## Temperature" not in accuracy_page({"x": [metrics]}, [])


def test_learning_curves_have_a_page(repository: Path) -> None:
    curves = {
        "note": "MSE on valid.",
        "voxels": [{"training": "without rotations", "stored": 0.04, "turned": 0.0512}],
        "curves": [{"network": "chen2021", "crystals": 150, "epochs": 48, "mse": 0.03456}],
    }
    assert METRICS / "learning_curves.md" not in documents(repository)
    (repository / METRICS / "learning_curves.json").write_text(json.dumps(curves))
    page = documents(repository)[METRICS / "learning_curves.md"]
    assert page.startswith("# Learning curves\n")
    assert "\n\nMSE on valid.\n" in page
    assert "| without rotations | 0.0400 | 0.0512 |" in page
    assert "| chen2021 | 150 | 48 | 0.0346 |" in page


def test_values_of_others_keep_their_digits_and_source() -> None:
    table = readme_table({}, [RIVAL, RIVAL | {"model": "Quiet", "readme": False}])
    assert "| Oracle | its own, 3; Nature 1, 1 (1900) | 0.03 | 0.5 | – | – | – | – |" in table
    assert "Quiet" not in table
    assert "Quiet" in accuracy_page({}, [RIVAL | {"model": "Quiet"}])


def test_the_readme_shows_the_default_weights(metrics: Json) -> None:
    both = {"chen2021": [metrics], DEFAULT_WEIGHTS: [metrics]}
    table = readme_table(both, [])
    assert f"| **{DEFAULT_WEIGHTS}** |" in table
    assert "chen2021" not in table


def test_released_weights_without_metrics(repository: Path) -> None:
    (repository / METRICS / "tiny" / "valid.json").unlink()
    with pytest.raises(DataError, match="no evaluation of tiny") as caught:
        documents(repository)
    assert "phonodos evaluate tiny" in caught.value.fix


def test_metrics_of_other_weights_are_refused(repository: Path, metrics: Json) -> None:
    folder, weights = repository / METRICS / "tiny", repository / WEIGHTS / "tiny.safetensors"
    assert len(evaluations(folder, weights)) == 1
    (folder / "valid.json").write_text(json.dumps(metrics | {"weights_sha256": "0"}))
    with pytest.raises(DataError, match="is not an evaluation of"):
        evaluations(folder, weights)


@pytest.mark.parametrize("text", ["", f"{BEGIN}", f"{END}\n{BEGIN}", f"{BEGIN}\n{END}\n{BEGIN}"])
def test_a_readme_without_a_place(text: str) -> None:
    with pytest.raises(DataError, match="has no place"):
        with_part(text, ACCURACY, "table")


def test_the_script_writes_what_it_says(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(repository)
    assert (repository / PAGE).read_text().startswith("# Accuracy\n")
    assert (repository / WEIGHTS / "tiny.md").read_text().startswith("# tiny\n")
    assert capsys.readouterr().err.count("written: ") == 4
