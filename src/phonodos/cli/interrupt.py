"""`interruptible`: let what ends a job (SIGTERM) or a terminal (SIGHUP) stop as Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = ("SIGTERM", "SIGHUP")


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `KeyboardInterrupt` in this block when the process is asked to end.

    A signal that is ignored (SIGHUP under nohup) stays ignored. The second one of a kind does
    nothing: what the first began (rows written, workers ended) is not cut short by it.
    """
    stopped: set[int] = set()

    def stop(number: int, frame: object) -> None:  # noqa: ARG001 - the shape of a handler
        if number not in stopped:
            stopped.add(number)
            raise KeyboardInterrupt

    before = {}
    try:
        for name in STOPS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
