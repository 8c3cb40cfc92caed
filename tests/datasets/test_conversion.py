"""Conversion: every record answers or is named, whatever happens to it or to a worker."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phonodos.datasets import conversion
from phonodos.datasets.conversion import Result, converted
from phonodos.errors import ConfigError, DataError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
FAULTS = {
    kind.__name__: kind
    for kind in (
        ValueError,
        ZeroDivisionError,
        KeyError,
        MemoryError,
        RecursionError,
        AttributeError,
    )
}


def convert(record: str) -> dict[str, Any]:
    """Return the row of a record, or do to the process what the record says."""
    word, _, value = record.partition(" ")
    if word == "raise":
        raise FAULTS[value]("on purpose")
    if word == "refuse":
        raise DataError("no record", "it is broken", "mend it")
    if word == "sleep":
        time.sleep(600.0)
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "twice" and len(list(Path(value).iterdir())) < 2:
        Path(value, str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"id": record}


def struck_after_the_row(_: object) -> Any:
    return lambda record: rows_before_the_end(*record)


def rows_before_the_end(name: str, record: str) -> Iterator[Result]:
    yield name, convert(record), ""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_record_never_ends_the_others(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent))
    bad = {f"raise {name}": name for name in FAULTS} | {"refuse": "no record: it is broken"}
    bad["sleep"] = "took longer than 2 s"
    cures = {"refuse": "(mend it)", "sleep": "with --timeout"}
    if workers > 1:
        bad["kill"] = "failed 3 times: the worker process was ended by SIGKILL"
    records = ["a", *bad, *([f"twice {tmp_path}"] if workers > 1 else []), "z"]
    named = [(record, record) for record in records]
    found = list(converted(convert, named, workers=workers, timeout=2.0))
    names = [name for name, _, _ in found]
    assert names == records if workers == 1 else sorted(names) == sorted(records)
    for name, row, reason in found:
        assert row == (None if name in bad else {"id": name})
        assert bad.get(name, "") in reason
        assert cures.get(name, "") in reason
        assert bool(reason) == (name in bad)


def test_a_record_that_has_its_row_is_not_lost_with_its_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent))
    monkeypatch.setattr(conversion, "_started", struck_after_the_row)
    found = list(converted(convert, [("a", "a"), ("b", "b")], workers=2, timeout=None))
    assert sorted(name for name, _, _ in found) == ["a", "b"]
    assert not any(reason for _, _, reason in found)


def test_refusals() -> None:
    for settings in ({"workers": 0, "timeout": 1.0}, {"workers": 1, "timeout": 0.0}):
        with pytest.raises(ConfigError):
            list(converted(convert, [("a", "a")], **settings))  # type: ignore[arg-type]
