"""How a long command shows how far it is: a bar on a terminal, now and then a line elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from phonodos.cli.streams import is_terminal

Advance = Callable[[int, int | None], None]  # done, in all if known


@contextmanager
def shown_progress(
    label: str, unit: str, *, scale: float = 1.0, every: int = 1
) -> Iterator[Advance]:
    """Yield a function to call with how much is done and how much there is; it writes to stderr.

    Parameters
    ----------
    label
        What is being done.
    unit
        What is counted.
    scale
        How many of what is counted make one of `unit`.
    every
        How much lies between two lines where there is no terminal.
    """

    def amount(done: int, total: int | None) -> str:
        digits = 0 if scale == 1.0 else 1
        known = "" if total is None else f" of {total / scale:.{digits}f}"
        return f"{done / scale:.{digits}f}{known} {unit}"

    if not is_terminal(sys.stderr):
        last = 0

        def tell(done: int, total: int | None) -> None:
            nonlocal last
            if done // every != last // every or done == total:
                print(f"{label}: {amount(done, total)}", file=sys.stderr, flush=True)
            last = done

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(label),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, amount="")
        yield lambda done, total: bar.update(
            task, completed=done, total=total, amount=amount(done, total)
        )
