"""What is printed: tables, notes, errors, exit codes."""

import pytest

from phonodos.cli.output import (
    Column,
    exit_code,
    failure_record,
    format_note,
    format_table,
    print_json,
    show_error,
    width_of_terminal,
)
from phonodos.errors import DataError

COLUMNS = [Column("mean", "cm-1", 6), Column("C_V", "J/(K mol)", 9)]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_numbers_stand_under_their_units() -> None:
    rows = [("NaCl", "NaCl", ["128", "24.06"]), ("a", "SrTiO3", ["1330", "9.80"])]
    assert format_table(("input", "formula"), COLUMNS, rows).splitlines() == [
        "input formula   mean       C_V",
        "                cm-1 J/(K mol)",
        "------------------------------",
        "NaCl  NaCl       128     24.06",
        "a     SrTiO3    1330      9.80",
    ]


def test_long_names_are_not_cut() -> None:
    name = "x" * 90
    lines = format_table(("input", "formula"), COLUMNS, [(name, "Si", ["1", "2"])]).splitlines()
    assert lines[3].startswith(name)
    assert max(len(line) for line in [*lines[:3], lines[4]]) <= 80
    assert lines[4].split() == ["1", "2"]
    assert len(lines[4]) == len(lines[2])


@pytest.mark.parametrize(("columns", "width"), [("120", 120), ("40", 80)])
def test_width(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width_of_terminal() == width


def test_notes_are_wrapped() -> None:
    lines = format_note("warning", "UO2", "never seen in training: U; " * 6).splitlines()
    assert lines[0].startswith("warning UO2: never seen")
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])


def test_errors_say_what_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    error = DataError("no x", "x is gone", "make x")
    show_error(error, "failed")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "failed:   no x\n  reason: x is gone\n  fix:    make x\n"
    assert failure_record("x.cif", error) == {
        "input": "x.cif",
        "summary": "no x",
        "reason": "x is gone",
        "fix": "make x",
    }


def test_json_never_holds_what_json_has_not() -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_json({"x": float("nan")})


@pytest.mark.parametrize(("fine", "failed", "code"), [(3, 0, 0), (0, 0, 0), (2, 1, 3), (0, 1, 4)])
def test_exit_codes(fine: int, failed: int, code: int) -> None:
    assert exit_code(fine, failed) == code
