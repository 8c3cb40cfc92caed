"""Trials in children with limits of time and memory: what never ends or explodes is found."""

import json
import os
import resource
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CPU_SECONDS = 5.0  # of a trial, user and system
WALL_SECONDS = 120.0  # of a trial that sleeps, or on a machine that is busy
GIGABYTE = 2**30  # [bytes] a trial may take
BATCH = 200  # trials of a child

Trial = Callable[[int], dict[str, Any]]


@dataclass
class _Child:
    """A process that works through the numbers of trials and reports each by a pipe."""

    pid: int
    pipe: int
    numbers: deque[int]  # that have not been reported
    text: bytes = b""
    since: float = field(default_factory=time.monotonic)


def run(trial: Trial, numbers: Iterable[int], workers: int) -> Iterable[dict[str, Any]]:
    """Yield the report of every trial, in the order in which they end.

    A report is what `trial` returned, with its ``number``, ``seconds`` of processor time and
    ``megabytes``, and a list ``wrong``, to which is added what broke a limit or ended the child.
    """
    waiting = deque(numbers)
    children: dict[int, _Child] = {}
    with selectors.DefaultSelector() as selector:
        while waiting or children:
            while waiting and len(children) < workers:
                batch = deque(waiting.popleft() for _ in range(min(BATCH, len(waiting))))
                child = _start(trial, batch)
                children[child.pipe] = child
                selector.register(child.pipe, selectors.EVENT_READ)
            for key, _ in selector.select(1.0):
                child = children[key.fd]
                data = os.read(child.pipe, 65536)
                yield from _reports(child, data)
                if not data:
                    selector.unregister(child.pipe)
                    yield from _ended(children.pop(child.pipe), waiting)
            for child in children.values():
                if time.monotonic() - child.since > WALL_SECONDS:
                    os.kill(child.pid, signal.SIGKILL)


def _start(trial: Trial, numbers: deque[int]) -> _Child:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return _Child(pid, reading, numbers)
    try:
        os.close(reading)
        _work(trial, list(numbers), writing)
    finally:
        os._exit(0)


def _work(trial: Trial, numbers: list[int], pipe: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + GIGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, in whatever code it is
    before = _peak()
    for number in numbers:
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        start = time.process_time()
        report = trial(number)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        taken = _peak() - before
        report |= {"number": number, "seconds": time.process_time() - start}
        report["megabytes"] = taken / 1e6
        if taken > GIGABYTE:
            report.setdefault("wrong", []).append("more than 1 GB")
        os.write(pipe, json.dumps(report).encode() + b"\n")
        if taken > GIGABYTE:
            return  # the next trial begins with a small process again


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _reports(child: _Child, data: bytes) -> Iterable[dict[str, Any]]:
    *lines, child.text = (child.text + data).split(b"\n")
    for line in lines:
        child.numbers.popleft()
        child.since = time.monotonic()
        yield json.loads(line)


def _ended(child: _Child, waiting: deque[int]) -> Iterable[dict[str, Any]]:
    """Say what ended a child before its time, and have the rest of its trials done by another."""
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if child.numbers and code != 0:
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        said = {"SIGPROF": f"more than {CPU_SECONDS:g} s", "SIGKILL": "stuck"}
        wrong = said.get(name, f"the process ended by {name}")
        yield {"number": child.numbers.popleft(), "wrong": [wrong], "seconds": CPU_SECONDS}
    waiting.extendleft(reversed(child.numbers))
