"""The crystal graph against ASE's neighbour list, on ordinary and hostile cells."""

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list

from phonodos.errors import StructureError
from phonodos.model.graph import (
    ALIKE,
    CrystalGraph,
    build_graph,
    collate,
    distinct_edges,
    find_neighbours,
    isolated_sites,
)
from phonodos.physics.crystal import Crystal

CELLS = {
    "cubic": 4.0 * np.eye(3),
    "left-handed": np.diag([4.0, 4.2, -4.5]),
    "tiny": 1.9 * np.eye(3),
    "flat": np.diag([3.0, 3.0, 30.0]),
    "skewed": np.array([[3.0, 0, 0], [9.1, 2.9, 0], [-12.3, 7.7, 3.2]]),
    "needle": np.array([[2.5, 0, 0], [24.0, 2.6, 0], [11.0, -13.0, 2.8]]),
    "rotated triclinic": np.array([[2.1, 3.0, -1.0], [-3.3, 1.2, 2.0], [0.7, -1.1, 4.9]]),
    "very tiny": np.array([[1.1, 0, 0], [0.3, 1.2, 0], [-0.2, 0.4, 1.3]]),
    "left-handed and skewed": np.array([[2.9, 0, 0], [-6.2, 3.1, 0], [8.5, -4.4, -3.3]]),
}


def random_crystal(cell: np.ndarray, rng: np.random.Generator, n: int = 3) -> Crystal:
    return Crystal.ordered(cell, rng.normal(size=(n, 3)), ["Na", "Cl", "O"][:n])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("cutoff", [2.5, 5.0])
def test_equal_to_ase(name: str, cutoff: float, rng: np.random.Generator) -> None:
    crystal = random_crystal(CELLS[name], rng)
    graph = build_graph(crystal, cutoff)
    atoms = Atoms(
        crystal.symbols, cell=crystal.cell, scaled_positions=crystal.frac_coords, pbc=True
    )
    i, j, vectors = neighbor_list("ijD", atoms, cutoff)
    # ASE wraps nothing when positions lie outside the cell, so vectors compare as they are.
    ours = np.column_stack([graph.edge_index.T, graph.edge_vectors]).round(6) + 0.0
    theirs = np.column_stack([i, j, vectors]).round(6) + 0.0
    assert len(ours) == len(theirs)
    assert np.abs(ours[np.lexsort(ours.T[::-1])] - theirs[np.lexsort(theirs.T[::-1])]).max() < 2e-6


def test_edge_points_from_centre_to_neighbour(rock_salt: Crystal) -> None:
    graph = build_graph(rock_salt, 3.0)
    assert graph.edge_index.shape == (2, 12)
    i, j = graph.edge_index
    difference = rock_salt.positions[j] - rock_salt.positions[i]
    images = (graph.edge_vectors - difference) @ np.linalg.inv(rock_salt.cell)
    assert np.abs(images - images.round()).max() < 1e-12
    assert np.allclose(np.linalg.norm(graph.edge_vectors, axis=1), 2.82)


def test_slots_list_the_edges_of_every_atom(rng: np.random.Generator) -> None:
    graph = build_graph(random_crystal(CELLS["flat"], rng), 4.0)
    n_edges = graph.edge_index.shape[1]
    for atom, row in enumerate(graph.neighbour_slots.tolist()):
        edges = [e for e in row if e < n_edges]
        assert edges == np.flatnonzero(graph.edge_index[0] == atom).tolist()


def test_collate_keeps_crystals_apart(rock_salt: Crystal, perovskite: Crystal) -> None:
    graphs = [build_graph(c, 5.0) for c in (rock_salt, perovskite, rock_salt)]
    batch = collate(graphs)
    assert batch.n_crystals == 3
    assert batch.batch.tolist() == [0, 0, 1, 1, 1, 1, 1, 2, 2]
    owner = batch.batch[batch.edge_index]
    assert (owner[0] == owner[1]).all()
    assert batch.edge_index.shape[1] == sum(g.edge_index.shape[1] for g in graphs)


