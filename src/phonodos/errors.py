"""The one family of errors a user of phonodos meets: what happened, why, and how to fix it."""

LONGEST_REASON = 300  # characters of a foreign message that are shown


class PhonodosError(Exception):
    """An error the user can act on.

    Parameters
    ----------
    summary
        What happened, in one line that names the file, crystal or option.
    reason
        Why it happened.
    fix
        What to do about it.
    """

    def __init__(self, summary: str, reason: str, fix: str) -> None:
        super().__init__(summary, reason, fix)
        self.summary = summary
        self.reason = reason
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.summary}\n  reason: {self.reason}\n  fix:    {self.fix}"


class PhonodosWarning(UserWarning):
    """A prediction that deserves less trust, for the reason given."""


class WeightsWarning(PhonodosWarning):
    """A weight file that could not be checked as others can, or states less as it is used."""


class StructureError(PhonodosError):
    """A crystal structure is missing, unreadable or physically impossible."""


class DataError(PhonodosError):
    """An archive, record, data set or split is missing, broken or of the wrong kind."""


class WeightsError(PhonodosError):
    """A weight file is missing, truncated, of another format or not what it claims to be."""


class ConfigError(PhonodosError):
    """A training configuration or a command-line setting is invalid."""


class PredictionError(PhonodosError):
    """A network gave no usable answer for a crystal."""


def reason_of(error: PhonodosError) -> str:
    """Return an error in one line, cure included."""
    return f"{error.summary}: {error.reason} ({error.fix})"


def failure_of(error: Exception, who: str, kind: type[PhonodosError], fix: str) -> PhonodosError:
    """Return what any exception is to a user: the failure of one thing that has a name.

    A `PhonodosError` is returned as it is. Whatever else a reader, a graph or a network raises,
    `MemoryError` and `RecursionError` included, becomes a `kind` whose summary names `who`, so
    that one broken structure never ends the work on the others.
    """
    if isinstance(error, PhonodosError):
        return error
    name, detail = type(error).__name__, " ".join(str(error).split())[:LONGEST_REASON]
    reason = f"{name}: {detail}" if detail else name
    if isinstance(error, MemoryError):
        reason = f"it needs more memory than there is ({reason})"
    elif isinstance(error, RecursionError):
        reason = f"it is nested too deeply ({reason})"
    return kind(f"{who}: failed" if who else "failed", reason, fix)
