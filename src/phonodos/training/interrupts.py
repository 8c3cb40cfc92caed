"""Ctrl-C and SIGTERM: noted while a run is in a step, obeyed between two steps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def collected() -> Iterator[list[int]]:
    """Collect the signals Ctrl-C and SIGTERM send instead of dying in the middle of a step."""
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        caught.append(number)

    kinds = (signal.SIGINT, signal.SIGTERM)
    try:
        before = {kind: signal.signal(kind, note) for kind in kinds}
    except ValueError:  # not in the main thread: no signals to catch
        yield caught
        return
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
