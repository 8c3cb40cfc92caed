"""Two-column files: separators, headers, units, and everything that is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.physics.units import MEV_PER_WAVENUMBER, THZ_PER_WAVENUMBER
from phonodos.results.measurements import read_curve

ROWS = [(0.0, 0.1), (5.0, 1.0), (10.0, 0.4)]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "reference.dat"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [" ", "\t", ", ", ";"])
@pytest.mark.parametrize(
    ("head", "unit", "factor"),
    [
        ("# from somewhere, [meV]\n", "meV", MEV_PER_WAVENUMBER),
        ("frequency (THz),intensity\n", "THz", THZ_PER_WAVENUMBER),
        ("frequency_cm-1,dos\n", "cm-1", 1.0),
        ("# Source\n\nfrequency (cm^-1);counts\n", "cm-1", 1.0),
    ],
)
def test_what_is_read(tmp_path: Path, head: str, unit: str, factor: float, separator: str) -> None:
    body = "".join(f"{w}{separator}{g}{separator}0.05\n" for w, g in ROWS)
    curve, found = read_curve(write(tmp_path, head + body))
    assert found == unit
    np.testing.assert_allclose(curve.frequencies * factor, [0, 5, 10])
    np.testing.assert_allclose(curve.values, [0.1, 1.0, 0.4])


def test_the_unit_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "0 1\n1 2\n2 3\n")
    curve, _ = read_curve(path, "THz")
    assert curve.frequencies[1] == pytest.approx(33.35641)
    assert read_curve(path, "cm-1")[0].frequencies[1] == 1.0


@pytest.mark.parametrize(
    ("text", "unit", "kind", "message"),
    [
        ("0 1\n1 2\n2 3\n", None, ConfigError, "unit of the frequency axis is not known"),
        ("0 1\n1 2\n2 3\n", "eV", ConfigError, "unknown frequency unit 'eV'"),
        ("# meV\n0 1\n1 2\n2 3\n", "THz", ConfigError, "its header says meV"),
        ("# meV or THz\n0 1\n1 2\n2 3\n", None, ConfigError, "not known"),
        ("0 1\n1 two\n2 3\n", "meV", DataError, "line 2: no two numbers"),
        ("0 1\n1\n2 3\n", "meV", DataError, "line 2: no two numbers"),
        ("Abstract\nWe measured\n", "meV", DataError, "line 2: no two numbers"),
        ("# meV\n", "meV", DataError, "holds no numbers"),
        ("", "meV", DataError, "holds no numbers"),
        ("0 1\n2 2\n1 3\n", "meV", DataError, "does not rise"),
        ("-1 1\n0 2\n1 3\n", "meV", DataError, "is negative"),
        ("0 1\n1 nan\n2 3\n", "meV", DataError, "no finite numbers"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, text: str, unit: str | None, kind: type[PhonodosError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        read_curve(write(tmp_path, text), unit)
    assert caught.value.fix
    if kind is DataError:
        assert "reference.dat" in caught.value.summary


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_curve(tmp_path / "gone.dat")
    path = tmp_path / "picture.dat"
    path.write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        read_curve(path, "meV")


def test_the_calculated_alloy(shared: Path) -> None:
    curve, unit = read_curve(shared / "paper" / "alloy_mg3sb0.5bi1.5.csv")
    assert unit == "cm-1"
    assert len(curve.frequencies) == 51
    assert curve.values.max() == 1.0
