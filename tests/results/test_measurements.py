"""Two-column files: separators, headers, units, and everything that is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.physics.units import (
    KELVIN_PER_WAVENUMBER,
    MEV_PER_WAVENUMBER,
    THZ_PER_WAVENUMBER,
)
from phonodos.results.measurements import read_curve, read_measurement, read_widths

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


@pytest.mark.parametrize(
    "text",
    [
        "meV;counts;error\n0,0;0,1;0,05\n5,0;1,0;0,05\n10,0;0,4;0,05\n",
        "# meV\n0,0\t0,1\t0,05\n5,0 1,0 0,05\n10,0 0,4 0,05\n",
        "# DeltaE [meV]\n# X , Y , E\n1\n0,0.1,0.05\n5,1.0,0.05\n10,0.4,0.05\n",
        "# X , Y , E\n# meV\n1\n10.0 0.4 0.05\n5.0 1.0 0.05\n0.0 0.1 0.05\n",
    ],
)
def test_what_instruments_write(tmp_path: Path, text: str) -> None:
    """Decimal commas, Mantid's number of the spectrum, errors, an axis that falls."""
    found = read_measurement(write(tmp_path, text))
    np.testing.assert_allclose(found.curve.frequencies * MEV_PER_WAVENUMBER, [0, 5, 10])
    np.testing.assert_allclose(found.curve.values, [0.1, 1.0, 0.4])
    assert found.curve.errors is not None
    np.testing.assert_allclose(found.curve.errors, 0.05)
    assert found.unit == "meV"


def test_a_third_column_of_another_kind(tmp_path: Path) -> None:
    text = "frequency [meV],dos [states/meV],dos Mg [states/meV]\n0,1,-3\n1,2,1\n2,3,1\n"
    assert read_measurement(write(tmp_path, text)).curve.errors is None


def test_both_signs(tmp_path: Path) -> None:
    """Energy gain, made loss by detailed balance, is what was measured at loss."""
    w = np.arange(-20.0, 20.5, 0.5)
    kelvin = KELVIN_PER_WAVENUMBER / MEV_PER_WAVENUMBER
    s = np.exp(-((np.abs(w) - 10.0) ** 2)) * np.where(w < 0, np.exp(-np.abs(w) * kelvin / 300), 1.0)
    lines = "".join(f"{a:.3f} {b:.12g} {0.1 * b:.12g}\n" for a, b in zip(w, s, strict=True))
    path = write(tmp_path, "# meV\n" + lines)
    loss = read_measurement(path)
    gain = read_measurement(path, side="gain", temperature=300.0)
    assert loss.notes == ("40 points of the reference at energy gain are left out",)
    assert "detailed balance at 300 K" in gain.notes[-1]
    np.testing.assert_allclose(gain.curve.frequencies, loss.curve.frequencies)
    np.testing.assert_allclose(gain.curve.values, loss.curve.values, rtol=1e-9)
    assert gain.curve.errors is not None
    np.testing.assert_allclose(gain.curve.errors, loss.curve.errors, rtol=1e-9)
    for side, kelvins in (("gain", None), ("gain", 0.0), ("up", 300.0)):
        with pytest.raises(ConfigError, match="--side"):
            read_measurement(path, side=side, temperature=kelvins)


def test_widths(tmp_path: Path) -> None:
    path = write(tmp_path, "0 1\n50 2\n100 4\n")
    found = read_widths(path, "meV")
    at = np.array([-75.0, 25.0, 75.0, 500.0]) / MEV_PER_WAVENUMBER
    np.testing.assert_allclose(found.widths(at) * MEV_PER_WAVENUMBER, [3.0, 1.5, 3.0, 4.0])
    named = read_widths(write(tmp_path, "# THz\n0 1\n50 2\n"), "meV")
    assert named.widths(np.zeros(1))[0] == pytest.approx(1.0 / THZ_PER_WAVENUMBER)
    for text, message in (
        ("0 1\n", "two rows"),
        ("0 1\n2 -1\n", "must rise"),
        ("a b\nc d\n", "no two"),
    ):
        with pytest.raises(PhonodosError, match=r"table of widths|no two") as caught:
            read_widths(write(tmp_path, text), "meV")
        assert message in str(caught.value)


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
        ("-1 1\n0 2\n1 3\n", "meV", DataError, "2 points at energy loss"),
        ("0,5,1,5\n1,5,2,5\n", "meV", DataError, "commas could be decimal points"),
        ("0.5;0,1\n1.5;0,2\n", "meV", DataError, "commas could be decimal points"),
        ("1\n0 1\n1 2\n2 3\n2\n0 1\n1 1\n", "meV", DataError, "a second spectrum"),
        ("0 1 1\n1 2 -1\n2 3 1\n", "meV", DataError, "no standard deviations"),
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


def test_an_empty_file_is_told_before_its_unit(tmp_path: Path) -> None:
    for text in ("", "# only words\n"):
        (tmp_path / "empty.txt").write_text(text)
        with pytest.raises(DataError, match="holds no numbers"):
            read_measurement(tmp_path / "empty.txt")
