"""Static energies against volume in: columns however they are apart, and lines that are none."""

from pathlib import Path

import pytest

from phonodos.errors import DataError
from phonodos.results.energy_volume import read_energy_volume


@pytest.mark.parametrize("apart", [" ", "\t", ", ", ";", "   "])
def test_columns(tmp_path: Path, apart: str) -> None:
    path = tmp_path / "e-v.dat"
    lines = ["# cell volume   energy of cell", f"140.03{apart}-42.1{apart}9", "", "144.3 -42.2 # x"]
    path.write_text("\n".join(lines))
    volumes, energies = read_energy_volume(path)
    assert volumes.tolist() == [140.03, 144.3]
    assert energies.tolist() == [-42.1, -42.2]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("140.0 -42.1\n141 x\n", "line 2: no volume and energy"),
        ("140.0\n", "line 1: no volume and energy"),
        ("# nothing\n", "no energies"),
        (None, "cannot be read"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str | None, what: str) -> None:
    path = tmp_path / "e-v.dat"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=what):
        read_energy_volume(path)
