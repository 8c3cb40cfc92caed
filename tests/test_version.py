"""One version: in the package, in pyproject.toml, and in every weight file that is written."""

import tomllib
from pathlib import Path

import phonodos
from phonodos.model.weights import versions
from phonodos.version import __version__


def test_there_is_one_version() -> None:
    project = Path(__file__).parent.parent / "pyproject.toml"
    assert tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"] == __version__
    assert phonodos.__version__ == __version__
    assert versions()["phonodos"] == __version__
