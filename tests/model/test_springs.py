"""The pair head: a bond does not know which of its ends comes first."""

from itertools import pairwise

import pytest
import torch
from e3nn import o3

from phonodos.model.layers import Features, spherical_harmonics
from phonodos.model.radial import polynomial_cutoff
from phonodos.model.springs import SpringHead, base_stiffness

IRREPS = o3.Irreps("4x0e+3x1o+3x1e+3x2e")
N_RADIAL, N_ELEMENTS = 5, 3


@pytest.fixture(params=["with 1e", "without"])
def head(request: pytest.FixtureRequest) -> SpringHead:
    torch.manual_seed(11)
    irreps = IRREPS if request.param == "with 1e" else o3.Irreps("4x0e+3x1o+3x2e")
    head = SpringHead(irreps, (4, 3, 2), N_RADIAL, N_ELEMENTS, (10,), 4).double()
    return head.requires_grad_(False)


def bonds() -> tuple[Features, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(12)
    x = {ir: torch.randn(3, ir.dim, mul, dtype=torch.float64) for mul, ir in IRREPS}
    ends = torch.tensor([[0, 1, 2, 1], [1, 2, 0, 1]])
    vectors = 2.0 * torch.randn(4, 3, dtype=torch.float64)
    radial = torch.randn(4, N_RADIAL, dtype=torch.float64)
    return x, ends, vectors, radial, torch.randn(3, N_ELEMENTS, dtype=torch.float64)


def constants(
    head: SpringHead, x: Features, ends: torch.Tensor, vectors: torch.Tensor,
    radial: torch.Tensor, elements: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    distances = vectors.norm(dim=1)
    return head(
        x, (ends[0], ends[1]), elements, radial, torch.ones_like(distances),
        vectors / distances[:, None], spherical_harmonics(vectors, 2),
    )  # fmt: skip


def test_exchange_of_ends_transposes(head: SpringHead) -> None:
    x, ends, vectors, radial, elements = bonds()
    there = constants(head, x, ends, vectors, radial, elements)
    back = constants(head, x, ends.flip(0), -vectors, radial, elements)
    torch.testing.assert_close(back, there.mT)
    assert float((there - there.mT).abs().max()) > 1e-3  # the antisymmetric part is there


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_constants_turn_as_tensors(head: SpringHead, sign: float) -> None:
    x, ends, vectors, radial, elements = bonds()
    turn = sign * o3.rand_matrix(dtype=torch.float64)
    turned = {
        ir: torch.einsum("ab,nbk->nak", o3.Irrep(ir).D_from_matrix(turn), v) for ir, v in x.items()
    }
    found = constants(head, turned, ends, vectors @ turn.T, radial, elements)
    wanted = turn @ constants(head, x, ends, vectors, radial, elements) @ turn.T
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_base_falls_by_orders_of_magnitude() -> None:
    r = torch.linspace(1.5, 6.0, 400, dtype=torch.float64)
    base = base_stiffness(r, r - 2.0, polynomial_cutoff(r, 6.0))
    assert all(a > b for a, b in pairwise(base.tolist()))
    assert float(base[0] / base[-20]) > 100.0


def test_base_stops_growing_where_atoms_overlap() -> None:
    one = torch.ones(2, dtype=torch.float64)
    near, nearer = base_stiffness(one, torch.tensor([-0.8, -2.0], dtype=torch.float64), one)
    assert near == nearer
