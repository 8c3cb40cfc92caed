"""`Dispatcher`: a bounded queue of requests before a pool of workers, fair to jobs and the others.

The pool runs in a thread of its own; answers come back to the event loop of whoever asked.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from phonodos.errors import PhonodosError
from phonodos.pool import Loss, Pool
from phonodos.service.limits import Limits
from phonodos.service.problems import Refused, WorkerLost

PATIENCE = 5.0  # [s] until the pool asks for work unasked
TURNS = 4  # requests that go first, where a job waits too, before it has its turn
USUAL = 1.0  # [s] a request takes, until one was timed

Numbered = tuple[int, Any]
Work = Callable[[Numbered], Iterator[Numbered]]


class Gone(Exception):  # noqa: N818
    """Whoever asked is gone; nobody hears of it."""


class End:
    """What a worker answers last."""


END = End()


@dataclass
class Ticket:
    """A task that waits or is under way.

    Attributes
    ----------
    number, task, name
        Its number, the task, and what it is called in messages.
    is_job
        Whether it is of a job, for which others are not kept waiting.
    answers
        Answers so far.
    done
        Resolves to the answers, or raises why there are none.
    heard
        Called with every answer as it comes, if anything.
    """

    number: int
    task: Any
    name: str
    is_job: bool
    done: "asyncio.Future[list[Any]]"
    heard: Callable[[Any], None] | None = None
    answers: list[Any] = field(default_factory=list)
    lost: int = 0
    begun: float = 0.0

    def settle(self, error: PhonodosError | None = None) -> None:
        """Resolve `done`, unless nobody waits for it any more."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(self.answers)
        else:
            self.done.set_exception(error)


