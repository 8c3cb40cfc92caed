"""The files of a prediction in one archive: those that the command writes, to the byte."""

import io
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from phonodos.cli.main import app
from phonodos.errors import ConfigError
from phonodos.prediction.files import FORMATS, Files, zipped
from phonodos.prediction.predictor import Predictor, load


@pytest.fixture(scope="module")
def quick() -> Predictor:
    """A network that predicts a spectrum only."""
    return load("chen2021")


def entries(content: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "formats"), [("NaCl", "phonopy,pymatgen"), ("MgO", ",".join(FORMATS))]
)
def test_the_archive_holds_what_the_command_writes(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, formats: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(examples / f"{name}.cif")
    words = ["predict", path, "--format", formats, "--members", "1", "--model", "lattice"]
    assert CliRunner().invoke(app, words).exit_code == 0
    order = Files(formats=tuple(formats.split(",")))
    predictor = load("lattice", members=1, project=order.projected)
    found = zipped(next(predictor.predict_many([path])), order)
    assert entries(found) == written(tmp_path / name)


def test_the_same_archive_again(quick: Predictor, examples: Path) -> None:
    prediction = next(quick.predict_many([examples / "NaCl.cif"]))
    assert zipped(prediction, Files(plot=False)) == zipped(prediction, Files(plot=False))


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/<b>x</b>", "..", "a\\b", "<script>", "\U00020000" * 300]
)
def test_names_never_touch_paths(examples: Path, name: str) -> None:
    predictor = load("lattice", members=1, project=True)
    prediction = next(predictor.predict_many([examples / "MgO.cif"]))
    found = replace(prediction, crystal=replace(prediction.crystal, name=name))
    order = Files(formats=("ncmat",), plot=False)
    (entry,) = entries(zipped(found, order))
    assert entry.endswith(".ncmat")
    assert not set(entry) & set('/\\<>:"|?*')
    assert not entry.startswith(".")
    assert len(entry.encode()) < 255


def test_what_a_network_has_not(quick: Predictor, examples: Path) -> None:
    prediction = next(quick.predict_many([examples / "NaCl.cif"]))
    with pytest.raises(ConfigError, match="--format euphonic"):
        zipped(prediction, Files(formats=("euphonic",)))


def test_a_page_is_made_of_a_report(quick: Predictor, examples: Path, tmp_path: Path) -> None:
    prediction = next(quick.predict_many([examples / "NaCl.cif"]))
    with pytest.raises(ConfigError, match="--format html is not known") as caught:
        prediction.save(tmp_path, formats=("html",))
    assert "phonodos.report" in caught.value.fix
