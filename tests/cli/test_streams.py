"""Streams that are closed, full or left: the work is done, and what could not be shown is said."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from phonodos.cli import main as home
from phonodos.cli.streams import Closed, Stream, is_terminal, tell_lost

FULL = "standard output: No space left on device; what was to be shown there is lost"
CLOSED = "standard output: it is closed; what was to be shown there is lost"


def run(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which $P is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"P": f"{sys.executable} -m phonodos", "COLUMNS": "80"},
        timeout=300,
    )


@pytest.fixture(scope="module")
def salt(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    folder = tmp_path_factory.mktemp("salt")
    (folder / "NaCl.vasp").write_text((examples / "NaCl.vasp").read_text())
    return folder


THERMO = "$P thermo NaCl.vasp --model chen2021 --no-plot"


@pytest.mark.parametrize(
    ("line", "code", "stderr"),
    [
        (f"{THERMO} -o a >&-", 0, [CLOSED]),
        (f"{THERMO} -o a 2>&-", 0, []),
        (f"{THERMO} -o a >/dev/full", 3, [FULL]),
        (f"{THERMO} -o a 2>/dev/full", 0, []),
        (f"{THERMO} -o a gone.cif >&- 2>&-", 3, []),
        (f"{THERMO} -o a --json <&- >&-", 0, [CLOSED]),
        (f"{THERMO} -o a | true; exit ${{PIPESTATUS[0]}}", 0, []),
    ],
)
def test_the_work_is_done(line: str, code: int, stderr: list[str], salt: Path) -> None:
    done = run(f"rm -rf a; {line}", salt)
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines() == stderr
    table = (salt / "a" / "NaCl" / "thermal_properties.csv").read_text()
    assert table.startswith("# predicted by phonodos ")
    assert table.count("\n") == 24  # nothing that was to be shown went into it


@pytest.mark.parametrize(
    "command",
    ["cite", "predict --help", "predict", "models show no"],
)
@pytest.mark.parametrize("stream", [">&-", "2>&-", ">/dev/full", "2>/dev/full", "| true"])
def test_no_traceback(command: str, stream: str, tmp_path: Path) -> None:
    done = run(f"$P {command} {stream}; exit ${{PIPESTATUS[0]}}", tmp_path)
    wrong = command in ("predict", "models show no")
    assert done.returncode in ({2} if wrong else {0, 3} if stream == ">/dev/full" else {0})
    for word in ("Traceback", "Exception ignored", "fault of phonodos"):
        assert word not in done.stderr
    if not wrong and stream == ">/dev/full":
        assert done.stderr.splitlines() == [FULL]
        assert done.returncode == 3


class Broken(io.StringIO):
    """A stream that fails with a number of `errno`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


def test_failures_are_remembered_not_raised(capsys: pytest.CaptureFixture[str]) -> None:
    full, gone, sound = Broken(errno.ENOSPC), Broken(errno.EPIPE), io.StringIO()
    streams = [Stream(stream, "standard output") for stream in (full, gone, sound)]
    for stream in streams:
        for _ in range(2):
            assert stream.write("text") == 4
        stream.flush()
    assert [tell_lost(stream) for stream in streams] == [True, False, False]
    assert capsys.readouterr().err == FULL + "\n"
    assert sound.getvalue() == "texttext"


def test_no_streams_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under pythonw, where both are None."""
    for name in ("stdout", "stderr", "stdin"):
        monkeypatch.setattr(sys, name, None)
    monkeypatch.setattr(sys, "argv", ["phonodos", "cite"])
    with pytest.raises(SystemExit) as stop:
        home.main()
    assert stop.value.code == 0
    assert isinstance(sys.stdout, Closed)
    assert sys.stdout.missed
    with pytest.raises(TypeError, match="bytes"):
        sys.stdout.write(b"")  # type: ignore[arg-type]


def test_names_that_are_no_text(tmp_path: Path, examples: Path) -> None:
    """A file name in Latin-1 beside the locale's UTF-8, and a locale that knows only ASCII."""
    name = os.fsencode(tmp_path) + b"/Gr\xfcn.cif"
    Path(os.fsdecode(name)).write_text((examples / "Si.cif").read_text())
    (tmp_path / "c.txt").write_text("# THz\n0 0\n2 1\n4 2\n6 1\n8 0\n")
    ascii_only = "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0"
    for line, code in (
        (f"{ascii_only} $P predict *.cif Gr*n --no-plot", 3),
        ("$P compare *.cif c.txt", 0),
        ("cp c.txt $(echo -e 'c\\xfc.txt'); $P compare Gr*.cif c?*.txt", 0),
    ):
        done = run(f"{line} --model chen2021 -o out", tmp_path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr


def test_terminals() -> None:
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(None)
    assert not is_terminal(closed)
    assert not is_terminal(io.StringIO())
