"""Sums over neighbours: both bodies give the plain sum over edges, and torch its gradient."""

import numpy as np
import pytest
import torch

from phonodos.model import neighbours
from phonodos.model.graph import build_graph
from phonodos.model.layers import spherical_harmonics
from phonodos.model.neighbours import (
    Around,
    Channel,
    EdgeWeights,
    around,
    depthwise,
    edge_chunks,
    segment_sums,
)
from phonodos.physics.crystal import Crystal

CHANNELS = [Channel(0, 1, 0, 4), Channel(1, 3, 1, 2), Channel(0, 1, 2, 4), Channel(1, 3, 2, 2)]


@pytest.fixture
def near(perovskite: Crystal) -> Around:
    graph = build_graph(perovskite, 2.5)  # Sr has no neighbour within 2.5 A
    assert int(graph.neighbour_counts.min()) == 0
    vectors = np.asarray(graph.edge_vectors)
    return around(graph, vectors, spherical_harmonics(vectors, 2))


def in_torch(near: Around) -> Around:
    vectors = torch.from_numpy(near.vectors)
    return around(near.graph, vectors, spherical_harmonics(vectors, 2))


def factors(near: Around, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    m = len(near.vectors)
    return rng.normal(size=(m, 3)), rng.normal(size=(m, 4))


def plain(left: np.ndarray, right: np.ndarray, near: Around) -> np.ndarray:
    found = np.zeros((near.n_atoms, left.shape[1], right.shape[1]))
    np.add.at(found, np.asarray(near.graph.edge_index)[0], left[:, :, None] * right[:, None, :])
    return found


def test_sums_and_their_gradient(near: Around, rng: np.random.Generator) -> None:
    """Against the plain sum over edges; atoms without neighbours get zeros."""
    radial, products = factors(near, rng)
    wanted = plain(radial, products, near)
    np.testing.assert_allclose(segment_sums(radial, products, near), wanted, atol=1e-12)
    assert not wanted[0].any()
    given = [torch.from_numpy(x).requires_grad_() for x in (radial, products)]
    theirs = in_torch(near)
    np.testing.assert_allclose(segment_sums(*given, theirs).detach().numpy(), wanted, atol=1e-12)
    assert torch.autograd.gradcheck(lambda a, b: segment_sums(a, b, theirs), given)


def test_padded_form_equals_the_segment_form(
    near: Around, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """Accelerators take the padded product; its numbers must be the same."""
    radial, products = (torch.from_numpy(x) for x in factors(near, rng))
    theirs = in_torch(near)
    wanted = segment_sums(radial, products, theirs)
    monkeypatch.setattr(neighbours, "SEGMENT_DEVICES", ())
    torch.testing.assert_close(segment_sums(radial, products, theirs), wanted)


@pytest.mark.parametrize("few", [0, 10**6])  # weights by kind of edge, or by edge
@pytest.mark.parametrize("chunk", [1, 7, 10**6])
def test_depthwise_is_the_sum_of_products(
    near: Around, chunk: int, few: int, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """In chunks of any size, and in torch: sum_j Y(r_ij) x_j w_ij, channel by channel."""
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    monkeypatch.setattr(neighbours, "FEW", few)
    n, u = near.n_atoms, int(near.alike.max()) + 1
    blocks = [rng.normal(size=(n, 1, 4)), rng.normal(size=(n, 3, 2))]
    size = sum(c.size for c in CHANNELS)
    parts = [rng.normal(size=shape) for shape in ((u, 5), (size, 5), size, (u, 1))]
    found = depthwise(blocks, EdgeWeights(*parts), CHANNELS, near)
    same = EdgeWeights(*map(torch.from_numpy, parts))
    theirs = depthwise([torch.from_numpy(b) for b in blocks], same, CHANNELS, in_torch(near))
    hidden, matrix, bias, fade = parts
    weights = (hidden @ matrix.T + bias) * fade
    column = 0
    for channel, ours, other in zip(CHANNELS, found, theirs, strict=True):
        each = weights[near.alike][:, None, column : column + channel.size]
        column += channel.size
        products = (blocks[channel.source][near.neighbours] * each).reshape(len(each), -1)
        wanted = plain(near.harmonics[channel.degree], products, near)
        np.testing.assert_allclose(ours, wanted.reshape(ours.shape), atol=1e-12)
        np.testing.assert_allclose(other.numpy(), ours, atol=1e-12)


def test_large_tables_of_weights_are_not_made(
    near: Around, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(neighbours, "FEW", 0)
    blocks = [rng.normal(size=(near.n_atoms, 1, 4)), rng.normal(size=(near.n_atoms, 3, 2))]
    u, size = int(near.alike.max()) + 1, sum(c.size for c in CHANNELS)
    weights = EdgeWeights(*(rng.normal(size=s) for s in ((u, 5), (size, 5), size, (u, 1))))
    put: list[int] = []
    plain_put = neighbours.Columns.put_weights

    def counted(columns: neighbours.Columns, found: np.ndarray, out: np.ndarray) -> None:
        put.append(len(out))
        plain_put(columns, found, out)

    monkeypatch.setattr(neighbours.Columns, "put_weights", counted)
    whole = depthwise(blocks, weights, CHANNELS, near)
    assert set(put) == {u}
    put.clear()
    monkeypatch.setattr(neighbours, "LARGEST_TABLE", 1)
    parts = depthwise(blocks, weights, CHANNELS, near)
    assert sum(put) == len(near.alike) * len({c.degree for c in CHANNELS})
    for ours, others in zip(parts, whole, strict=True):
        np.testing.assert_allclose(ours, others, atol=1e-12)


@pytest.mark.parametrize("chunk", [7, 10**6])
def test_depthwise_has_its_gradient(
    near: Around, chunk: int, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """With respect to features and weights through chunks; all edges at once where they turn."""
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    n, u = near.n_atoms, int(near.alike.max()) + 1
    shapes = [(n, 1, 4), (n, 3, 2), (u, 2), (sum(c.size for c in CHANNELS), 2)]
    given = [torch.from_numpy(rng.normal(size=shape)).requires_grad_() for shape in shapes]
    bias, fade = torch.zeros(shapes[3][0], dtype=torch.double), torch.ones(u, 1).double()

    def sums(first, second, hidden, matrix, vectors=None):  # type: ignore[no-untyped-def]
        vectors = torch.from_numpy(near.vectors) if vectors is None else vectors
        theirs = around(near.graph, vectors, spherical_harmonics(vectors, 2))
        weights = EdgeWeights(hidden, matrix, bias, fade)
        return depthwise([first, second], weights, CHANNELS, theirs)

    assert torch.autograd.gradcheck(sums, given)
    varied = torch.from_numpy(near.vectors).requires_grad_()
    assert torch.autograd.gradcheck(sums, [*given, varied])
    kept = torch.autograd.grad(sum((x**2).sum() for x in sums(*given)), given)
    at_once = torch.autograd.grad(sum((x**2).sum() for x in sums(*given, varied)), given)
    torch.testing.assert_close(kept, at_once)
    (slope, *_) = torch.autograd.grad(sums(*given)[0].pow(2).sum(), given, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        slope.sum().backward()


def test_chunks_hold_every_edge_once(near: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK", 8)
    chunks = list(edge_chunks(near))
    assert len(chunks) > 1
    edges = np.concatenate([np.arange(e.start, e.stop) for _, e in chunks])
    assert np.array_equal(edges, np.arange(len(near.vectors)))
