"""The table of docs/metals.md: its script runs, and the page holds what it printed."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "metals.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metals", ROOT / "benchmarks" / "metals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(text: str, name: str) -> list[str]:
    (line,) = re.findall(rf"^\| {name} \|.*$", text, re.M)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_one_metal(
    script: ModuleType, lattice_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.main(["TiN", "--model", str(lattice_weights)])
    found, shown = cells(capsys.readouterr().out, "TiN"), cells(PAGE, "TiN")
    assert found[:2] == shown[:2]
    assert found[4:6] == shown[4:6]  # the quoted values
    assert float(found[2]) == pytest.approx(float(found[3]) / 0.0299792458, abs=2.0)
    assert len(found) == len(shown) == 8


def test_the_page_has_every_metal(script: ModuleType) -> None:
    for name, metal in script.METALS.items():
        row = cells(PAGE, name)
        assert row[1] == f"{metal.lattice}, {metal.a:.2f}"
        assert float(row[4]) == pytest.approx(metal.cut_off / 0.0299792458, abs=0.5)
        ratio = float(row[2].split()[0]) / float(row[4])
        assert float(row[6]) == pytest.approx(ratio, abs=0.011)
    assert script.HEAD in PAGE
