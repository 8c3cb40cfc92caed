"""Progress: a line now and then in a pipe, a bar on a terminal, nothing on standard output."""

import io
import sys

import pytest

from phonodos.cli.progress import FEW, shown_progress, tracked


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


def test_lines_by_the_clock(capsys):
    with shown_progress("screen", seconds=0.0) as advance:
        advance(1, 3, "1 of 3 crystals, 1 failed")
    with shown_progress("screen", seconds=1e6) as advance:
        advance(3, 3, "3 of 3 crystals")
    assert capsys.readouterr().err == "screen: 1 of 3 crystals, 1 failed\n"


def test_no_lines_but_those_that_stay(capsys):
    with shown_progress("train", every=None) as advance:
        advance(1, 2, "epoch 1")
        advance.line("epoch 1/2")
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("epoch 1/2\n", "")


def test_lines_stand_above_a_bar(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with shown_progress("train", every=None) as advance:
        advance(1, 2, "epoch 1")
        advance.line("valid: mse 0.1")
    assert "valid: mse" in terminal.getvalue()
    assert "epoch 1" in terminal.getvalue()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("n", "bar"), [(FEW - 1, False), (FEW, True)])
def test_a_bar_for_many_items(n, bar, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert list(tracked(range(n), "predicting", "structures")) == list(range(n))
    assert ("predicting" in terminal.getvalue()) == bar


def test_few_and_many_items_in_a_pipe_are_silent(capsys):
    assert len(list(tracked(range(FEW), "predicting", "structures"))) == FEW
    assert capsys.readouterr().err == ""
