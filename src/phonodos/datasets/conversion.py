"""`converted`: records turned into rows, in this process or by a pool; what fails is named."""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from phonodos.errors import DataError, PhonodosError, failure_of
from phonodos.pool import Loss, Pool, check_workers
from phonodos.time_limit import check_timeout, time_limit

T = TypeVar("T")
Row = dict[str, Any]
Answer = tuple[Row | None, str]
Result = tuple[str, Row | None, str]  # name of the record; its row, or why there is none

TRIES = 2  # of a record that loses its worker


def converted(
    convert: Callable[[T], Row],
    records: Iterable[T],
    name_of: Callable[[T], str],
    *,
    workers: int,
    timeout: float | None,
) -> Generator[Result, None, None]:
    """Yield name and row of every record in order, or the reason why there is no row.

    Whatever `convert` raises, a worker that dies and a record that takes too long cost that record
    alone. A record that lost its worker is tried once more: it may not have been to blame.

    Parameters
    ----------
    convert
        Function of a module (or a `partial` of one): record -> row.
    records
        The records, read as they are needed.
    name_of
        Function: record -> its name.
    workers
        Processes; 1 converts in this one, where nothing protects from what kills a process.
    timeout
        Longest time for a record [s]; no limit if None.

    Raises
    ------
    ConfigError
        If the number of workers or the time limit makes no sense, or no worker starts.
    """
    workers, timeout = check_workers(workers), check_timeout(timeout)
    if workers == 1:
        for record in records:
            yield (name_of(record), *_answer(convert, record, timeout))
        return
    names: list[str] = []  # of the records under way, in order

    def noted() -> Iterator[T]:
        for record in records:
            names.append(name_of(record))
            yield record

    with Pool[T, Answer](partial(_started, convert), workers, timeout, TRIES) as pool:
        for found in pool.map(noted()):
            if isinstance(found, Loss):
                yield names.pop(0), None, found.reason
            else:
                yield (names.pop(0), *found)


def _started(convert: Callable[[T], Row]) -> Callable[[T], list[Answer]]:
    return partial(_answers, convert)


def _answers(convert: Callable[[T], Row], record: T) -> list[Answer]:
    return [_answer(convert, record, None)]  # the pool watches over the time


def _answer(convert: Callable[[T], Row], record: T, timeout: float | None) -> Answer:
    try:
        with time_limit(timeout):
            return convert(record), ""
    except PhonodosError as err:
        return None, f"{err.summary}: {err.reason}"
    except Exception as err:  # MemoryError and RecursionError too: of this record alone
        return None, failure_of(err, "", DataError, "leave it out").reason
