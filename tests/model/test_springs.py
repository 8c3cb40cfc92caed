"""The pair head: a bond does not know which of its ends comes first."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from e3nn import o3
from scipy.spatial.transform import Rotation

from phonodos.model.irreps import HEXADECAPOLE, OCTUPOLE, parse_irreps
from phonodos.model.layers import Features, spherical_harmonics
from phonodos.model.parameters import drawn
from phonodos.model.radial import polynomial_cutoff
from phonodos.model.springs import SpringHead, base_stiffness

IRREPS = parse_irreps("4x0e+3x1o+3x1e+3x2e")
N_RADIAL, N_ELEMENTS, MULTIPOLES = 5, 3, 2


@pytest.fixture(params=["with 1e", "without", "with multipoles"])
def head(request: pytest.FixtureRequest) -> SpringHead:
    irreps = parse_irreps("4x0e+3x1o+3x2e") if request.param == "without" else IRREPS
    more = MULTIPOLES if request.param == "with multipoles" else 0
    return SpringHead("springs", irreps, (4, 3, 2), N_RADIAL, N_ELEMENTS, (10,), 4, more)


Bonds = tuple[Features, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def bonds() -> Bonds:
    rng = np.random.default_rng(12)
    irreps = (*IRREPS, (MULTIPOLES, OCTUPOLE), (MULTIPOLES, HEXADECAPOLE))
    x = {ir: rng.normal(size=(3, ir.dim, mul)) for mul, ir in irreps}
    ends = np.array([[0, 1, 2, 1], [1, 2, 0, 1]])
    vectors = 2.0 * rng.normal(size=(4, 3))
    return x, ends, vectors, rng.normal(size=(4, N_RADIAL)), rng.normal(size=(3, N_ELEMENTS))


def constants(
    head: SpringHead, x: Features, ends: np.ndarray, vectors: np.ndarray,
    radial: np.ndarray, elements: np.ndarray,
) -> np.ndarray:  # fmt: skip
    p = drawn(head.table, np.random.default_rng(11), np.float64)
    distances = np.linalg.norm(vectors, axis=1)
    kept = head.ends(p, x)
    if head.has_multipoles:
        kept |= {ir: x[ir] for ir in (OCTUPOLE, HEXADECAPOLE)}
    return head(  # type: ignore[no-any-return]
        p, kept, (ends[0], ends[1]), elements, radial, np.ones_like(distances),
        vectors / distances[:, None], spherical_harmonics(vectors, 4),
    )  # fmt: skip


def test_exchange_of_ends_transposes(head: SpringHead) -> None:
    x, ends, vectors, radial, elements = bonds()
    there = constants(head, x, ends, vectors, radial, elements)
    back = constants(head, x, ends[::-1], -vectors, radial, elements)
    np.testing.assert_allclose(back, there.swapaxes(1, 2), atol=1e-12)
    assert np.abs(there - there.swapaxes(1, 2)).max() > 1e-3  # the antisymmetric part is there


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_constants_turn_as_tensors(head: SpringHead, sign: float) -> None:
    x, ends, vectors, radial, elements = bonds()
    turn = sign * Rotation.random(random_state=1).as_matrix()
    turned = {
        ir: o3.Irrep(str(ir)).D_from_matrix(torch.from_numpy(turn)).numpy() @ v
        for ir, v in x.items()
    }
    found = constants(head, turned, ends, vectors @ turn.T, radial, elements)
    wanted = turn @ constants(head, x, ends, vectors, radial, elements) @ turn.T
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_base_falls_by_orders_of_magnitude() -> None:
    r = np.linspace(1.5, 6.0, 400)
    base = base_stiffness(r, r - 2.0, polynomial_cutoff(r, 6.0))
    assert all(a > b for a, b in pairwise(base.tolist()))
    assert float(base[0] / base[-20]) > 100.0


def test_base_stops_growing_where_atoms_overlap() -> None:
    one = np.ones(2)
    near, nearer = base_stiffness(one, np.array([-0.8, -2.0]), one)
    assert near == nearer