def test_sites_are_encoded_by_fraction_times_mass() -> None:
    cell = 3.96 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    alloy = Crystal(cell, np.zeros((1, 3)), ({"Cu": 0.7, "Au": 0.3},))
    graph = build_graph(alloy, 4.0)
    row = graph.site_masses[0]
    assert np.flatnonzero(row).tolist() == [28, 78]
    assert row[28] == pytest.approx(0.7 * 63.546)
    assert row[78] == pytest.approx(0.3 * 196.966569)
    assert float(row.sum()) == pytest.approx(float(alloy.masses[0]))
    assert float(graph.fractions.sum()) == pytest.approx(1.0)


def test_lone_atom_is_an_error() -> None:
    crystal = Crystal.ordered(20.0 * np.eye(3), [[0, 0, 0]], ["Ar"], name="argon.cif")
    with pytest.raises(StructureError, match=r"argon\.cif: no atom has a neighbour within 5 A"):
        build_graph(crystal, 5.0)


def test_isolated_sites_are_found() -> None:
    crystal = Crystal.ordered(
        12.0 * np.eye(3), [[0, 0, 0], [0.1, 0, 0], [0.5, 0.5, 0.5]], ["C", "O", "Ar"]
    )
    assert isolated_sites(build_graph(crystal, 5.0)) == (2,)


@pytest.mark.parametrize("k", [19, 30, 1000])
def test_neighbours_do_not_depend_on_the_choice_of_vectors(
    rng: np.random.Generator, k: int
) -> None:
    crystal = random_crystal(CELLS["rotated triclinic"], rng)
    shear = np.array([[1, 0, 0], [k, 1, 0], [0, k, 1]])
    cell = shear @ crystal.cell
    skewed = Crystal(cell, crystal.positions @ np.linalg.inv(cell), crystal.occupancy)
    rows = []
    for c in (crystal, skewed):
        i, j, images, vectors = find_neighbours(c, 5.0)
        assert (np.diff(i) >= 0).all()
        # One formula for every edge, in the user's own basis and with the user's own sites.
        expected = c.positions[j] - c.positions[i] + images @ c.cell
        np.testing.assert_allclose(vectors, expected, atol=1e-7)
        row = np.column_stack([i, j, vectors]).round(5) + 0.0
        rows.append(row[np.lexsort(row.T[::-1])])
    assert len(rows[0]) == len(rows[1])
    np.testing.assert_allclose(*rows, atol=2e-5)


def test_sites_far_from_the_cell_have_the_same_neighbours(rock_salt: Crystal) -> None:
    moved = rock_salt.frac_coords + np.array([[0, 0, 0], [900, -800, 40]])
    far = Crystal(rock_salt.cell, moved, rock_salt.occupancy)
    near, found = find_neighbours(rock_salt, 5.0), find_neighbours(far, 5.0)
    expected = far.positions[found[1]] - far.positions[found[0]] + found[2] @ far.cell
    np.testing.assert_allclose(found[3], expected, atol=1e-9)
    assert np.array_equal(near[0], found[0])
    np.testing.assert_allclose(
        np.sort(np.linalg.norm(near[3], axis=1)), np.sort(np.linalg.norm(found[3], axis=1))
    )


def kinds_of(graph: CrystalGraph) -> list[tuple[bytes, bytes, float]]:
    rows = [row.tobytes() for row in graph.fractions]
    lengths = np.linalg.norm(graph.edge_vectors, axis=1).tolist()
    ends = graph.edge_index.T.tolist()
    return [(rows[i], rows[j], r) for (i, j), r in zip(ends, lengths, strict=True)]


def test_distinct_edges_stand_for_all(perovskite: Crystal, low_symmetry: Crystal) -> None:
    """Every edge has one of its elements and length, in a batch too, and none is there twice."""
    graph = collate([build_graph(crystal, 6.0) for crystal in (perovskite, low_symmetry)])
    kinds = kinds_of(graph)
    assert len(graph.alike) == len(kinds) > 4 * len(build_graph(perovskite, 6.0).distinct)
    for (a, b, r), k in zip(kinds, graph.distinct[graph.alike].tolist(), strict=True):
        assert (a, b) == kinds[k][:2]
        assert abs(r - kinds[k][2]) < 2 * ALIKE
    first = build_graph(perovskite, 6.0)
    assert len(first.alike) > 18 * len(first.distinct)  # of 48 operations
    chosen = [(a, b, round(r, 5)) for a, b, r in (kinds_of(first)[k] for k in first.distinct)]
    assert len(set(chosen)) == len(chosen)


