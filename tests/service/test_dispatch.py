"""The queue before the workers: bounded, fair, and what becomes of workers that die or dawdle."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import WeightsError
from phonodos.service.dispatch import Dispatcher, Gone
from phonodos.service.limits import Limits
from phonodos.service.problems import Refused, WorkerLost, status_of

Do = Callable[[Dispatcher], Awaitable[Any]]


@pytest.fixture
def held(toil: Any) -> Callable[..., Any]:
    """Function (what, workers=1, **limits): run `what(dispatcher)` and return what it returns."""

    def run(what: Do, workers: int = 1, **limits: Any) -> Any:
        async def whole() -> Any:
            dispatcher = Dispatcher(toil.start, workers, Limits(**limits))
            try:
                return await asyncio.wait_for(what(dispatcher), 60.0)
            finally:
                await asyncio.to_thread(dispatcher.close)

        return asyncio.run(whole())

    return run


def test_answers_and_a_full_queue(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        assert await dispatcher.ask("hello", "a") == ["hello"]
        first = dispatcher.submit("sleep 0.5", "first")
        while dispatcher.state["queue"]["waiting"]:
            await asyncio.sleep(0.01)
        waiting = [dispatcher.submit(f"{n}", "n") for n in range(2)]
        with pytest.raises(Refused) as caught:
            await dispatcher.ask("late", "late")
        assert caught.value.status == 503
        assert int(caught.value.headers["Retry-After"]) >= 1
        assert dispatcher.state["queue"] == {"waiting": 2, "limit": 2}
        assert [await ticket.done for ticket in waiting] == [["0"], ["1"]]
        await first.done
        assert await dispatcher.ask("again", "again") == ["again"]

    held(what, waiting=2)


def test_a_job_neither_starves_others_nor_is_starved(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        order: list[str] = []

        def note(ticket: Any) -> None:
            ticket.done.add_done_callback(lambda _: order.append(ticket.name))

        blocker = dispatcher.submit("sleep 0.3", "blocker")
        while dispatcher.state["queue"]["waiting"]:
            await asyncio.sleep(0.01)
        tickets = [dispatcher.submit("x", f"job {n}", is_job=True) for n in range(6)]
        tickets += [dispatcher.submit("x", f"one {n}") for n in range(9)]
        for ticket in tickets:
            note(ticket)
        await asyncio.gather(blocker.done, *(ticket.done for ticket in tickets))
        await asyncio.sleep(0)
        assert order[:4] == [f"one {n}" for n in range(4)]  # before a job that came earlier
        assert order.index("job 0") < order.index("one 8")

    held(what, waiting=20)


def test_a_job_leaves_a_worker_to_others(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        job = [dispatcher.submit("sleep 1.0", "job", is_job=True) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert await dispatcher.ask("quick", "quick") == ["quick"]
        assert not any(ticket.done.done() for ticket in job)
        for ticket in job:
            dispatcher.forget(ticket)

    held(what, workers=2)


def test_who_loses_a_worker_is_tried_again_and_then_told(
    held: Callable[..., Any], tmp_path: Path
) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        assert await dispatcher.ask(f"once {tmp_path / 'diary'}", "once")
        assert dispatcher.state["workers"]["replaced"] == 1
        with pytest.raises(WorkerLost, match="deadly: its worker has died, twice") as caught:
            await dispatcher.ask("kill", "deadly")
        assert "SIGKILL" in caught.value.reason
        assert status_of(caught.value) == 500
        assert await dispatcher.ask("and on", "and on") == ["and on"]

    held(what)


def test_who_takes_too_long_is_told_and_the_worker_replaced(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        with pytest.raises(Refused, match=r"slow: took longer than 0\.5 s") as caught:
            await dispatcher.ask("sleep 60", "slow")
        assert caught.value.status == 504
        assert await dispatcher.ask("on", "on") == ["on"]
        assert dispatcher.state["workers"] == {"n": 1, "busy": 0, "replaced": 1}

    held(what, seconds=0.5)


def test_who_is_gone_is_not_waited_for(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        blocker = dispatcher.submit("sleep 0.4", "blocker")

        async def leave() -> None:
            await asyncio.sleep(0.05)

        with pytest.raises(Gone):
            await dispatcher.ask("never", "never", leave())
        assert dispatcher.state["queue"]["waiting"] <= 1
        assert await blocker.done
        assert await dispatcher.ask("on", "on") == ["on"]

    held(what)


def test_nobody_waits_for_ever(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        assert await dispatcher.ask("hello", "hello") == ["hello"]
        blocker = asyncio.create_task(dispatcher.ask("sleep 0.9", "blocker"))  # begun: not ended
        await asyncio.sleep(0.05)
        with pytest.raises(Refused, match=r"late: no worker was free for 0\.3 s") as caught:
            await dispatcher.ask("late", "late")
        assert caught.value.status == 503
        assert await blocker == ["sleep 0.9"]
        assert dispatcher.state["queue"]["waiting"] == 0

    held(what, waiting_seconds=0.3)


def test_ending_answers_all(held: Callable[..., Any]) -> None:
    async def what(dispatcher: Dispatcher) -> None:
        tickets = [dispatcher.submit("sleep 60", f"{n}") for n in range(3)]
        await asyncio.sleep(0.2)
        start = time.monotonic()
        dispatcher.stop()
        for ticket in tickets:
            with pytest.raises(Refused, match="the service is ending"):
                await ticket.done
        with pytest.raises(Refused, match="the service is ending"):
            dispatcher.submit("x", "x", is_job=True)
        assert time.monotonic() - start < 30.0

    held(what)


def broken() -> Any:
    raise WeightsError("no weights", "they are gone", "find them")


def test_workers_that_cannot_start_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent))

    async def whole() -> None:
        told: list[Any] = []
        dispatcher = Dispatcher(broken, 1, Limits(), told.append)
        with pytest.raises(WeightsError, match="no weights"):
            await asyncio.wait_for(dispatcher.ask("x", "x"), 60.0)
        with pytest.raises(WeightsError, match="no weights"):
            dispatcher.check_room()
        await asyncio.to_thread(dispatcher.close)
        assert [error.summary for error in told] == ["no weights"]

    asyncio.run(whole())
