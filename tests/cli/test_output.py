"""What is printed and written: tables, notes, errors, exit codes, files that cannot be written."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from matplotlib.figure import Figure
from typer.testing import Result

from phonodos import __version__
from phonodos.cli.output import (
    Column,
    exit_code,
    failure_record,
    format_note,
    format_table,
    legible,
    print_json,
    show_error,
    width_of_terminal,
    written,
    written_folders,
)
from phonodos.errors import DataError
from phonodos.figures import spectra

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


def test_names_in_figures() -> None:
    assert legible("a$b^\udcfc") == r"a\$b^?"


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


COMMANDS = {
    "predict": ("predict", "NaCl.cif", "--format", "pymatgen,csv,json", "-o", "out"),
    "phonopy": ("predict", "NaCl.cif", "--format", "phonopy", "--project", "element", "--no-plot",
                "--model", "small", "-o", "out"),
    "thermo": ("thermo", "NaCl.cif", "-o", "out"),
    "bands": ("bands", "NaCl.cif", "--model", "small", "-o", "out"),
    "strain": ("strain", "NaCl.cif", "-e", "-0.01,0.01", "-o", "out"),
    "alloy": ("alloy", "Mg3Sb2.cif", "Mg3Bi2.cif", "--x", "0.5", "-o", "out"),
    "compare": ("compare", "NaCl.cif", "curve.txt", "-o", "out"),
    "figures": ("figures", "screening", "TABLE", "--reference", "DATA", "-o", "out"),
    "evaluate": ("evaluate", "chen2021", "--data", "DATA", "--split", "SPLIT", "-o", "out",
                 "--figures", "out"),
    "split": ("data", "split", "DATA", "-o", "out/split.json", "--valid", "0.3", "--test", "0.3"),
    "data card": ("data", "card", "DATA", "-o", "out/card.md"),
    "model card": ("models", "card", "chen2021", "-o", "out/card.md"),
}  # fmt: skip
Run = Callable[[str], Result]


@pytest.fixture
def command(
    phonodos: Callable[..., Result],
    examples: Path,
    workshop: Path,
    table: Path,
    lattice_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Function (name) that runs a command of `COMMANDS`; figures are drawn, but not rendered."""

    def savefig(_: Figure, file: BinaryIO, **__: Any) -> None:
        file.write(b"a figure")

    monkeypatch.setattr(Figure, "savefig", savefig)
    (tmp_path / "curve.txt").write_text("# THz\n0 0\n2 1\n4 2\n6 1\n8 0\n")
    (tmp_path / "out").mkdir()
    words = {
        "TABLE": table, "DATA": workshop / "data.parquet", "SPLIT": workshop / "split.json",
        "small": lattice_weights,
    }  # fmt: skip
    for path in examples.glob("*.cif"):
        words[path.name] = path
    return lambda name: phonodos(*(words.get(word, word) for word in COMMANDS[name]))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_named(done: Result, name: str) -> None:
    """The file that could not be written, why, what to do; nothing of a fault of ours."""
    assert done.exit_code == 4, done.output
    words = [line[:10].strip() for line in done.stderr.splitlines()]
    assert words in (["failed:", "reason:", "fix:"], ["error:", "reason:", "fix:"])
    assert name in done.stderr.splitlines()[0]
    assert "fault of phonodos" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_in_the_way_of_each_file(name: str, command: Run, tmp_path: Path) -> None:
    done = command(name)
    assert done.exit_code == 0, done.output
    written = contents(tmp_path / "out")
    assert written
    # All figures of a command take the same way: one of each kind will do.
    figures = sorted(path.name for path in written if path.suffix in (".png", ".pdf"))
    for path in written:
        if path.name in figures[2:]:
            continue
        path.unlink()
        path.mkdir()
        assert_named(command(name), path.name)
        path.rmdir()
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(
    name: str, command: Run, tmp_path: Path, full_disk: Callable[..., AbstractContextManager[None]]
) -> None:
    assert command(name).exit_code == 0  # what libraries keep of a first run is kept now
    before = contents(tmp_path / "out")
    with full_disk():
        done = command(name)
    assert_named(done, str(Path("out")))
    assert "File too large" in done.stderr
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"split", "data card", "model card"}))
def test_every_file_says_where_it_is_from(
    name: str, command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = []
    drawn = spectra.save_figure

    def save(figure: Figure, path: Path, note: str = "") -> None:
        notes.append(note)
        drawn(figure, path, note)

    monkeypatch.setattr(spectra, "save_figure", save)
    assert command(name).exit_code == 0
    origin = f"phonodos {__version__} with the weights "
    for path, content in contents(tmp_path / "out").items():
        if path.suffix == ".json":
            found = json.loads(content)["provenance"]
            assert found["predicted"]
            assert found["version"] == __version__
            assert found["weights"]
            assert set(found) >= {"weights_sha256", "warnings"}
        elif path.suffix not in (".png", ".pdf"):
            assert origin in content.decode().splitlines()[0], path
    assert all(origin in note for note in notes)
    if name not in ("thermo", "figures"):
        with_hash = (tmp_path / "out").rglob("*.csv")
        assert all("(SHA-256 " in path.read_text() for path in with_hash)


def test_what_was_written_keeps_to_the_width_and_paths_stay_whole() -> None:
    assert written(["dos.csv", "dos.png"], "NaCl") == "wrote dos.csv, dos.png to NaCl"
    assert written([], "NaCl") == "wrote nothing to NaCl"
    names = [f"displacements_{kelvin}K.cif" for kelvin in (0, 100, 200, 300)]
    lines = written(names, "a folder-of mine").splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80
    assert lines[1] == "  displacements_300K.cif to a folder-of mine"
    deep = "/".join(["deep-down here"] * 9)
    assert written(["dos.csv"], deep).splitlines() == ["wrote dos.csv", f"  to {deep}"]


def test_the_folders_of_several_crystals() -> None:
    results = [{"files": ["dos.csv"], "folder": name} for name in ("b", "a")]
    assert written_folders(results[:1]) == "wrote dos.csv to b"
    assert written_folders(results) == "wrote dos.csv to 2 folders, a ..."
