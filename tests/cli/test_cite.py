"""`phonodos cite`: complete BibTeX, in agreement with CITATION.cff."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

import phonodos as package

Phonodos = Callable[..., Result]


def test_bibtex(phonodos: Phonodos) -> None:
    done = phonodos("cite")
    assert done.exit_code == 0
    assert re.findall(r"^@\w+\{(\w+),$", done.stdout, re.M) == [
        "phonodos",
        "chen2021",
        "petretto2018",
        "phonondb",
    ]
    assert done.stdout.count("{") == done.stdout.count("}")
    assert f"version = {{{package.__version__}}}" in done.stdout


def test_json(phonodos: Phonodos) -> None:
    entries = json.loads(phonodos("cite", "--json").stdout)["entries"]
    text = phonodos("cite").stdout
    assert all(e["bibtex"] in text and e["for"] for e in entries)


@pytest.mark.parametrize("key", ["chen2021", "petretto2018"])
def test_citation_file_agrees(phonodos: Phonodos, key: str) -> None:
    cff = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text())
    assert cff["version"] == package.__version__
    entries = {
        e["key"]: e["bibtex"] for e in json.loads(phonodos("cite", "--json").stdout)["entries"]
    }
    dois = {r["doi"]: r for r in cff["references"]}
    (doi,) = re.findall(r"doi\s+= \{(.*)\}", entries[key])
    first_author = re.findall(r"author\s+= \{(\w+),", entries[key])
    assert [dois[doi]["authors"][0]["family-names"]] == first_author
    assert str(dois[doi]["year"]) in entries[key]
