"""`Outcome`: what became of the inputs of a command, one broken input never stopping the others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer

from phonodos.cli.inputs import Entry
from phonodos.cli.output import exit_code, failure_record, print_json, show_error
from phonodos.errors import ConfigError, PhonodosError, PredictionError, failure_of

Answer = TypeVar("Answer")


@dataclass
class Outcome:
    """Records of the inputs that went well, and source and error of those that did not."""

    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[str, PhonodosError]] = field(default_factory=list)

    def finish(
        self,
        model: str,
        as_json: bool,
        report: Callable[[list[dict[str, Any]]], None] | None = None,
    ) -> None:
        """Print JSON or the report, then the failures; leave with the exit code of `exit_code`."""
        if as_json:
            failures = [failure_record(source, err) for source, err in self.failed]
            print_json({"model": model, "results": self.done, "failures": failures})
        elif self.done and report is not None:
            report(self.done)
        for _, err in self.failed:
            show_error(err, "failed")
        if code := exit_code(len(self.done), len(self.failed)):
            raise typer.Exit(code)


def _handled(
    handle: Callable[[Entry, Answer], dict[str, Any]], entry: Entry, answer: Answer
) -> dict[str, Any]:
    try:
        return handle(entry, answer)
    except (MemoryError, RecursionError) as err:
        fix = "give a smaller structure, or take a machine with more memory"
        raise failure_of(err, entry.source, PredictionError, fix) from err


def for_each(
    pairs: "Iterable[tuple[Entry, Answer | PhonodosError]]",
    handle: Callable[[Entry, Answer], dict[str, Any]],
    show: Callable[[dict[str, Any]], str] | None = None,
) -> Outcome:
    """Handle every input; an error of one is kept in the place of its record.

    Parameters
    ----------
    pairs
        Inputs with what is known of each, or the error in its place.
    handle
        Writes the results of an input and returns its record.
    show
        Text to print of a record as soon as it is there; None prints nothing.

    Raises
    ------
    ConfigError
        At once: a wrong option is wrong for every input.
    """
    outcome = Outcome()
    for entry, answer in pairs:
        try:
            if isinstance(answer, PhonodosError):
                raise answer
            record = _handled(handle, entry, answer)
        except ConfigError:
            raise
        except PhonodosError as err:
            outcome.failed.append((entry.source, err))
            continue
        outcome.done.append({"input": entry.source, "name": entry.name, **record})
        if show is not None:
            print(("\n" if len(outcome.done) > 1 else "") + show(outcome.done[-1]))
    return outcome
