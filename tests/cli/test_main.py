"""The command itself: help that loads nothing, wrong usage, faults, interruptions."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from safetensors.numpy import save_file
from typer.testing import Result

import phonodos as package
from phonodos.cli import cite
from phonodos.cli.main import app
from phonodos.model.weights import FORMAT_VERSION, HEADER_KEY, weights_folder

Phonodos = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = (
    "torch",
    "e3nn",
    "matplotlib",
    "pymatgen",
    "phonopy",
    "ase",
    "pyarrow",
    "scipy",
)
HELP = """
import sys
from phonodos.cli.main import app
try:
    app({words!r})
except SystemExit as stop:
    print("code", stop.code)
print("loaded", *sorted(set(sys.modules) & set({heavy!r})))
"""
COMMANDS = (
    [], ["predict"], ["thermo"], ["train"], ["evaluate"], ["models"], ["models", "list"],
    ["models", "show"], ["data"], ["data", "fetch"], ["data", "prepare"], ["cite"],
)  # fmt: skip


def test_help_loads_nothing_heavy() -> None:
    """`phonodos --help` in the time of Python itself, for every command."""
    for words in COMMANDS:
        program = HELP.format(words=[*words, "--help"], heavy=HEAVY)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        *text, code, loaded = done.stdout.splitlines()
        assert code == "code 0", words
        assert loaded == "loaded", words
        assert "Usage: " in "".join(text)


def test_version(phonodos: Phonodos) -> None:
    assert phonodos("--version").stdout == f"phonodos {package.__version__}\n"


def test_another_process_does_the_same(shell: Shell, examples: Path, tmp_path: Path) -> None:
    """The real command: standard input, JSON, and a good file beside a missing one."""
    poscar = (examples / "NaCl.vasp").read_text()
    done = shell("predict", "-", "gone.cif", "--json", "--no-plot", input=poscar)
    assert done.returncode == 3
    answer = json.loads(done.stdout)
    assert [r["formula"] for r in answer["results"]] == ["NaCl"]
    assert [f["reason"] for f in answer["failures"]] == ["No such file or directory"]
    assert done.stderr.splitlines()[0] == "failed:   gone.cif: cannot be read"
    assert (tmp_path / "stdin" / "total_dos.dat").is_file()


# what is wrong: (words of the command line after an example, words of the error)
USAGE: dict[str, tuple[list[str], str]] = {
    "unit": (["--units", "GHz"], "unknown frequency unit 'GHz'"),
    "format": (["--format", "phonopi"], "did you mean phonopy?"),
    "projection": (["--project", "atom"], "--project atom is not known"),
    "projection of a total": (["--project", "site"], "chen2021 has no projected density"),
    "model": (["--model", "chen2012"], "no weights named 'chen2012'"),
    "missing weights": (["--model", "my.safetensors"], "no weight file my.safetensors"),
    "truncated weights": (["--model", "cut.safetensors"], "not a readable weight file"),
    "newer weights": (["--model", "newer.safetensors"], f"newer format ({FORMAT_VERSION + 1})"),
    "option": (["--colour"], "No such option"),
}


@pytest.mark.parametrize("what", USAGE)
def test_wrong_usage(phonodos: Phonodos, examples: Path, tmp_path: Path, what: str) -> None:
    whole = (weights_folder() / "chen2021.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-1000])
    header = json.dumps({"format_version": FORMAT_VERSION + 1})
    save_file({"a": np.zeros(1)}, tmp_path / "newer.safetensors", metadata={HEADER_KEY: header})
    words, message = USAGE[what]
    done = phonodos("predict", examples / "Si.cif", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "Si").exists()
    if what != "option":
        as_json = json.loads(phonodos("predict", examples / "Si.cif", *words, "--json").stdout)
        assert set(as_json["error"]) == {"summary", "reason", "fix"}


ALLOY = ["alloy", "Mg3Sb2.cif", "Mg3Bi2.cif", "--x", "0.5"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*ALLOY, "--temperature", "nan"], "no temperatures from nan"),
        ([*ALLOY, "--temperature", "1e400"], "no temperatures from inf"),
        ([*ALLOY[:3], "--x", "1e308"], "lies outside [0, 1]"),
        (["thermo", "NaCl.cif", "--tmax", "1e9", "--tstep", "1e-9"], "no temperatures"),
        (["thermo", "NaCl.cif", "--tmax", "1e308", "--tstep", "1e305"], "no temperatures"),
        (["thermo", "NaCl.cif", "--tmin", "nan"], "no temperatures"),
        (["thermo", "NaCl.cif", "--tstep", "1e-320"], "no temperatures"),
        (["thermo", "NaCl.cif", "--model", "chen2021", "--members", "-1"], "has no -1 members"),
        (["thermo", "NaCl.cif", "--model", "chen2021", "--members", "9" * 30], "members"),
        (["strain", "NaCl.cif", "-e", "-2,2"], "a strain of -2"),
        (["strain", "NaCl.cif", "-e", "0,1e-300"], "one strain gives no slope"),
        (["strain", "NaCl.cif", "-e", "nan,0"], "no range of numbers"),
        (["compare", "NaCl.cif", "c.txt", "--resolution", "99999999999%"], "too wide"),
        (["compare", "NaCl.cif", "c.txt", "--resolution", "9" * 400], "too wide"),
        (["figures", "screening", "x.parquet", "--temperature", "nan"], "temperature of nan K"),
    ],
)
def test_numbers_out_of_sense(
    phonodos: Phonodos, examples: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "c.txt").write_text("# THz\n0 0\n2 1\n4 0\n")
    done = phonodos(*(examples / w if w.endswith(".cif") else w for w in words))
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert "fault of phonodos" not in done.stderr


@pytest.mark.parametrize("seconds", ["inf", "1e400", "nan", "0", "-5", "-inf"])
@pytest.mark.parametrize(
    "words",
    ["predict NaCl.cif", "screen NaCl.cif", "data prepare dfpt2018 .", "data prepare phonondb ."],
)
def test_limits_of_time_that_are_none(
    phonodos: Phonodos, examples: Path, tmp_path: Path, words: str, seconds: str
) -> None:
    output = tmp_path / "out.parquet"
    named = [examples / w if w.endswith(".cif") else w for w in words.split()]
    done = phonodos(*named, "-o", output, f"--timeout={seconds}")
    assert done.exit_code == 2, done.output
    assert [line[:10].strip() for line in done.stderr.splitlines()] == ["error:", "reason:", "fix:"]
    assert f"a time limit of {float(seconds):g} s makes no sense" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "inf"])
@pytest.mark.parametrize("words", ["predict x", "screen x -o t", "data prepare phonondb x -o t"])
def test_sizes_that_are_none(phonodos: Phonodos, words: str, size: str) -> None:
    done = phonodos(*words.split(), f"--max-size={size}")
    assert done.exit_code == 2
    assert "--max-size" in done.stderr


@pytest.mark.parametrize("command", ["predict", "screen", "prepare"])
def test_a_file_may_be_as_large_as_one_allows(
    phonodos: Phonodos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("PHONODOS_MAX_SIZE", "8")  # is put back afterwards
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / ("phonopy_params.yaml" if command == "prepare" else "x.vasp")
    path.write_bytes(b"#" + b" " * (3 << 19) + b"\n")
    words = {
        "predict": ["predict", path],
        "screen": ["screen", path, "-o", tmp_path / "t", "--engine", "serial"],
        "prepare": ["data", "prepare", "phonondb", path.parent, "-o", tmp_path / "t"],
    }[command]
    small, large = (phonodos(*words, "--max-size", size) for size in (1, 2))
    assert "more than 1 MiB" in small.stderr, small.output
    assert "--max-size" in small.stderr
    assert "MiB" not in large.stderr
    assert {small.exit_code, large.exit_code} == {4}


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError("Unable to allocate 12 TiB"), 4, "it needs more memory than there is"),
        (np._core._exceptions._ArrayMemoryError((9, 9), np.dtype(float)), 4, "more memory than"),
        (RecursionError("maximum depth"), 4, "it is nested too deeply"),
        (PermissionError(13, "Permission denied", "x.csv"), 4, "x.csv: the system refuses"),
        (ValueError("v"), 1, "this is a fault of phonodos"),
    ],
)
def test_what_nothing_named(
    phonodos: Phonodos, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(cite, "print_json", fail)
    done = phonodos("cite", "--json")
    assert done.exit_code == code
    assert words in done.stderr
    assert ("fault of phonodos" in done.stderr) == (code == 1)
    assert [line[:10].strip() for line in done.stderr.splitlines()] == ["error:", "reason:", "fix:"]
    assert phonodos("cite", "--json", "--debug").exception is error


@pytest.mark.parametrize(
    "words", [["predict"], ["predicts", "x.cif"], ["thermo", "--members", "two"]]
)
def test_usage_that_typer_explains(phonodos: Phonodos, words: list[str]) -> None:
    done = phonodos(*words)
    assert done.exit_code == 2
    assert "Usage: phonodos" in done.stderr


def test_no_words_show_the_help(phonodos: Phonodos) -> None:
    assert "predict" in phonodos().output


def test_a_fault_of_ours_is_called_so(phonodos: Phonodos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cite, "bibtex")
    done = phonodos("cite")
    assert done.exit_code == 1
    assert "NameError" in done.stderr
    assert "this is a fault of phonodos" in done.stderr
    assert "Traceback" not in done.stderr
    assert isinstance(phonodos("cite", "--debug").exception, NameError)
    monkeypatch.setenv("PHONODOS_DEBUG", "1")
    assert isinstance(phonodos("cite").exception, NameError)


def test_interruption(phonodos: Phonodos, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cite, "print_json", interrupted)
    done = phonodos("cite", "--json")
    assert done.exit_code == 130
    assert done.output == ""


def test_a_reader_that_leaves_gets_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -m phonodos cite | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() in ("0", "130")


def test_a_file_called_like_an_option(phonodos: Phonodos, tmp_path: Path, examples: Path) -> None:
    (tmp_path / "--debug").write_text((examples / "Si.cif").read_text())
    done = phonodos("predict", "--no-plot", "--", "--debug")
    assert done.exit_code == 0
    assert "Si" in done.stdout


def test_one_thread_unless_somebody_chose(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom phonodos.cli.main import THREADS, main\n"
        "sys.argv[1:] = ['--version']\n"
        "try:\n    main()\nfinally:\n    print(*(os.environ[name] for name in THREADS))"
    )
    bare = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    for chosen, wanted in (({}, "1 1 1"), ({"OMP_NUM_THREADS": "3"}, "3 1 1")):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            cwd=tmp_path, env=bare | chosen,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == wanted


def commands(command: Any, path: str = "phonodos") -> Iterator[tuple[str, Any]]:
    """Yield every command with its path, groups first."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{path} {name}")


def test_no_unit_is_taken_for_markup() -> None:
    """Rich reads `[amu]` as the name of a style and shows nothing; `\\[amu]` is shown."""
    found = [
        f"{path} {param.name}: {text}"
        for path, command in commands(typer.main.get_command(app))
        for param in [command, *command.params]
        if (text := getattr(param, "help", None) or "") and re.search(r"(?<!\\)\[[a-z#/@]", text)
    ]
    assert not found
