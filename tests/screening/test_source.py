"""Sources: ids that no two rows share, shards that share out everything, chunks of like size."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.screening.source import (
    CRYSTALS,
    WINDOW,
    Item,
    Lost,
    Shard,
    Source,
    ahead,
    chunks,
    items,
)
from phonodos.structures.entries import entries

Lines = Callable[..., Path]


def repeated(path: Path, lines: Lines) -> Path:
    """Twelve crystals of only three ids, two of them the same in all; one with slashes."""
    records = [json.loads(line) for line in lines(path, 12).read_text().splitlines()]
    records[5] = records[4]
    for i, entry in enumerate(records):
        entry["id"] = ("a", "b/c", "d")[i % 3] if i != 5 else records[4]["id"]
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_repeated_ids_are_kept_apart(tmp_path: Path, lines: Lines) -> None:
    found = list(items(entries(repeated(tmp_path / "x.jsonl", lines)), Shard()))
    names = [item.id for item in found]
    assert len(set(names)) == len(names) == 12
    assert names[:3] == ["a", "b/c", "d"]
    again = [item for item in found if item.digest == found[4].digest]
    assert [item.id for item in again] == [f"b/c#{again[0].digest[:8]}", again[0].id + "-2"]
    assert all(name.split("#")[0] in ("a", "b/c", "d") for name in names)


def test_shards_give_the_items_of_the_whole(tmp_path: Path, lines: Lines) -> None:
    path = repeated(tmp_path / "x.jsonl", lines)

    def told(found: Item) -> tuple[str, int, str]:
        return found.id, found.position, found.digest

    whole = [told(item) for item in items(entries(path), Shard())]
    parts = [[told(i) for i in items(entries(path), Shard(k, 5))] for k in range(1, 6)]
    assert sorted(item for part in parts for item in part) == sorted(whole)
    assert [len(part) for part in parts] == [Shard(k, 5).share(12) for k in range(1, 6)]


def test_overlapping_atoms_are_an_error_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    bad = {"id": "two", "lattice": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]}
    path.write_text(json.dumps(bad | {"frac_coords": [[0, 0, 0]] * 2, "species": ["Na", "Cl"]}))
    (item,) = items(entries(path), Shard())
    assert isinstance(item.content, PhonodosError)
    assert item.n_atoms == 0


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/", "-1/3", "1/2/3"])
def test_shards_that_make_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        Shard.parse(text)
    assert Shard.parse("3/20") == Shard(3, 20)


def test_a_source_is_read_as_far_as_its_first_entry(tmp_path: Path, lines: Lines) -> None:
    source = Source(lines(tmp_path / "x.jsonl", 12), Shard(2, 5))
    assert source.total() == 3
    assert [item.position for item in source.items()] == [1, 6, 11]
    with pytest.raises(DataError, match="nothing at"):
        Source(tmp_path / "gone").items()
    lists = pa.array([], pa.list_(pa.float64()))
    nothing = pa.table(
        {"cell": lists, "frac_coords": lists, "species": pa.array([], pa.list_(pa.string()))}
    )
    pq.write_table(nothing, tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="no structures"):
        Source(tmp_path / "empty.parquet").items()


@pytest.fixture
def many(tmp_path: Path, lines: Callable[..., Path]) -> list[Item]:
    return list(items(entries(lines(tmp_path / "x.jsonl", 200)), Shard()))


def test_chunks_are_bounded_and_complete(many: list[Item]) -> None:
    found = list(chunks(many, max_atoms=30))
    assert all(chunk.n_atoms <= 30 for chunk in found)
    assert sorted(i.position for chunk in found for i in chunk.items) == list(range(200))
    sizes = [item.n_atoms for chunk in found for item in chunk.items]
    assert sizes == sorted(sizes)
    assert max(len(chunk.items) for chunk in chunks(many, 10**6)) == CRYSTALS


def test_a_crystal_above_the_bound_is_a_chunk_of_its_own(many: list[Item]) -> None:
    assert {len(chunk.items) for chunk in chunks(many, max_atoms=1)} == {1}
    assert [len(c.items) for c in Lost(next(chunks(many)).items, "").alone()] == [1] * CRYSTALS


def test_no_more_than_a_window_is_read(many: list[Item]) -> None:
    asked = []

    def endless() -> Iterator[Item]:
        while True:
            asked.append(1)
            yield many[0]

    next(chunks(endless()))
    assert len(asked) == WINDOW


def test_ahead_keeps_order_and_ends_its_thread() -> None:
    before = threading.active_count()
    assert list(ahead(range(100), 3)) == list(range(100))
    reading = ahead(iter(int, 1), 2)
    next(reading)
    reading.close()
    assert threading.active_count() == before


def test_ahead_raises_what_the_source_raises() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("the disk is gone")

    reading = ahead(broken(), 1)
    assert next(reading) == 1
    with pytest.raises(ValueError, match="the disk is gone"):
        next(reading)


def test_ahead_is_only_so_far_ahead() -> None:
    asked: list[int] = []
    third = threading.Event()

    def counted() -> Iterator[int]:
        for i in range(1000):
            asked.append(i)
            if i == 3:
                third.set()
            yield i

    reading = ahead(counted(), 2)
    assert next(reading) == 0
    assert third.wait(10.0)  # one taken, two in line, one in hand
    assert np.max(asked) == 3
    reading.close()
