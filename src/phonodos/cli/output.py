"""What every subcommand prints: tables that fit 80 columns, failures with their cure, JSON."""

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phonodos.errors import PhonodosError

FINE, USAGE, SOME_FAILED, ALL_FAILED, INTERRUPTED = 0, 2, 3, 4, 130
NARROWEST = 80  # columns; what a pipe gets too


@dataclass(frozen=True)
class Column:
    """A right-aligned column of numbers: two header lines, the unit in the second."""

    title: str
    unit: str
    width: int


def width_of_terminal() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    return max(NARROWEST, shutil.get_terminal_size((NARROWEST, 24)).columns)


def format_table(
    names: tuple[str, str],
    columns: Sequence[Column],
    rows: Sequence[tuple[str, str, Sequence[str]]],
) -> str:
    """Lay out rows of two words and numbers; no line is wider than the terminal's columns.

    Words too long for their place stand on a line of their own above the numbers: nothing is cut
    off and no number moves out of its column.

    Parameters
    ----------
    names
        Headers of the two words, such as ``("input", "formula")``.
    columns
        The numbers' columns.
    rows
        Two words and one text a column.
    """
    numbers = sum(c.width + 1 for c in columns)
    space = width_of_terminal() - numbers - 1
    wanted = [max(len(names[k]), *(len(r[k]) for r in rows), 1) for k in (0, 1)]
    second = min(wanted[1], max(space // 2, space - wanted[0]))
    first = min(wanted[0], space - second)

    def line(a: str, b: str, cells: Sequence[str]) -> str:
        right = "".join(f" {cell:>{c.width}}" for cell, c in zip(cells, columns, strict=True))
        if len(a) > first or len(b) > second:
            return f"{a}  {b}".rstrip() + "\n" + " " * (first + 1 + second) + right
        return f"{a:<{first}} {b:<{second}}{right}".rstrip()

    header = [line(*names, [c.title for c in columns]), line("", "", [c.unit for c in columns])]
    rule = "-" * (first + 1 + second + numbers)
    return "\n".join([*header, rule, *(line(*row) for row in rows)])


def format_note(kind: str, name: str, text: str) -> str:
    """Return a remark on one input, wrapped and indented."""
    return textwrap.fill(
        f"{kind} {name}: {text}",
        width_of_terminal(),
        subsequent_indent="  ",
        break_on_hyphens=False,
    )


def written(files: Sequence[str], folder: str) -> str:
    """Return what was written and where; lines break between names, a path stays whole."""
    words = [*(f"{name}," for name in files[:-1]), *(files[-1:] or ["nothing"]), f"to {folder}"]
    whole = " ".join(word.replace(" ", "\0") for word in ["wrote", *words])
    text = textwrap.fill(
        whole,
        width_of_terminal(),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return text.replace("\0", " ")


def written_folders(results: Sequence[Mapping[str, Any]]) -> str:
    """Return what was written for several crystals; each has a folder of its own, one is named."""
    folders = sorted({str(result["folder"]) for result in results})
    others = "" if len(folders) == 1 else f"{len(folders)} folders, "
    more = "" if len(folders) == 1 else " ..."
    return written(results[0]["files"], f"{others}{folders[0]}{more}")


def legible(name: str) -> str:
    """Return the name of a file as a figure can show it: no broken bytes, no formulas."""
    return name.encode("utf-8", errors="replace").decode("utf-8").replace("$", r"\$")


def print_json(document: Mapping[str, Any]) -> None:
    """Print the one JSON document of a command on stdout."""
    print(json.dumps(document, indent=1, allow_nan=False))


def show_error(err: PhonodosError, label: str = "error") -> None:
    """Print summary, reason and fix of an error on stderr."""
    sys.stdout.flush()
    for head, text in ((f"{label}:", err.summary), ("  reason:", err.reason), ("  fix:", err.fix)):
        # Long lines are left to the terminal: paths stay whole, to be copied.
        print(f"{head:<10}{text}", file=sys.stderr)


def failure_record(source: str, err: PhonodosError) -> dict[str, str]:
    """Return a failed input for JSON."""
    return {"input": source, "summary": err.summary, "reason": err.reason, "fix": err.fix}


def exit_code(n_fine: int, n_failed: int) -> int:
    """Return 0 where nothing failed, 3 where some inputs did, 4 where all did."""
    if not n_failed:
        return FINE
    return SOME_FAILED if n_fine else ALL_FAILED
