"""Options that several commands share: what they do, and that they are the same words."""

import pytest

from phonodos.cli.options import allow_size
from phonodos.structures.unpacking import LARGEST_MB, LIMIT_VARIABLE, largest_content


def test_the_size_of_files_is_what_was_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "")  # put back after the test
    assert allow_size(None) is None
    assert largest_content() == LARGEST_MB * 2**20
    assert allow_size(7) == 7
    assert largest_content() == 7 * 2**20
