import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from phonodos.errors import ConfigError, PredictionError
from phonodos.time_limit import (
    LONGEST_TIMEOUT,
    TimeLimitExceeded,
    can_interrupt,
    check_timeout,
    time_limit,
)

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system has no interval timers"
)


@pytest.fixture(autouse=True)
def the_alarm_is_left_as_found() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def forever() -> None:
    while True:
        time.sleep(0.001)


def test_what_never_ends_is_given_up_by_name() -> None:
    words = r"NaCl: took longer than 0\.05 s"
    with pytest.raises(TimeLimitExceeded, match=words) as caught, time_limit(0.05, "NaCl"):
        forever()
    assert isinstance(caught.value, PredictionError)
    assert "--timeout" in caught.value.fix


@pytest.mark.parametrize("seconds", [None, 60.0, 1e30])
def test_what_is_done_in_time_goes_on(seconds: float | None) -> None:
    with time_limit(seconds):
        found = sum(range(10))
    assert found == 45


NO_LIMITS = (0.0, -1.0, math.nan, math.inf, -math.inf, 1e400, 10**400, 0, True, "60", [1.0])


@pytest.mark.parametrize("seconds", NO_LIMITS)
def test_a_limit_is_a_positive_finite_number(seconds: Any) -> None:
    for use in (time_limit, check_timeout):
        with pytest.raises(ConfigError, match="makes no sense") as caught:
            use(seconds)
        assert caught.value.reason
        assert caught.value.fix


def test_months_are_no_limit() -> None:
    assert check_timeout(2 * LONGEST_TIMEOUT) is None
    assert check_timeout(600) == 600.0


def test_errors_pass_and_the_alarm_is_off_afterwards() -> None:
    with pytest.raises(ZeroDivisionError), time_limit(60.0):
        _ = 1 / 0


def test_a_swallowed_alarm_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonodos.time_limit.AGAIN", 0.02)
    swallowed: list[Exception] = []

    def deaf() -> None:
        with time_limit(0.02):
            while len(swallowed) < 3:
                try:
                    forever()
                except Exception as err:
                    swallowed.append(err)

    with pytest.raises(TimeLimitExceeded):
        deaf()
    assert len(swallowed) == 3


def limited_then(after: BaseException | None) -> None:
    with time_limit(0.02):
        try:
            forever()
        except PredictionError:
            if after:
                raise after from None


def test_what_follows_a_swallowed_alarm_is_no_result() -> None:
    with pytest.raises(TimeLimitExceeded):
        limited_then(None)
    with pytest.raises(TimeLimitExceeded) as caught:
        limited_then(KeyError("other"))
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_interrupt_of_the_user_is_not_replaced() -> None:
    with pytest.raises(KeyboardInterrupt):
        limited_then(KeyboardInterrupt())


@pytest.mark.parametrize(("outer", "inner"), [(0.03, 60.0), (60.0, 0.03)])
def test_limits_are_nested_each_with_its_own_time(outer: float, inner: float) -> None:
    with (
        pytest.raises(TimeLimitExceeded, match=r"0\.03 s") as caught,
        time_limit(outer, "outer"),
        time_limit(inner, "inner"),
    ):
        forever()
    assert caught.value.summary.startswith("outer" if outer < inner else "inner")


class TestAlarmOfTheHost:
    @pytest.fixture(autouse=True)
    def host(self) -> Iterator[None]:
        self.rung: list[float] = []
        before = signal.signal(signal.SIGALRM, lambda *_: self.rung.append(time.monotonic()))
        yield
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)

    def wait(self, rings: int) -> None:
        end = time.monotonic() + 30.0
        while len(self.rung) < rings and time.monotonic() < end:
            time.sleep(0.002)
        assert len(self.rung) >= rings

    def test_rings_within_the_block(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with time_limit(60.0):
            self.wait(1)

    def test_rings_again_and_again(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        with time_limit(60.0):
            self.wait(3)
        assert signal.getitimer(signal.ITIMER_REAL)[1] == pytest.approx(0.01, abs=1e-3)
        self.wait(len(self.rung) + 2)

    def test_rings_after_the_block(self) -> None:
        handler = signal.getsignal(signal.SIGALRM)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TimeLimitExceeded), time_limit(0.01):
            forever()
        assert signal.getsignal(signal.SIGALRM) is handler
        assert 0.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
        self.wait(1)

    def test_its_exception_goes_through(self) -> None:
        def stop(*_: object) -> None:
            raise InterruptedError("the host's")

        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(InterruptedError, match="the host's"), time_limit(60.0):
            forever()
        assert signal.getsignal(signal.SIGALRM) is stop


def test_an_alarm_nobody_handles_still_ends_the_process() -> None:
    code = (
        "import signal, time\n"
        "from phonodos.time_limit import time_limit\n"
        "signal.alarm(1)\n"
        "with time_limit(60.0):\n"
        "    time.sleep(30)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=60, check=False)
    assert done.returncode == -signal.SIGALRM


def test_other_threads_run_without_a_limit() -> None:
    found: list[object] = []

    def work() -> None:
        found.append(can_interrupt())
        with time_limit(0.001):
            time.sleep(0.02)
        found.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False, "done"]
    assert can_interrupt()
