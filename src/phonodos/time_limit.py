"""`time_limit`: give up on what takes too long, with an error that says so."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any, TypeVar

from phonodos.errors import ConfigError, PredictionError

DEFAULT_TIMEOUT = 600.0  # [s] a crystal; a cell of 1500 atoms takes about half of it on one core
LONGEST_TIMEOUT = 1e7  # [s], four months: more is no limit, and timers of the system overflow
DEFERRED = 1e-3  # [s] until the next try, where the first one came at a bad moment
AGAIN = 1.0  # [s] until the alarm rings again, should foreign code have swallowed its exception
_deferring: set[CodeType] = set()
Function = TypeVar("Function", bound=Callable[..., Any])


class TimeLimitExceeded(PredictionError):  # noqa: N818, the name says it all
    """A computation was given up because it took longer than it may."""


def check_timeout(seconds: float | None) -> float | None:
    """Return a limit as it stands; None, which means no limit, for one of more than four months.

    Raises
    ------
    ConfigError
        If it is no positive, finite number.
    """
    if seconds is None:
        return None
    try:
        sensible = not isinstance(seconds, str | bool) and 0.0 < float(seconds) < math.inf
    except (TypeError, ValueError, OverflowError):
        sensible = False
    if not sensible:
        shown = f"{seconds:g}" if isinstance(seconds, float) else repr(seconds)[:40]
        raise ConfigError(
            f"a time limit of {shown} s makes no sense",
            "it is the longest time a crystal may take, in seconds: positive and finite",
            f"give a number of seconds, such as {DEFAULT_TIMEOUT:g}",
        )
    return float(seconds) if seconds < LONGEST_TIMEOUT else None


def deferring(function: Function) -> Function:
    """Mark a function that no alarm interrupts: it sets or puts back what must not be left half."""
    _deferring.add(function.__code__)
    return function


class time_limit:  # noqa: N801, a context manager reads as a verb
    """Raise `TimeLimitExceeded` in the block under it once `seconds` have passed.

    It works in the main thread of systems that have interval timers (not Windows); elsewhere the
    block runs without a limit. The alarm is a signal, and Python handles signals between its own
    instructions: one long call of compiled code (a matrix product, a symmetry search) is
    interrupted only when it returns. An alarm that the host program has set keeps its time, its
    handler and its interval; limits may be nested, and each keeps its own time.

    Parameters
    ----------
    seconds
        The limit [s]; None is no limit.
    who
        What the error is about, such as the name of a crystal.

    Raises
    ------
    ConfigError
        If the limit is no positive, finite number.
    TimeLimitExceeded
        If the block took longer, also if code in the block has swallowed the first alarm.
    """

    def __init__(self, seconds: float | None, who: str = "") -> None:
        self.seconds = check_timeout(seconds)
        self.who = who
        self.armed = self.fired = False

    def __enter__(self) -> None:
        if self.seconds is None or not can_interrupt():
            return
        self.host: Any = signal.getsignal(signal.SIGALRM)
        remaining, self.host_interval = signal.getitimer(signal.ITIMER_REAL)
        now = time.monotonic()
        self.deadline = now + self.seconds
        self.host_deadline = now + remaining if remaining > 0.0 else math.inf
        self.armed = True
        signal.signal(signal.SIGALRM, self._ring)
        self._wind(now)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.armed:
            return
        self.armed = False  # from here on our own alarm does nothing
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, self.host)
        if self.host_deadline < math.inf:
            left = max(self.host_deadline - time.monotonic(), 1e-6)
            signal.setitimer(signal.ITIMER_REAL, left, self.host_interval)
        # What came out after an alarm was swallowed is not to be trusted, whatever it is.
        usual = error is None or isinstance(error, Exception)
        if self.fired and usual and not isinstance(error, TimeLimitExceeded):
            raise self._exceeded() from error

    def _wind(self, now: float) -> None:
        """Set the timer for what is due first; it rings again if nothing came of it."""
        due = min(self.deadline, self.host_deadline)
        signal.setitimer(signal.ITIMER_REAL, max(due - now, 1e-6), AGAIN)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.armed or (frame is not None and frame.f_code is time_limit.__exit__.__code__):
            return  # the block is over: leave the rest to __exit__
        if now >= self.host_deadline:
            self.host_deadline = now + self.host_interval if self.host_interval else math.inf
            self._wind(now)
            self._ring_host(number, frame)
        if now >= self.deadline:
            if _is_deferred(frame):
                signal.setitimer(signal.ITIMER_REAL, DEFERRED, AGAIN)
                return
            self.fired = True
            self.deadline = now + AGAIN
            self._wind(now)
            raise self._exceeded()
        self._wind(now)

    def _ring_host(self, number: int, frame: FrameType | None) -> None:
        if callable(self.host):
            self.host(number, frame)
        elif self.host == signal.SIG_DFL:  # what the system does with an alarm nobody handles
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGALRM)

    def _exceeded(self) -> TimeLimitExceeded:
        took = f"took longer than {self.seconds:g} s"
        return TimeLimitExceeded(
            f"{self.who}: {took}" if self.who else took,
            "it was given up at the time limit for one crystal",
            "give it more time with --timeout (timeout= in Python), or a smaller cell",
        )


def _is_deferred(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _deferring:
            return True
        frame = frame.f_back
    return False


def can_interrupt() -> bool:
    """Return whether `time_limit` works here: main thread, interval timers, a handler of Python."""
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is not None
    )
