"""Distances: measured in training, held against what a user gives."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.model.bond_lengths import (
    REACH,
    TrainingLengths,
    closest_contacts,
    length_doubts,
    measure_lengths,
)
from phonodos.model.graph import build_graph
from phonodos.model.weights import available, read_header, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.structures.entries import entries


def rocksalt(a: float, cation: str = "Mg", anion: str = "O") -> Crystal:
    cell = a / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0] * 3, [0.5] * 3], [cation, anion], name="rocksalt")


def doubts(crystal: Crystal, known: TrainingLengths) -> list[str]:
    graph = build_graph(crystal, REACH)
    return length_doubts(crystal, graph, known, range(crystal.n_atoms))


@pytest.fixture
def known() -> TrainingLengths:
    return measure_lengths([rocksalt(4.2), rocksalt(4.3), rocksalt(5.6, "Na", "Cl")])


def test_what_is_measured(known: TrainingLengths) -> None:
    assert known.shortest["Mg-O"] == pytest.approx(2.1)
    assert known.shortest["Mg-Mg"] == pytest.approx(4.2 / 2**0.5, abs=1e-3)
    assert known.loosest == pytest.approx({"Mg": 2.15, "O": 2.15, "Na": 2.8, "Cl": 2.8})
    assert known.emptiest == pytest.approx(5.6**3 / 8, abs=0.1)
    assert "Na-O" not in known.shortest
    contact = closest_contacts(rocksalt(4.2), build_graph(rocksalt(4.2), REACH))["Mg-O"]
    assert (contact.first, contact.second, round(contact.length, 6)) == (0, 1, 2.1)


@pytest.mark.parametrize("factor", [0.97, 1.0, 1.03])
def test_what_training_saw_is_no_reason_for_doubt(known: TrainingLengths, factor: float) -> None:
    assert doubts(rocksalt(4.25 * factor), known) == []


def test_too_close_and_too_loose_are_told_with_both_atoms(known: TrainingLengths) -> None:
    (close,) = doubts(rocksalt(4.2 * 0.7), known)
    assert close.startswith("Mg (site 1) and O (site 2) are 1.47 A apart: in training Mg-O")
    loose, empty = doubts(rocksalt(4.2 * 1.89), known)
    assert "the nearest neighbour of Mg (site 1) is O (site 2), 3.97 A away" in loose
    assert empty.startswith("63 A^3 an atom")


def test_absurd_is_refused_with_both_atoms_and_the_way_round(known: TrainingLengths) -> None:
    with pytest.raises(StructureError, match=r"Mg \(site 1\) and O \(site 2\) are 0\.84") as caught:
        doubts(rocksalt(4.2 * 0.4), known)
    assert "--no-check" in caught.value.fix


def test_a_pair_that_training_held_far_apart_only_may_be_a_bond() -> None:
    """Told of, not refused: in training the two met across another atom."""
    known = TrainingLengths(shortest={"Ca-S": 5.66, "Mg-O": 2.1})
    (close,) = doubts(rocksalt(5.4, "Ca", "S"), known)
    assert "2.70 A apart: in training Ca-S is never below 5.66 A" in close
    with pytest.raises(StructureError, match=r"1\.60 A apart"):
        doubts(rocksalt(3.2, "Ca", "S"), known)


def test_radii_stand_in_for_pairs_that_training_never_showed(known: TrainingLengths) -> None:
    assert doubts(rocksalt(4.8, "Ca", "S"), known) == []
    (close,) = doubts(rocksalt(3.4, "Ca", "S"), known)
    assert "training has no Ca-S" in close
    with pytest.raises(StructureError, match=r"Ca .* and S .* are"):
        doubts(rocksalt(2.4, "Ca", "S"), known)


def test_shared_sites_make_room(known: TrainingLengths) -> None:
    mixed = Crystal(
        rocksalt(3.0).cell, np.array([[0.0] * 3, [0.5] * 3]), ({"Mg": 0.5, "Ca": 0.5}, {"O": 1.0})
    )
    assert not any("Mg" in text or "Ca" in text for text in doubts(mixed, known))


def test_released_weights_know_the_distances_of_their_training() -> None:
    for name in available():
        known = read_header(weights_path(name)).training_lengths
        assert known is not None
        assert known.shortest["Mg-O"] == pytest.approx(1.97, abs=0.06)


def test_it_stays_quiet_on_real_structures(shared: Path) -> None:
    """Of every fortieth of 10,034 relaxed structures, none is refused."""
    known = read_header(weights_path("lattice")).training_lengths
    assert known is not None
    path = shared / "structures" / "phonondb_structures.jsonl.gz"
    told = n = 0
    for k, entry in enumerate(entries(path)):
        if k % 40 == 0:
            told += bool(doubts(entry.build("x"), known))
            n += 1
    assert n > 200
    assert told < 0.1 * n
