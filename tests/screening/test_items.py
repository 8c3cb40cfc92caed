"""Items: ids that no two rows share, whatever the shard; shards that share out everything."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from phonodos.errors import ConfigError, PhonodosError
from phonodos.screening.items import Item, Shard, items
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
