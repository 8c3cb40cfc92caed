"""The experiments: structures of the right symmetry and bond lengths, a script that runs."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from phonodos.model.graph import find_neighbours
from phonodos.physics.primitive import primitive_cell, space_group
from phonodos.structures.reading import read_crystal

EXAMPLES = Path(__file__).parents[2] / "examples"
KNOWN = {  # number of the space group, atoms of the primitive cell, a bond and its length [A]
    "UO2": (225, 3, "OU", 2.37),
    "SrTiO3": (140, 10, "OTi", 1.95),
    "SrTiO3_cubic": (221, 5, "OTi", 1.95),
    "ZrSiO4": (141, 12, "OSi", 1.62),
    "Nd2CuO4": (139, 7, "CuO", 1.97),
    "Bi2Te3": (166, 5, "BiTe", 3.07),
    "Sb2Te3": (166, 5, "SbTe", 2.98),
    "Bi2Se3": (166, 5, "BiSe", 2.85),
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("experiments", EXAMPLES / "experiments.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_structure_is_known(script: ModuleType) -> None:
    assert {path.stem for path in (EXAMPLES / "experiments").iterdir()} == set(KNOWN)
    assert set(script.MATERIALS) == set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_structures(name: str) -> None:
    path = EXAMPLES / "experiments" / f"{name}.cif"
    crystal = read_crystal(path)
    group, n_atoms, bond, length = KNOWN[name]
    found = space_group(crystal)
    assert found is not None
    assert found[0] == group
    assert primitive_cell(crystal).crystal.n_atoms == n_atoms
    i, j, _, vectors = find_neighbours(crystal, 3.3)
    lengths = np.linalg.norm(vectors, axis=1)
    pairs = [
        "".join(sorted((crystal.symbols[a], crystal.symbols[b]))) for a, b in zip(i, j, strict=True)
    ]
    shortest = min(d for d, pair in zip(lengths, pairs, strict=True) if pair == bond)
    assert shortest == pytest.approx(length, abs=0.01)
    assert lengths.min() > 1.6
    assert any(words in path.read_text() for words in ("(19", "textbook"))  # where it is from


def test_the_script(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.main(["--model", "chen2021", "-o", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(KNOWN)
    assert lines[2].startswith("| UO2 | chen2021 |")
    assert "U never seen" in lines[2]
    assert "Nd never seen" in next(line for line in lines if "Nd2CuO4" in line)
    assert (tmp_path / "experiments.md").read_text().splitlines() == lines
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"experiments.{suffix}").stat().st_size > 10_000
