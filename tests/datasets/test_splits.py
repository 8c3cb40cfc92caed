"""Splits: disjoint, reproducible, no formula in two parts; broken files are named."""

import gzip
import json
import re
import tarfile
from collections import Counter
from math import gcd

import pytest

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split, random_split, shared_formulas
from phonodos.errors import ConfigError, DataError
from phonodos.model.weights import read_header, weights_path
from phonodos.physics.crystal import Crystal

IDS = [f"mp-{i}" for i in range(100)]
FORMULAS = [f"X{i % 60}" for i in range(100)]  # forty formulas twice


def test_shares_are_met_and_polymorphs_stay_together():
    split = random_split(IDS, FORMULAS, valid=0.2, test=0.1, seed=0)
    sizes = {name: len(ids) for name, ids in split.parts.items()}
    assert sum(sizes.values()) == 100
    assert sorted(i for ids in split.parts.values() for i in ids) == sorted(IDS)
    assert 20 <= sizes["valid"] <= 21
    assert 10 <= sizes["test"] <= 11
    formula = dict(zip(IDS, FORMULAS, strict=True))
    parts = [[formula[i] for i in ids] for ids in split.parts.values()]
    for i in range(3):
        assert shared_formulas(parts[i], parts[i - 1]) == []


def test_the_seed_decides_and_the_order_of_the_records_does_not():
    one, same = (random_split(IDS, FORMULAS, valid=0.1, test=0.1, seed=3) for _ in range(2))
    other = random_split(IDS, FORMULAS, valid=0.1, test=0.1, seed=4)
    assert one.parts == same.parts != other.parts
    turned = random_split(IDS[::-1], FORMULAS[::-1], valid=0.1, test=0.1, seed=3)
    assert {p: set(i) for p, i in turned.parts.items()} == {p: set(i) for p, i in one.parts.items()}


@pytest.mark.parametrize(("valid", "test"), [(0, 0.1), (0.1, -1), (0.5, 0.5), (float("nan"), 0.1)])
def test_shares_that_are_none(valid, test):
    with pytest.raises(ConfigError, match="leave a part empty"):
        random_split(IDS, FORMULAS, valid=valid, test=test, seed=0)


def test_too_few_formulas():
    with pytest.raises(DataError, match="2 formulas are too few"):
        random_split(["a", "b", "c"], ["X", "X", "Y"], valid=0.3, test=0.3, seed=0)


def test_written_and_read_again(tmp_path):
    split = random_split(IDS, FORMULAS, valid=0.1, test=0.1, seed=0)
    path = tmp_path / "deep" / "split.json"
    split.write(path)
    assert Split.read(path) == split
    assert Split.read(path).metadata["seed"] == 0
    assert [p.name for p in path.parent.iterdir()] == ["split.json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not a split"),
        ("[1]", "is not a split"),
        ("{}", "no train and no valid and no test part"),
        ('{"train": ["a"], "valid": ["b"], "test": []}', "no test part"),
        ('{"train": ["a", "a"], "valid": ["b"], "test": ["c"]}', "a occurs twice"),
        ('{"train": ["a"], "valid": ["b"], "test": ["a"]}', "a occurs twice"),
        ('{"train": 3, "valid": ["b"], "test": ["a"]}', "is not a split"),
    ],
)
def test_files_that_are_no_split(content, says, tmp_path):
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(DataError, match=re.escape(says)):
        Split.read(tmp_path / "s.json")


def test_paths_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="no split file"):
        Split.read(tmp_path / "missing.json")
    with pytest.raises(DataError, match="cannot be read"):
        Split.read(tmp_path)
    (tmp_path / "file").touch()
    split = random_split(IDS, FORMULAS, valid=0.1, test=0.1, seed=0)
    with pytest.raises(DataError, match="cannot be written"):
        split.write(tmp_path / "file" / "split.json")


