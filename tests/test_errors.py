"""Errors of ours, and what becomes of those that are not."""

import pytest

from phonodos.errors import DataError, StructureError, failure_of


def test_our_own_error_stays_as_it_is() -> None:
    error = DataError("a", "b", "c")
    assert failure_of(error, "NaCl.cif", StructureError, "write it again") is error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("not a\n  number"), "ValueError: not a number"),
        (KeyError(), "KeyError"),
        (MemoryError("14 TiB"), "it needs more memory than there is (MemoryError: 14 TiB)"),
        (RecursionError(), "it is nested too deeply (RecursionError)"),
    ],
)
def test_any_other_becomes_a_named_failure(error: Exception, said: str) -> None:
    found = failure_of(error, "NaCl.cif", StructureError, "write it again")
    assert isinstance(found, StructureError)
    assert (found.summary, found.reason, found.fix) == ("NaCl.cif: failed", said, "write it again")


def test_a_long_message_is_cut() -> None:
    assert len(failure_of(ValueError("x" * 5000), "a", DataError, "b").reason) < 400
