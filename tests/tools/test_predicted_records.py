"""Records of predictions: who is among them, and that they say what the networks say."""

import gzip
import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from phonodos.datasets.dataset import Dataset, crystal_row, write_dataset
from phonodos.datasets.splits import Split
from phonodos.errors import DataError
from phonodos.model.lattice import LatticeNetwork
from phonodos.model.weights import load_networks, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import load
from predicted_records import (
    Known,
    known_of,
    partners,
    record_of,
    records_of,
    replaced,
    structures_of,
    substituted,
    waves_of,
)

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def rock_salt(first: str, second: str, a: float, name: str = "") -> Crystal:
    return Crystal.ordered(a * FCC, [[0.0] * 3, [0.5] * 3], [first, second], name or first + second)


CRYSTALS = [
    rock_salt("Na", "Cl", 5.64), rock_salt("K", "Br", 6.6), rock_salt("Mg", "O", 4.21),
    rock_salt("Li", "F", 4.03), rock_salt("Ca", "O", 4.81),
]  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("like")
    rows = [crystal_row(c, c.name, "own") for c in CRYSTALS]
    write_dataset(folder / "data.parquet", rows, {})
    Split({"train": ("NaCl", "KBr", "MgO"), "valid": ("LiF",), "test": ("CaO",)}).write(
        folder / "split.json"
    )
    return known_of([[str(folder / "data.parquet"), str(folder / "split.json")]], 12)


@pytest.fixture(scope="module")
def networks() -> list[LatticeNetwork]:
    return [cast("LatticeNetwork", n) for n in load_networks(weights_path("lattice"))[0]]


def test_what_is_judged_is_no_parent(known: Known) -> None:
    assert sorted(c.name for c in known.parents) == ["KBr", "MgO", "NaCl"]
    assert known.judged == {"LiF", "CaO"}
    assert (known.valid, known.test) == (("LiF",), ("CaO",))


def test_judged_materials_of_unknown_formula_are_refused(tmp_path: Path) -> None:
    """A split may judge by another data set: without it their formulas could be taught."""
    rows = [crystal_row(c, c.name, "own") for c in CRYSTALS[:4]]
    write_dataset(tmp_path / "data.parquet", rows, {})
    Split({"train": ("NaCl",), "valid": ("LiF",), "test": ("CaO",)}).write(tmp_path / "s.json")
    with pytest.raises(DataError, match="formulas of 1 materials in valid or test are not known"):
        known_of([[str(tmp_path / "data.parquet"), str(tmp_path / "s.json")]], 12)


def test_substitution_keeps_to_columns_and_off_what_is_known(known: Known) -> None:
    assert partners("Na") == ["Li", "K"]
    assert partners("Cs") == ["Rb"]
    assert partners("La") == ["Y", "Nd"]
    assert partners("He") == []
    found = list(substituted(known, 100, 1))
    assert 3 < len(found) < 20
    formulas = [c.formula for c in found]
    assert len(set(formulas)) == len(formulas)
    assert not set(formulas) & (known.formulas | known.judged)  # neither LiF nor CaO
    assert [c.name for c in substituted(known, 2, 1)] == [c.name for c in found[:2]]
    assert all(c.name.startswith("predicted/") for c in found)


def test_bonds_grow_with_the_atoms() -> None:
    parent = CRYSTALS[0]
    larger, smaller = replaced(parent, "Na", "K"), replaced(parent, "Na", "Li")
    assert larger.formula == "KCl"
    assert smaller.volume < parent.volume < larger.volume
    assert larger.name == "predicted/NaCl:Na=K"


def test_structures_without_a_calculation(known: Known, tmp_path: Path) -> None:
    found = [
        *((c.name, c) for c in CRYSTALS[:1]), ("mp-1", rock_salt("Li", "F", 4.1)),
        ("mp-2", rock_salt("Sr", "O", 5.1)), ("mp-3", rock_salt("Ba", "O", 5.5)),
    ]  # fmt: skip
    lines = [
        json.dumps({
            "id": name, "lattice": c.cell.tolist(), "frac_coords": c.frac_coords.tolist(),
            "species": list(c.symbols),
        })
        for name, c in found
    ]  # fmt: skip
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    for name in ("s.jsonl", "s.jsonl.gz"):
        crystals = list(structures_of(tmp_path / name, known, 40))
        assert [c.name for c in crystals] == ["predicted/mp-2", "predicted/mp-3"]
    assert list(structures_of(tmp_path / "s.jsonl", known, 1)) == []


def test_a_record_says_what_the_members_say(networks: list[LatticeNetwork], tmp_path: Path) -> None:
    crystal = rock_salt("K", "Cl", 6.29, "predicted/KCl")
    record = record_of(crystal, networks)
    assert record is not None
    write_dataset(tmp_path / "p.parquet", [record], {"predicted_by": {"weights": "lattice"}})
    records = Dataset.open(tmp_path / "p.parquet")
    bands = records.bands(0)
    assert bands is not None
    q, w = bands
    np.testing.assert_allclose(q, waves_of(crystal))
    model = load("lattice")
    prediction = model.predict(crystal)
    each = [m.frequencies(q) for m in prediction.member_lattices]
    np.testing.assert_allclose(w, np.mean(each, axis=0), atol=0.05)
    assert records.dos(0).mean_frequency == pytest.approx(prediction.dos.mean_frequency, rel=0.02)
    born = records.born_charges(0)
    assert born is not None
    np.testing.assert_allclose(born.sum(axis=0), 0.0, atol=1e-5)


def test_what_makes_no_sense_is_left_out(
    networks: list[LatticeNetwork], capsys: pytest.CaptureFixture[str]
) -> None:
    squeezed = rock_salt("Na", "Cl", 2.2, "squeezed")  # 10,687 cm^-1, were it a crystal
    sound = rock_salt("K", "Cl", 6.29, "KCl")
    assert [r["id"] for r in records_of([squeezed, sound], networks)] == ["KCl"]
    assert "squeezed left out" in capsys.readouterr().err
