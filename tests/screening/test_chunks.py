"""Chunks: bounded, of like size, nothing left out; reading ahead of whoever computes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from phonodos.screening.chunks import CRYSTALS, WINDOW, Lost, ahead, chunks
from phonodos.screening.items import Item, Shard, items
from phonodos.structures.entries import entries


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
