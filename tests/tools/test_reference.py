"""The Python reference: a page for every public name, with what it returns."""

import re
from pathlib import Path

import pytest

import phonodos
from reference import reference_pages

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_pages(ROOT)


def test_every_public_name_has_a_page(pages: dict[str, str]) -> None:
    assert set(pages) == set(phonodos.__all__) - {"__version__"}
    for name, text in pages.items():
        kind = "class" if isinstance(getattr(phonodos, name), type) else "function"
        assert f".. auto{kind}:: phonodos.{name}\n" in text


def test_results_stand_with_what_returns_them(pages: dict[str, str]) -> None:
    assert "phonodos.studies.neutron.NeutronStudy" in pages["neutron"]
    assert "phonodos.physics.resolution.Resolution" in pages["neutron"]
    assert "phonodos.studies.mode_gruneisen.SpecialPoint" in pages["strain"]
    assert "phonodos.errors.StructureError" in pages["PhonodosError"]
    assert "phonodos.prediction.stability.Stability" in pages["Prediction"]


def test_everything_stands_once(pages: dict[str, str]) -> None:
    found = re.findall(r"^\.\. auto\w+:: (\S+)$", "\n".join(pages.values()), re.M)
    assert len(found) == len(set(found)) > 50
    assert "phonodos.prediction.prediction.Prediction" not in found  # it has a page of its own
