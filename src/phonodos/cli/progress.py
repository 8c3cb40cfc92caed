"""How a long command shows how far it is: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from phonodos.cli.streams import is_terminal

FEW = 20  # items that are done before a bar is worth looking at
Item = TypeVar("Item")


class Progress:
    """What is called with how much is done; `shown_progress` makes it."""

    def __init__(
        self, label: str, unit: str, scale: float, every: int | None, seconds: float | None
    ) -> None:
        self.label, self.unit, self.scale = label, unit, scale
        self.every, self.seconds = every, seconds
        self.bar: Any = None  # of rich, on a terminal
        self.task: Any = None
        self._last, self._told = 0, time.monotonic()

    def __call__(self, done: int, total: int | None = None, state: str | None = None) -> None:
        """Show how much is done and how much there is; `state` in words replaces the numbers."""
        text = self._amount(done, total) if state is None else state
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=total, text=text)
        elif self._due(done, total):
            print(f"{self.label}: {text}", file=sys.stderr, flush=True)

    def line(self, text: str) -> None:
        """Print a line that stays: above the bar on a terminal, on standard output elsewhere."""
        if self.bar is not None:
            self.bar.console.print(text)
        else:
            print(text, flush=True)

    def _amount(self, done: int, total: int | None) -> str:
        digits = 0 if self.scale == 1.0 else 1
        known = "" if total is None else f" of {total / self.scale:.{digits}f}"
        return f"{done / self.scale:.{digits}f}{known} {self.unit}".rstrip()

    def _due(self, done: int, total: int | None) -> bool:
        if self.seconds is not None:
            now = time.monotonic()
            due = now - self._told >= self.seconds
            self._told = now if due else self._told
            return due
        if self.every is None:
            return False
        due = done // self.every != self._last // self.every or done == total
        self._last = done
        return due


@contextmanager
def shown_progress(
    label: str,
    unit: str = "",
    *,
    scale: float = 1.0,
    every: int | None = 1,
    seconds: float | None = None,
    bar: bool = True,
) -> Iterator[Progress]:
    """Yield a function to call with how much is done and how much there is; it writes to stderr.

    Parameters
    ----------
    label
        What is being done.
    unit
        What is counted.
    scale
        How many of what is counted make one of `unit`.
    every, seconds
        How much is done, or how long it takes, between two lines where there is no terminal; no
        lines where both are None.
    bar
        Whether a terminal gets a bar.
    """
    progress = Progress(label, unit, scale, every, seconds)
    if not bar or not is_terminal(sys.stderr):
        yield progress
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn(label),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[text]}"),
        rich.TimeElapsedColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        progress.bar, progress.task = shown, shown.add_task("", total=None, text="")
        yield progress


def tracked(items: Sequence[Item], label: str, unit: str) -> Iterator[Item]:
    """Yield the items, behind a bar if there are many and a terminal watches."""
    with shown_progress(label, unit, every=None, bar=len(items) >= FEW) as advance:
        for number, item in enumerate(items):
            advance(number, len(items))
            yield item