def test_the_paper_split_belongs_to_the_data(shared, prepared):
    """1218, 152 and 76 materials, among them those the paper names."""
    split = Split.read(shared / "dfpt2018" / "split_paper.json")
    assert {p: len(i) for p, i in split.parts.items()} == {"train": 1218, "valid": 152, "test": 76}
    dataset = Dataset.open(prepared.output)
    assert sorted(dataset.ids) == sorted(i for ids in split.parts.values() for i in ids)
    assert "mp-4820" in split.parts["train"]  # ZrSiO4
    assert dataset.select(["mp-4820"]).formulas == ["ZrSiO4"]


def composition(species: list[str]) -> tuple[tuple[str, int], ...]:
    """Elements and their numbers in the formula, whatever the order and the size of the cell."""
    counts = Counter(species)
    return tuple(sorted((s, n // gcd(*counts.values())) for s, n in counts.items()))


@pytest.mark.parametrize("name", ["nac", "nonac"])
def test_phonondb_shares_no_formula_with_what_the_paper_is_judged_on(name, shared, prepared):
    source = shared / "phonondb2018"
    if not source.is_dir():
        pytest.skip("phonondb2018/ is not in PHONODOS_SHARED")
    # Formulas in the names of the archives are in small letters (si-cu4s3-2), so in doubt: the ids
    # are taken from there, the species from the list of structures.
    entry = re.compile(r"materials-id-(\d+)-[^/]+\.tar\.lzma$")
    with tarfile.open(source / f"phonondb-2018-{name}.tar") as archive:
        found = {f"mp-{m[1]}" for m in map(entry.search, archive.getnames()) if m}
    split = json.loads(
        (source / ("split.json" if name == "nac" else "split_nonac.json")).read_text()
    )
    used = {i for ids in split.values() if isinstance(ids, list) for i in ids}
    assert used == found
    assert len(used) == {"nac": 4085, "nonac": 1748}[name]
    with gzip.open(shared / "structures" / "phonondb_structures.jsonl.gz", "rt") as lines:
        known = {row["id"]: composition(row["species"]) for row in map(json.loads, lines)}
    paper = Split.read(shared / "dfpt2018" / "split_paper.json")
    dataset = Dataset.open(prepared.output)

    def of(*parts: str) -> list[tuple[tuple[str, int], ...]]:
        ids = [i for part in parts for i in paper.parts[part]]
        return [composition(species) for species in dataset.select(ids).column("species")]

    used_formulas = {known[i] for i in used}
    assert used_formulas & set(of("valid", "test")) == set()
    if name == "nac":  # the comparison can fail: with what the paper trained on much is in common
        assert len(used_formulas & set(of("train"))) > 500


@pytest.mark.parametrize("name", ["lattice", "lattice-paper", "chen2021"])
def test_released_weights_were_not_taught_what_judges_them(name, shared, prepared):
    """By formula, predictions that taught included; polymorphs within the paper's split may."""
    source = shared / "phonondb2018" / "split.json"
    if not source.is_file():
        pytest.skip("phonondb2018/ is not in PHONODOS_SHARED")
    header = read_header(weights_path(name))
    paper = Split.read(shared / "dfpt2018" / "split_paper.json").parts
    dataset = Dataset.open(prepared.output)
    own, judged = (
        set(dataset.select([i for part in parts for i in paper[part]]).formulas)
        for parts in (["train"], ["valid", "test"])
    )
    divided = json.loads(source.read_text())
    wanted = {*divided["valid"], *divided["test"]}
    with gzip.open(shared / "structures" / "phonondb_structures.jsonl.gz", "rt") as lines:
        rows = [row for row in map(json.loads, lines) if row["id"] in wanted]
    assert len(rows) == len(wanted) == 500
    judged |= {
        Crystal.ordered(row["lattice"], row["frac_coords"], row["species"]).formula for row in rows
    }
    assert header.taught_formulas >= own
    assert (header.taught_formulas - own) & judged == set()
    assert set(header.predicted_formulas) & judged == set()
    assert header.trained_ids & (wanted | {*paper["valid"], *paper["test"]}) == set()