class Dispatcher:
    """Gives tasks to workers, and their answers to those who asked.

    Parameters
    ----------
    start
        As `Pool` takes it; its function answers (number, task) by (number, answer), and last by
        (number, `END`).
    workers
        How many processes. Jobs leave one of several to the others.
    limits
        How many requests may wait, and how long a worker may be silent.
    broken
        Called, in the pool's thread, with the error that ends it, if one does.
    """

    def __init__(
        self,
        start: Callable[[], Work],
        workers: int,
        limits: Limits,
        broken: Callable[[PhonodosError], None] = lambda _: None,
    ) -> None:
        self.workers, self.limits = workers, limits
        self._broken = broken
        self._lock = threading.Lock()
        self._waiting: deque[Ticket] = deque()
        self._jobs: deque[Ticket] = deque()
        self._under_way: dict[int, Ticket] = {}
        self._numbers, self._turn = 0, 0
        self._usual = USUAL
        self._closed: PhonodosError | None = None
        self._pool: Pool[Numbered, Numbered] = Pool(start, workers, limits.seconds)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
        self._thread.start()

    @property
    def state(self) -> dict[str, Any]:
        """Workers and queue, as numbers."""
        busy, replaced = len(self._under_way), self._pool.replaced
        return {
            "workers": {"n": self.workers, "busy": busy, "replaced": replaced},
            "queue": {"waiting": len(self._waiting), "limit": self.limits.waiting},
        }

    def check_room(self) -> None:
        """Raise `Refused` (503) if no further request may wait."""
        if self._closed is not None:
            raise self._closed
        if len(self._waiting) >= self.limits.waiting:
            pause = math.ceil(len(self._waiting) * self._usual / self.workers)
            raise Refused(
                "the service is busy",
                f"{len(self._waiting)} requests wait, as many as may",
                f"try again in {max(1, min(pause, 60))} s, or send many crystals as one job",
                503,
                {"Retry-After": str(max(1, min(pause, 60)))},
            )

    def submit(
        self,
        task: Any,
        name: str,
        *,
        is_job: bool = False,
        heard: Callable[[Any], None] | None = None,
    ) -> Ticket:
        """Let a task wait for a worker; raises `Refused` (503) if the queue is full.

        Tasks of jobs are not counted: a job holds back its own.
        """
        if not is_job or self._closed is not None:
            self.check_room()
        with self._lock:
            self._numbers += 1
            ticket = Ticket(self._numbers, task, name, is_job, self._loop.create_future(), heard)
            (self._jobs if is_job else self._waiting).append(ticket)
        self._pool.ring()
        return ticket

    def forget(self, ticket: Ticket) -> None:
        """Let go of a task nobody waits for: it is not begun, and what it answers is dropped."""
        if not ticket.done.cancel() and not ticket.done.cancelled():
            ticket.done.exception()  # else asyncio complains that nobody looked at it
        with self._lock:
            for line in (self._waiting, self._jobs):
                if ticket in line:
                    line.remove(ticket)

    async def ask(self, task: Any, name: str, gone: Awaitable[Any] | None = None) -> list[Any]:
        """Return the answers to a task.

        Parameters
        ----------
        task, name
            What to do, and what to call it in messages.
        gone
            Something that ends when whoever asked is gone.

        Raises
        ------
        PhonodosError
            If the queue is full (503), it took too long (504), or two workers died of it (500).
        Gone
            If whoever asked is gone.
        """
        ticket = self.submit(task, name)
        try:
            leaving = asyncio.ensure_future(gone or asyncio.Event().wait())
            try:
                await self._settled(ticket, leaving)
            finally:
                leaving.cancel()
            if not ticket.done.done():
                raise Gone
            return ticket.done.result()
        finally:
            self.forget(ticket)

    async def _settled(self, ticket: Ticket, leaving: "asyncio.Future[Any]") -> None:
        """Wait until a task is answered, or nobody waits any more; not for ever for a worker."""
        ends = {ticket.done, leaving}
        longest = self.limits.waiting_seconds
        await asyncio.wait(ends, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        if any(end.done() for end in ends):
            return
        if not ticket.begun:
            raise Refused(
                f"{ticket.name}: no worker was free for {longest:g} s",
                f"{self.workers} workers have more to do than they can",
                "try again later, or start the service with more --workers",
                503,
                {"Retry-After": "30"},
            )
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

    def stop(self) -> None:
        """End at once: what waits or is under way is answered by 503."""
        self._close(
            Refused(
                "the service is ending",
                "it was stopped before this was answered",
                "ask again once it runs",
                503,
                {"Retry-After": "10"},
            )
        )
        self._pool.stop()

    def close(self) -> None:
        """End the workers."""
        self.stop()
        self._thread.join()
        self._pool.close()

    def _close(self, error: PhonodosError) -> None:
        with self._lock:
            if self._closed is None:
                self._closed = error
            left = [*self._waiting, *self._jobs, *self._under_way.values()]
            self._waiting.clear()
            self._jobs.clear()
            self._under_way.clear()
        for ticket in left:
            self._tell(ticket.settle, error)

    def _run(self) -> None:
        try:
            for found in self._pool.run(self._tasks(), patience=PATIENCE):
                if isinstance(found, Loss):
                    self._lose(found)
                else:
                    self._hear(*found)
        except Exception as error:  # of the start of a worker: none will ever answer
            known = error if isinstance(error, PhonodosError) else None
            wrong = known or PhonodosError(
                "the workers cannot go on", f"{type(error).__name__}: {error}", "start it again"
            )
            self._close(wrong)
            self._broken(wrong)

    def _tasks(self) -> Iterator[Numbered | None]:
        while self._closed is None:
            ticket = self._next()
            yield None if ticket is None else (ticket.number, ticket.task)

    def _next(self) -> Ticket | None:
        """Take what is next: requests before jobs, which have every fifth turn nonetheless."""
        with self._lock:
            at_work = sum(ticket.is_job for ticket in self._under_way.values())
            allowed = bool(self._jobs) and at_work < max(1, self.workers - 1)
            job = allowed and (not self._waiting or self._turn >= TURNS)
            line = self._jobs if job else self._waiting
            if not line:
                return None
            self._turn = 0 if job or not self._jobs else self._turn + 1
            ticket = line.popleft()
            ticket.begun = time.monotonic()
            self._under_way[ticket.number] = ticket
            return ticket

    def _hear(self, number: int, answer: Any) -> None:
        ticket = self._under_way.get(number)
        if ticket is None:
            return
        if isinstance(answer, End):
            del self._under_way[number]
            self._usual += 0.1 * (time.monotonic() - ticket.begun - self._usual)
            self._tell(ticket.settle)
        elif ticket.heard is not None:
            self._tell(ticket.heard, answer)
        else:
            ticket.answers.append(answer)

    def _lose(self, loss: Loss[Numbered]) -> None:
        """Try once more what has lost its worker; tell what took too long, or fails again."""
        with self._lock:
            ticket = self._under_way.pop(loss.task[0], None)
            if ticket is None:
                return
            ticket.lost += 1
            if ticket.lost == 1 and not loss.late and ticket.heard is None:
                ticket.answers.clear()
                (self._jobs if ticket.is_job else self._waiting).appendleft(ticket)
                return
        self._tell(ticket.settle, self._loss(ticket, loss))

    def _loss(self, ticket: Ticket, loss: Loss[Numbered]) -> PhonodosError:
        if loss.late:
            return Refused(
                f"{ticket.name}: took longer than {self.limits.seconds:g} s",
                "its worker was ended at the time limit of this service",
                "give a smaller cell or ask for less, or start the service with a longer --timeout",
                504,
            )
        often = "" if ticket.lost == 1 else ", twice"
        return WorkerLost(
            f"{ticket.name}: its worker has died{often}",
            loss.reason,
            "try again; if it happens again, give a smaller cell or report it",
        )

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)