def test_lengths_that_differ_are_not_alike() -> None:
    fractions, ends = np.eye(2, 118), np.array([[0, 0, 0, 1], [1, 1, 1, 0]])
    lengths = np.array([2.0, 2.0 + 5e-7, 2.0 + 5e-6, 2.0])
    distinct, alike = distinct_edges(fractions, ends, lengths[:, None] * np.array([0.0, 0.6, 0.8]))
    assert sorted(distinct.tolist()) == [0, 2, 3]  # a pair and its reverse are two kinds
    assert distinct[alike].tolist() == [0, 0, 2, 3]


def test_no_edges_no_kinds() -> None:
    found = distinct_edges(np.eye(1, 118), np.zeros((2, 0), np.int64), np.zeros((0, 3)))
    assert [len(x) for x in found] == [0, 0]


def arrays_of(graph: CrystalGraph) -> dict[str, object]:
    """Return the arrays of a graph and what is found of them."""
    names = [f.name for f in fields(graph) if f.name != "n_crystals"]
    return {n: getattr(graph, n) for n in [*names, "neighbour_counts", "neighbour_slots"]}


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_torch_and_numpy_hold_the_same(
    kind: str, perovskite: Crystal, low_symmetry: Crystal
) -> None:
    """In every type, of single crystals and batches; batches of either library are the same."""
    graphs = [build_graph(crystal, 4.0) for crystal in (perovskite, low_symmetry)]
    assert graphs[0].edge_vectors.dtype == np.float64
    ours = collate([g.to(dtype=np.dtype(kind)) for g in graphs])
    theirs = collate(graphs).to(dtype=getattr(torch, kind))
    joined = collate([g.to(dtype=getattr(torch, kind)) for g in graphs])
    for name, array in arrays_of(ours).items():
        assert isinstance(array, np.ndarray)
        wanted = kind if array.dtype.kind == "f" else "int64"
        for other in (theirs, joined):
            found = arrays_of(other)[name]
            assert isinstance(found, torch.Tensor)
            assert found.dtype == getattr(torch, wanted)
            np.testing.assert_array_equal(array, found.numpy())
        assert array.dtype == wanted
    assert ours.first_edges == theirs.first_edges
    assert isolated_sites(ours) == isolated_sites(theirs)
    back = theirs.to(dtype=np.float64)
    assert back.edge_vectors.dtype == np.float64
    np.testing.assert_allclose(back.edge_vectors, collate(graphs).edge_vectors, atol=1e-6)


def test_a_graph_of_tensors_finds_its_distinct_edges(perovskite: Crystal) -> None:
    graph = build_graph(perovskite, 4.0).to(dtype=torch.float64)
    again = CrystalGraph(
        graph.site_masses, graph.fractions, graph.edge_index, graph.edge_vectors, graph.batch, 1
    )
    assert torch.equal(again.distinct, graph.distinct)
    assert torch.equal(again.alike, graph.alike)


GRAPH = """
import sys
import numpy as np
from phonodos.model.bonds import bond_crystal
from phonodos.model.graph import build_graph
from phonodos.physics.crystal import Crystal
crystal = Crystal.ordered(3 * np.eye(3), [[0.0] * 3, [0.5] * 3], ["Cs", "Cl"])
build_graph(crystal, 4.0).to(dtype=np.float32)
bond_crystal(crystal, 4.0)
print("torch" in sys.modules)
import torch, vesin
print(torch.ones(2).sum().item())
"""


def test_graphs_are_built_without_torch() -> None:
    """vesin would load it; whoever wants it afterwards has it."""
    done = subprocess.run(
        [sys.executable, "-c", GRAPH], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split() == ["False", "2.0"]
