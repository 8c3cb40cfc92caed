"""Progress: a line now and then in a pipe, a bar on a terminal, nothing on standard output."""

import io
import sys

import pytest

from phonodos.cli.progress import shown_progress


def test_lines_in_a_pipe(capsys):
    with shown_progress("prepare", "records", every=100) as advance:
        for done in range(1, 251):
            advance(done, None)
    seen = capsys.readouterr()
    assert seen.err.splitlines() == ["prepare: 100 records", "prepare: 200 records"]
    assert seen.out == ""


def test_lines_with_a_known_end(capsys):
    with shown_progress("download", "MB", scale=1e6, every=10_000_000) as advance:
        for done in range(4_000_000, 24_000_001, 4_000_000):
            advance(done, 24_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "download: 12.0 of 24.0 MB",
        "download: 20.0 of 24.0 MB",
        "download: 24.0 of 24.0 MB",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("total", [None, 24_000_000])
def test_a_bar_on_a_terminal(total, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with shown_progress("download", "MB", scale=1e6) as advance:
        advance(12_000_000, total)
    shown = terminal.getvalue()
    assert "download" in shown
    assert ("12.0 MB" if total is None else "12.0 of 24.0 MB") in shown
    assert "\x1b[" in shown  # drawn over itself
    assert capsys.readouterr().out == ""
