"""Parts of a data set: kept for the same settings, refused for others, joined in order."""

from pathlib import Path
from typing import Any

import pytest

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.parts import Parts
from phonodos.errors import ConfigError, DataError


def row(name: str) -> dict[str, Any]:
    return {"id": name, "formula": "NaCl", "n_atoms": 2, "force_constant_images": [0, -1, 127]}


def test_parts_are_joined_in_order(tmp_path: Path) -> None:
    output = tmp_path / "all.parquet"
    parts = Parts(output, {"cutoff": 7.0}, resume=True)
    parts.add([row("b"), row("a")], ["1", "2", "3"], {"3": "broken"})
    parts.add([], ["4"], {"4": "broken too"})
    parts.add([row("c")], ["5"], {})
    assert parts.written == 3
    assert parts.column("id") == ["b", "a", "c"]
    parts.join({"citation": "ours"})
    dataset = Dataset.open(output)
    assert dataset.ids == ["b", "a", "c"]
    assert dataset.column("force_constant_images")[2] == [0, -1, 127]
    assert dataset.provenance["citation"] == "ours"
    assert "settings" not in dataset.provenance
    assert list(tmp_path.iterdir()) == [output]


def test_a_new_run_takes_up_the_old(tmp_path: Path) -> None:
    output = tmp_path / "all.parquet"
    Parts(output, {"cutoff": 7.0}, resume=True).add([row("a")], ["1", "2"], {"2": "broken"})
    parts = Parts(output, {"cutoff": 7.0}, resume=True)
    assert parts.done == {"1"}  # "2" may have been mended: it is tried again
    assert parts.failed == {}
    assert parts.ids == {"a"}
    parts.add([row("b")], ["3"], {})
    parts.join({})
    assert Dataset.open(output).ids == ["a", "b"]


def test_other_settings_are_refused(tmp_path: Path) -> None:
    output = tmp_path / "all.parquet"
    Parts(output, {"cutoff": 7.0, "dos": 1}, resume=True).add([row("a")], ["1"], {})
    with pytest.raises(ConfigError, match="made with other settings") as caught:
        Parts(output, {"cutoff": 6.0, "dos": 1}, resume=True)
    assert "cutoff was 7.0, is now 6.0 (its parts are in" in caught.value.reason
    assert "--restart" in caught.value.fix
    assert Parts(output, {"cutoff": 7.0, "dos": 1}, resume=True).done == {"1"}  # nothing is lost


@pytest.mark.parametrize("cutoff", [6.0, 7.0])
def test_begun_anew(tmp_path: Path, cutoff: float) -> None:
    output = tmp_path / "all.parquet"
    Parts(output, {"cutoff": 7.0}, resume=True).add([row("a")], ["1"], {})
    parts = Parts(output, {"cutoff": cutoff}, resume=False)
    assert parts.done == set()
    parts.add([row("b")], ["1"], {})
    parts.join({})
    assert Dataset.open(output).ids == ["b"]


def test_damaged_parts_are_made_again(tmp_path: Path) -> None:
    output = tmp_path / "all.parquet"
    first = Parts(output, {}, resume=True)
    first.add([row("a")], ["1"], {})
    first.add([row("b")], ["2"], {})
    (tmp_path / "all.parquet.parts" / "00002.parquet").write_bytes(b"cut off")
    parts = Parts(output, {}, resume=True)
    assert parts.done == {"1"}
    parts.add([row("b")], ["2"], {})
    parts.join({})
    assert Dataset.open(output).ids == ["a", "b"]


def test_nothing_to_join(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "all.parquet", {}, resume=True)
    with pytest.raises(DataError, match="nothing to write"):
        parts.join({})
