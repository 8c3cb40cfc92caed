"""The card says what is in a data set."""

import json

import pytest

from phonodos.datasets.card import markdown, summarise
from phonodos.datasets.columns import COLUMNS, OPTIONAL
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.preparation import prepare
from phonodos.datasets.sources import SOURCES


@pytest.fixture
def dataset(tmp_path, make_record, rock_salt, perovskite) -> Dataset:
    folder = tmp_path / "phonon"
    folder.mkdir()
    for crystal, name in ((rock_salt, "mp-1"), (perovskite, "mp-2"), (perovskite, "mp-3")):
        (folder / f"{name}.json").write_text(json.dumps(make_record(crystal, name)))
    (folder / "mp-4.json").write_text("broken")
    return Dataset.open(prepare("dfpt2018", folder, tmp_path / "d.parquet", workers=1).output)


def test_counts(dataset):
    card = summarise(dataset)
    assert (card["records"], card["formulas"]) == (3, 2)
    assert card["elements"] == {"O": 2, "Sr": 2, "Ti": 2, "Cl": 1, "Na": 1}
    assert card["n_atoms"] == {"min": 2, "median": 5.0, "max": 5}
    assert card["highest_frequency_cm-1"] == {
        "median": 300.0,
        "max": 300.0,
        "records_above_1000": 0,
    }
    assert card["flags"]["large_cnsr_break"] == 3
    assert card["flags"]["has_negative_frequencies"] == 0
    absent = OPTIONAL - {"dielectric_static"}
    assert card["columns"] == {n: 0 if n in absent else 3 for n in COLUMNS}
    assert list(card["failed"]) == ["mp-4"]
    source = card["sources"][0]
    assert (source["licence"], source["home"]) == (
        SOURCES["dfpt2018"].licence,
        SOURCES["dfpt2018"].home,
    )
    assert json.loads(json.dumps(card)) == card


def test_markdown(dataset):
    text = markdown("d.parquet", summarise(dataset))
    assert text.startswith("# Data set d.parquet\n")
    for line in (
        "3 materials (2 formulas, 5 elements), 2 to 5 atoms in the cell (median 5).",
        "  - sha256: unknown",
        "  - licence: the one stated on figshare",
        "- mp-4: not a JSON file",
        "| `large_cnsr_break` | 3 | flag of the source: charge neutrality |",
        "- window: 101",
        "| `target` | list<double> | 3 | 51 points",
        "O 2, Sr 2, Ti 2, Cl 1, Na 1",
    ):
        assert line in text


def test_a_part_of_a_data_set_of_unknown_origin(dataset):
    dataset.provenance.clear()
    dataset.provenance["sources"] = [{"name": "mine"}]
    card = summarise(dataset.select(["mp-1"]))
    assert card["records"] == 1
    text = markdown("mine", card)
    assert "- mine\n" in text
    assert "Recipe" not in text


def test_calculations_of_ones_own_get_no_licence_of_others(dataset):
    dataset.provenance |= {"citation": None, "licence": None}
    card = summarise(dataset)
    assert "licence" not in card["sources"][0]
    assert "licence: unknown" in markdown("mine", card)
