"""Failures of single crystals: whatever goes wrong gets a name, and the others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phonodos.errors import PhonodosError, PredictionError, failure_of
from phonodos.physics.crystal import Crystal
from phonodos.structures.frames import FrameRow

FIX = "check the structure; if it is sound, please report it with what `phonodos --debug` prints"


def name_of(x: object) -> str:
    """Return what to call an input that is not read yet."""
    if isinstance(x, Crystal):
        return x.label
    if isinstance(x, FrameRow):
        return x.name or name_of(x.content)
    if isinstance(x, PhonodosError):
        return "crystal"
    return str(x) if isinstance(x, str | Path) and "\n" not in str(x) else f"a {type(x).__name__}"


def failed(
    error: Exception, who: str, kind: type[PhonodosError] = PredictionError
) -> PhonodosError:
    """Return an exception as the failure of a crystal, with the original as its cause."""
    failure = failure_of(error, who, kind, FIX)
    if failure is not error:
        failure.__cause__ = error
    return failure


@contextmanager
def named(who: str, kind: type[PhonodosError] = PredictionError) -> Iterator[None]:
    """Raise whatever goes wrong in the block as the failure of a crystal."""
    try:
        yield
    except Exception as err:
        failure = failed(err, who, kind)
        if failure is err:
            raise
        raise failure from err


def without_frames(failure: PhonodosError) -> PhonodosError:
    """Return a failure that holds no computation alive: thousands of them may be kept."""
    error: BaseException | None = failure
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # an error raised again may be its own cause
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
    return failure
