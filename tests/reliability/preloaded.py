"""The real command in a process that begins with everything imported: many runs cost one import.

    python tests/reliability/preloaded.py < runs.json

runs commands one after the other and prints their exit codes. A command is a fork of a process that
has imported phonodos and torch, and computed nothing; so are the workers it spawns, which keep what
a spawned process keeps: the file descriptors it was given, and no handler of a signal.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import util
from pathlib import Path
from typing import Any

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
HIGHEST = 4096  # number of a file descriptor, at most


def load() -> None:
    """Import what the commands import, once."""
    import pyarrow.parquet
    import torch

    import phonodos.datasets.phonondb
    import phonodos.model.kinds
    import phonodos.prediction.predictor
    import phonodos.screening.screen

    torch.set_num_threads(1)
    assert phonodos
    assert pyarrow.parquet


class Command:
    """A running command, with what is used of `subprocess.Popen`."""

    def __init__(self, words: Sequence[str], stdout: Path, stderr: Path, **where: Any) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _run(lambda: _command(words, stdout, stderr, **where))

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, seconds: float = float("inf")) -> int:
        """Return the exit code; raises `subprocess.TimeoutExpired` after so many seconds."""
        end = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("phonodos", seconds)
            time.sleep(0.01)
        return code

    def kill(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)


def _run(function: Callable[[], None]) -> None:
    """Call a function in a process of its own, and end that as an interpreter does."""
    code = 1
    try:
        function()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as the interpreter would print it
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _command(
    words: Sequence[str], stdout: Path, stderr: Path, folder: Path | None = None, memory: int = 0
) -> None:
    from phonodos.cli.main import main

    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, flags, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.closerange(3, HIGHEST)
    if folder is not None:
        os.chdir(folder)
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    setattr(util, "spawnv_passfds", _spawned)  # noqa: B010  # of other types by its stub
    sys.argv = ["phonodos", *words]
    main()


_real: Callable[..., int] = util.spawnv_passfds


def _spawned(path: bytes, words: Sequence[Any], kept: Sequence[int]) -> int:
    """Start a process of multiprocessing as `spawn` does, but for the imports."""
    program = str(words[words.index("-c") + 1]) if "-c" in words else ""
    if "spawn_main" not in program:  # what watches over semaphores
        return _real(path, words, kept)
    pid = os.fork()
    if not pid:
        _run(lambda: _worker(program, {0, 1, 2, *kept}))
    return pid


def _worker(program: str, kept: set[int]) -> None:
    for number in range(HIGHEST):
        if number not in kept:
            with suppress(OSError):  # there is none
                os.close(number)
    for number in HANDLED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    sys.argv = ["-c", "--multiprocessing-fork"]
    exec(program)


def main() -> None:
    """Run the commands of standard input, and print their exit codes."""
    load()
    runs = json.load(sys.stdin)
    codes = []
    for run in runs:
        places = {key: Path(run[key]) for key in ("stdout", "stderr", "folder")}
        codes.append(Command(run["words"], memory=run["memory"], **places).wait(run["ends"]))
    print(json.dumps(codes))


if __name__ == "__main__":
    main()
