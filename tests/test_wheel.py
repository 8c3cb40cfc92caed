"""The wheel a user installs: the weights are inside, and it predicts far from the repository."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        cwd=environment.get("PWD", ROOT),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (found,) = folder.glob("phonodos-*.whl")
    return found


def test_wheel_holds_what_the_source_holds(wheel: Path) -> None:
    """Code, weights, cards, figure style, tables: nothing a .gitignore drops, nothing besides."""
    source = ROOT / "src" / "phonodos"
    wanted = {
        "phonodos/" + path.relative_to(source).as_posix(): path.stat().st_size
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert any(name.endswith(".safetensors") for name in wanted)
    with zipfile.ZipFile(wheel) as archive:
        held = {i.filename: i.file_size for i in archive.infolist()}
    assert {k: v for k, v in held.items() if ".dist-info/" not in k} == wanted
    assert any(name.endswith("licenses/LICENSE") for name in held)
    tools = {path.name for path in (ROOT / "tools").glob("*.py")}
    assert "documents.py" in tools
    assert not any(name.startswith("tools/") for name in held)  # for this repository alone


def test_installed_wheel_predicts(wheel: Path, tmp_path: Path) -> None:
    """The first command of the README, where no repository and no network is."""
    site, desk = tmp_path / "site", tmp_path / "desk"
    desk.mkdir()
    run("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site, wheel)
    place = {"PYTHONPATH": str(site), "PWD": str(desk)}
    assert str(site) in run("-c", "import phonodos; print(phonodos.__file__)", **place)
    example = ROOT / "examples" / "SrTiO3.cif"
    printed = run("-m", "phonodos", "predict", example, **place)
    assert "J/(K mol)" in printed
    results = desk / "SrTiO3"
    assert {p.name for p in results.iterdir()} == {
        "total_dos.dat",
        "thermal_properties.yaml",
        "phonopy_params.yaml",
        "BORN",
        "pymatgen_phonon_dos.json",
        "dos.png",
        "dos.pdf",
    }
    assert (results / "dos.png").read_bytes().startswith(b"\x89PNG")
    densities = json.loads((results / "pymatgen_phonon_dos.json").read_text())["densities"]
    assert len(densities) > 500  # bins of 1 cm^-1 to the highest mode
