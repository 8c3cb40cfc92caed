"""`converted`: records turned into rows, in this process or by a pool; what fails is named."""

from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any, TypeVar

from phonodos.errors import DataError, PhonodosError, failure_of, reason_of
from phonodos.pool import Loss, Pool, check_workers, failed
from phonodos.time_limit import check_timeout, time_limit

T = TypeVar("T")
Row = dict[str, Any]
Result = tuple[str, Row | None, str]  # name of the record; its row, or why there is none

TRIES = 3  # of a record that loses its worker, the last one alone


def converted(
    convert: Callable[[T], Row],
    records: Iterable[tuple[str, T]],
    *,
    workers: int,
    timeout: float | None,
) -> Generator[Result, None, None]:
    """Yield name and row of every record as soon as it is done, or the reason why there is no row.

    Whatever `convert` raises, a worker that dies and a record that takes too long cost that record
    alone. A record that lost its worker is tried once more, and then at the end alone: it may not
    have been to blame.

    Parameters
    ----------
    convert
        Function of a module (or a `partial` of one): record -> row.
    records
        Names and records, read as they are needed.
    workers
        Processes; 1 converts in this one, in order, where nothing protects from what kills a
        process.
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
            yield _result(convert, record, timeout)
        return
    with Pool[tuple[str, T], Result](partial(_started, convert), workers, timeout) as pool:
        for found in pool.run(records, TRIES):
            if not isinstance(found, Loss):
                yield found
            elif not found.answered:  # a worker that died after the row has done its work
                fix = " (give it more time with --timeout)" if found.late else ""
                yield found.task[0], None, failed(found.times, found.reason) + fix


def _started(convert: Callable[[T], Row]) -> Callable[[tuple[str, T]], list[Result]]:
    return partial(_results, convert)


def _results(convert: Callable[[T], Row], record: tuple[str, T]) -> list[Result]:
    return [_result(convert, record, None)]  # the pool watches over the time


def _result(convert: Callable[[T], Row], record: tuple[str, T], timeout: float | None) -> Result:
    name, content = record
    try:
        with time_limit(timeout):
            return name, convert(content), ""
    except PhonodosError as err:
        return name, None, reason_of(err)
    except Exception as err:  # MemoryError and RecursionError too: of this record alone
        return name, None, failure_of(err, "", DataError, "leave it out").reason
