"""The notebooks: nothing computed is kept in them, and their code runs from end to end."""

import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import PhonodosWarning

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.M | re.S)


def test_there_are_notebooks() -> None:
    names = {page.stem for page in NOTEBOOKS}
    assert names >= {"predict", "alloy", "screening", "neutron", "own_data"}


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_the_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the site runs it, cell by cell; what a cell shows is not looked at, figures are drawn."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    cells = CELL.findall(text)
    assert len(cells) == text.count("{code-cell}") >= 4
    if "import duckdb" in text:
        pytest.importorskip("duckdb")
        pytest.importorskip("pandas")
    names: dict[str, Any] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhonodosWarning)
        for cell in cells:
            exec(compile(cell, f"{page.name}: {cell.splitlines()[0]}", "exec"), names)
    for number in pyplot.get_fignums():
        pyplot.figure(number).canvas.draw()
    pyplot.close("all")


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_nothing_that_was_computed_is_kept(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith("---\nfile_format: mystnb\n")
    assert not re.search(r"```\{?output|data:image|!\[", text)
