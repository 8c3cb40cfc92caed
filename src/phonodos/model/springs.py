"""The pair head: a force-constant tensor for every bond from the features of its two atoms.

A bond must not know which of its ends comes first: exchanging them transposes the tensor. Built
from quantities that are even (sums of even irreps, differences of vectors times the odd Y_1) the
symmetric part obeys that; built from odd ones the antisymmetric part does.
"""

import torch
from torch import Tensor, nn

from phonodos.model.irreps import AXIAL, SCALAR, TENSOR, VECTOR, Irreps
from phonodos.model.layers import Features
from phonodos.model.tensors import HarmonicProduct, mixed_matrix
from phonodos.model.trunk import IrrepLinear, dense

NEAR, NEAR_DECAY = 6.0, 1.6  # [eV/A^2], [1/A]: a bond's stiffness against the reduced distance
FAR, FAR_DECAY = 0.15, 0.6  # [eV/A^2], [1/A]: the tail, from 3 A on
SHORTEST = -0.7  # [A], of the reduced distance: closer atoms get no stiffer base
LONGITUDINAL = 0.7  # of the base: longitudinal spring before anything is learned


def base_stiffness(distances: Tensor, reduced: Tensor, fade: Tensor) -> Tensor:
    """Return (b,) the usual size of a force constant at a distance [eV/A^2].

    It takes out of the network's hands the decay over three orders of magnitude that every
    material shares; `reduced` is the distance minus both covalent radii [A].
    """
    near = NEAR * torch.exp(-NEAR_DECAY * reduced.clamp_min(SHORTEST))
    far = FAR * torch.exp(-FAR_DECAY * (distances - 3.0))
    return (near + far) * fade.clamp_min(1e-12) ** 0.25


class SpringHead(nn.Module):
    """Force constants of bonds [eV/A^2].

    Parameters
    ----------
    irreps
        Of the node features: scalars, 1o, 2e and perhaps 1e.
    channels
        (scalars, vectors, tensors) kept of each node.
    n_radial, n_elements
        Sizes of the radial and of the element features.
    hidden
        Hidden layers of the MLP on the invariants.
    """

    def __init__(
        self, irreps: Irreps, channels: tuple[int, int, int], n_radial: int, n_elements: int,
        hidden: tuple[int, ...], mixed: int,
    ) -> None:  # fmt: skip
        super().__init__()
        scalars, vectors, tensors = channels
        self.axial = AXIAL in [ir for _, ir in irreps]
        kept = [(scalars, SCALAR), (vectors, VECTOR), (tensors, TENSOR)]
        self.ends = IrrepLinear(irreps, (*kept, *([(vectors, AXIAL)] if self.axial else [])))
        self.product = HarmonicProduct(
            [(0, 2, 2), (2, 2, 0), (1, 1, 0), (2, 2, 2), (1, 1, 2), (2, 2, 1), (1, 1, 1)]
        )
        n_even = 2 * tensors + vectors
        n_odd = tensors + vectors * (2 if self.axial else 1)
        self.even = nn.Parameter(torch.randn(n_even, mixed) * n_even**-0.5)
        self.odd = nn.Parameter(torch.randn(n_odd, mixed) * n_odd**-0.5)
        self.mixed = mixed
        invariants = n_radial + 2 * n_elements + 2 * scalars + tensors + vectors
        self.mlp = dense([invariants, *hidden, 2 + 2 * mixed])

    def forward(
        self, x: Features, ends: tuple[Tensor, Tensor], elements: Tensor, radial: Tensor,
        base: Tensor, unit: Tensor, harmonics: dict[int, Tensor],
    ) -> Tensor:  # fmt: skip
        """Return (b, 3, 3) force constants Phi_ij of bonds i -> j; Phi_ji is the transpose."""
        kept = self.ends(x)
        first = {ir: block.index_select(0, ends[0]) for ir, block in kept.items()}
        second = {ir: block.index_select(0, ends[1]) for ir, block in kept.items()}
        total = {ir: first[ir] + second[ir] for ir in kept}
        change = {ir: second[ir] - first[ir] for ir in kept}
        y1, y2, p = harmonics[1], harmonics[2], self.product
        a, b = elements.index_select(0, ends[0]), elements.index_select(0, ends[1])
        invariants = [
            radial, a + b, (a - b).abs(), total[SCALAR][:, 0], change[SCALAR][:, 0].abs(),
            p(total[TENSOR], y2, (2, 2, 0))[:, 0], p(change[VECTOR], y1, (1, 1, 0))[:, 0],
        ]  # fmt: skip
        even = [total[TENSOR], p(total[TENSOR], y2, (2, 2, 2)), p(change[VECTOR], y1, (1, 1, 2))]
        odd = [p(change[TENSOR], y2, (2, 2, 1)), p(total[VECTOR], y1, (1, 1, 1))]
        if self.axial:
            odd.append(change[AXIAL])
        learned = self.mlp(torch.cat(invariants, dim=1))
        along, across = learned[:, :1, None], learned[:, 1:2, None]
        symmetric, skew = torch.split(learned[:, 2:], self.mixed, dim=1)
        line = unit[:, :, None] * unit[:, None, :]
        eye = torch.eye(3, dtype=line.dtype, device=line.device)
        spring = LONGITUDINAL * (1.0 + 3.0 * along) * line + across * (eye - line)
        spring = spring + mixed_matrix(torch.cat(even, dim=2) @ self.even, symmetric, 2)
        spring = spring + mixed_matrix(torch.cat(odd, dim=2) @ self.odd, skew, 1)
        constants: Tensor = -base[:, None, None] * spring
        return constants
