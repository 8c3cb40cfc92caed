"""The lock: one holder at a time, named; free again when the holder is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phonodos.errors import DataError
from phonodos.screening.lock import Lock

HOLD = """import sys
from pathlib import Path
from phonodos.screening.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    first = Lock(tmp_path / "lock")
    with pytest.raises(DataError, match="another run is writing") as caught:
        Lock(tmp_path / "lock")
    assert str(os.getpid()) in caught.value.reason
    first.release()
    Lock(tmp_path / "lock").release()


def test_the_death_of_the_holder_frees_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DataError, match=f"process {other.pid}"):
            Lock(tmp_path / "lock")
        other.kill()
        other.wait()
    Lock(tmp_path / "lock").release()


def test_no_place_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be made"):
        Lock(tmp_path / "gone" / "lock")
