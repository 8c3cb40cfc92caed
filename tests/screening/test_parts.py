"""Parts: rows committed in pieces, found again, never mixed with those of other settings."""

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError
from phonodos.screening import parts as home
from phonodos.screening.parts import Parts
from phonodos.screening.rows import SCHEMA_VERSION

SETTINGS: dict[str, Any] = {
    "schema_version": SCHEMA_VERSION,
    "temperatures": [300.0],
    "model": "a",
    "model_hash": "0123456789abcdef",
    "members": None,
    "source": "somewhere",
    "shard": "1/1",
}
HOLD = """import json, sys
from pathlib import Path
from phonodos.screening.parts import Parts
parts = Parts(Path(sys.argv[1]), json.loads(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


def row(number: int) -> dict[str, Any]:
    return {"id": f"c-{number}", "position": number, "status": "ok", "digest": "0"}


def done(output: Path) -> set[str]:
    with closing(Parts(output, SETTINGS)) as parts:
        return set(parts.done)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.parquet"


def test_rows_are_committed_and_found_again(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "ROWS", 2)
    first = Parts(output, SETTINGS)
    first.add([row(0)])
    assert not list(output.parent.glob("*/*.parquet"))
    first.add([row(1)])
    first.add([row(2)])  # not committed: lost with the process
    first.close()
    second = Parts(output, SETTINGS)
    assert set(second.done) == {"c-0", "c-1"}
    second.add([row(2)])
    assert second.finish() == 3
    second.close()
    assert list(output.parent.iterdir()) == [output]
    assert done(output) == {"c-0", "c-1", "c-2"}


def test_few_rows_are_committed_while_nothing_else_comes(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long crystal is under way: what was computed before it is on the disk all the same."""
    assert 0.0 < home.SECONDS < 5.0
    monkeypatch.setattr(home, "SECONDS", 0.01)
    with closing(Parts(output, SETTINGS)) as parts:
        for number in range(2):
            parts.add([row(number)])
            for _ in range(6000):
                if len(list(output.parent.glob("*/*.parquet"))) > number:
                    break
                time.sleep(0.01)
        assert len(list(output.parent.glob("*/*.parquet"))) == 2
    assert done(output) == {"c-0", "c-1"}


def test_other_settings_are_refused(output: Path) -> None:
    parts = Parts(output, SETTINGS)
    parts.add([row(0)])
    parts.commit()
    parts.close()
    for _ in range(2):  # the folder of parts, then the finished table
        with pytest.raises(ConfigError, match="belongs to another run") as caught:
            Parts(output, SETTINGS | {"model": "b"})
        assert "model: a, now b" in caught.value.reason
        with closing(Parts(output, SETTINGS)) as parts:
            parts.finish()


def test_a_second_run_is_refused(output: Path) -> None:
    parts = Parts(output, SETTINGS)
    with pytest.raises(DataError, match="another run is writing this output"):
        Parts(output, SETTINGS)
    parts.close()
    assert list(output.parent.iterdir()) == []


def test_the_death_of_the_holder_frees_an_output(output: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(output), json.dumps(SETTINGS)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for _ in range(2):  # asking does not take the name of the holder away
            with pytest.raises(DataError, match="another run is writing") as caught:
                Parts(output, SETTINGS)
            assert f"process {other.pid}" in caught.value.reason
        other.kill()
        other.wait()
    assert done(output) == set()
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["000001.parquet", "mine.parquet"])
def test_what_is_not_ours_among_the_parts_is_left_alone(output: Path, name: str) -> None:
    folder = output.with_name("out.parquet.parts")
    (folder / name).mkdir(parents=True)
    with pytest.raises(DataError, match="none of our files"):
        Parts(output, SETTINGS)
    assert (folder / name).is_dir()


@pytest.mark.parametrize("at", [4, 100, 300])
def test_a_damaged_output_is_left_as_it_is(output: Path, at: int) -> None:
    with closing(Parts(output, SETTINGS)) as parts:
        parts.add([row(n) for n in range(50)])
        parts.finish()
    content = bytearray(output.read_bytes())
    content[at : at + 200] = bytes(255 - byte for byte in content[at : at + 200])
    output.write_bytes(content)

    def go_on() -> None:
        with closing(Parts(output, SETTINGS)) as parts:
            parts.add([row(50)])
            parts.finish()

    with pytest.raises(DataError, match="not a readable Parquet file"):
        go_on()
    assert output.read_bytes() == content


def test_files_of_others_stay_as_they_are(output: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), output)
    before = output.read_bytes()
    with pytest.raises(DataError, match="no table of results"):
        Parts(output, SETTINGS)
    assert output.read_bytes() == before
    assert list(output.parent.iterdir()) == [output]


def test_a_damaged_part_is_made_again(output: Path) -> None:
    parts = Parts(output, SETTINGS)
    parts.add([row(0)])
    parts.commit()
    parts.close()
    folder = output.with_name("out.parquet.parts")
    (folder / "000002.parquet").write_bytes(b"PAR1 and then the power failed")
    (folder / "000003.parquet.partial").write_bytes(b"half")
    with closing(Parts(output, SETTINGS)) as again:
        assert set(again.done) == {"c-0"}
        assert sorted(path.name for path in folder.iterdir()) == [
            "000001.parquet",
            "holder",
            "lock",
        ]


def test_a_full_disk_is_waited_for_and_then_told(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "ROWS", 1)
    monkeypatch.setattr(home, "HELD", 3)
    write = home.write_rows
    parts = Parts(output, SETTINGS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(home, "write_rows", full)
    parts.add([row(0)])
    parts.add([row(1)])
    with pytest.raises(DataError, match="takes no more rows") as caught:
        parts.add([row(2), row(3)])
    assert "No space left" in caught.value.reason
    with pytest.raises(DataError):
        parts.commit()
    monkeypatch.setattr(home, "write_rows", write)
    assert parts.finish() == 4  # nothing of it was lost
    parts.close()
    assert pq.read_table(output).num_rows == 4


def test_an_output_in_a_place_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        Parts(tmp_path / "file" / "out.parquet", SETTINGS)
