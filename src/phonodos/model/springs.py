"""The pair head: a force-constant tensor for every bond from the features of its two atoms.

A bond must not know which of its ends comes first: exchanging them transposes the tensor. Built
from quantities that are even (sums of even irreps, differences of vectors times the odd Y_1) the
symmetric part obeys that; built from odd ones the antisymmetric part does.
"""

from collections.abc import Sequence

import numpy as np

from phonodos.model.arrays import Array, constant, library_of, split, taken
from phonodos.model.irreps import (
    AXIAL,
    HEXADECAPOLE,
    OCTUPOLE,
    SCALAR,
    TENSOR,
    VECTOR,
    Irreps,
)
from phonodos.model.layers import Features
from phonodos.model.parameters import Normal, Parameter, Parameters, Table
from phonodos.model.tensors import channel_sums, from_vector, scalar_product, unit_product
from phonodos.model.trunk import Dense, IrrepLinear

NEAR, NEAR_DECAY = 6.0, 1.6  # [eV/A^2], [1/A]: a bond's stiffness against the reduced distance
FAR, FAR_DECAY = 0.15, 0.6  # [eV/A^2], [1/A]: the tail, from 3 A on
SHORTEST = -0.7  # [A], of the reduced distance: closer atoms get no stiffer base
LONGITUDINAL = 0.7  # of the base: longitudinal spring before anything is learned
# Features, their degree, and that of the harmonics they are multiplied with (0: with none).
Part = tuple[Array, int, int]


def base_stiffness(distances: Array, reduced: Array, fade: Array) -> Array:
    """Return (b,) the usual size of a force constant at a distance [eV/A^2].

    It takes out of the network's hands the decay over three orders of magnitude that every
    material shares; `reduced` is the distance minus both covalent radii [A].
    """
    lib = library_of(distances)
    near = NEAR * lib.exp(-NEAR_DECAY * lib.clip(reduced, SHORTEST, None))
    far = FAR * lib.exp(-FAR_DECAY * (distances - 3.0))
    return (near + far) * lib.clip(fade, 1e-12, None) ** 0.25


class SpringHead:
    """Force constants of bonds [eV/A^2].

    Parameters
    ----------
    name
        Of its parameters.
    irreps
        Of the node features: scalars, 1o, 2e and perhaps 1e.
    channels
        (scalars, vectors, tensors) kept of each node.
    n_radial, n_elements
        Sizes of the radial and of the element features.
    hidden
        Hidden layers of the MLP on the invariants.
    mixed
        Tensors a bond is expanded in, each parity.
    multipoles
        Octupoles and hexadecapoles an atom has beside them (`multipoles.Multipoles`).
    """

    def __init__(
        self, name: str, irreps: Irreps, channels: tuple[int, int, int], n_radial: int,
        n_elements: int, hidden: tuple[int, ...], mixed: int, multipoles: int = 0,
    ) -> None:  # fmt: skip
        scalars, vectors, tensors = channels
        self.axial = AXIAL in [ir for _, ir in irreps]
        kept = [(scalars, SCALAR), (vectors, VECTOR), (tensors, TENSOR)]
        axial = [(vectors, AXIAL)] if self.axial else []
        self.ends = IrrepLinear(f"{name}.ends", irreps, (*kept, *axial))
        self.has_multipoles = multipoles > 0
        n_even = 2 * tensors + vectors + 4 * multipoles
        n_odd = tensors + vectors * (2 if self.axial else 1) + 2 * multipoles
        self.even, self.odd, self.mixed = f"{name}.even", f"{name}.odd", mixed
        invariants = n_radial + 2 * n_elements + 2 * scalars + tensors + vectors + 2 * multipoles
        self.mlp = Dense(f"{name}.mlp", [invariants, *hidden, 2 + 2 * mixed])
        self.table: Table = (
            *self.ends.table,
            Parameter(self.even, (n_even, mixed), Normal(n_even**-0.5)),
            Parameter(self.odd, (n_odd, mixed), Normal(n_odd**-0.5)),
            *self.mlp.table,
        )

    def __call__(
        self, p: Parameters, kept: Features, ends: tuple[Array, Array], elements: Array,
        radial: Array, base: Array, unit: Array, harmonics: dict[int, Array],
    ) -> Array:  # fmt: skip
        """Return (b, 3, 3) force constants Phi_ij of bonds i -> j; Phi_ji is the transpose.

        `kept` is what `ends` keeps of the features of all atoms, and their multipoles if the head
        takes any; `harmonics` go up to their degree.
        """
        lib, y1, y2 = library_of(radial), harmonics[1], harmonics[2]
        first = {ir: taken(block, ends[0]) for ir, block in kept.items()}
        second = {ir: taken(block, ends[1]) for ir, block in kept.items()}
        total = {ir: first[ir] + second[ir] for ir in kept}
        change = {ir: second[ir] - first[ir] for ir in kept}
        a, b = taken(elements, ends[0]), taken(elements, ends[1])
        invariants = [
            radial, a + b, abs(a - b), total[SCALAR][:, 0], abs(change[SCALAR][:, 0]),
            scalar_product(total[TENSOR], y2, 2), scalar_product(change[VECTOR], y1, 1),
        ]  # fmt: skip
        if self.has_multipoles:
            invariants += [
                scalar_product(total[HEXADECAPOLE], harmonics[4], 4),
                scalar_product(change[OCTUPOLE], harmonics[3], 3),
            ]
        learned = self.mlp(p, lib.concatenate(invariants, 1))
        along, across = learned[:, :1, None], learned[:, 1:2, None]
        symmetric, skew = split(learned[:, 2:], [self.mixed] * 2, 1)
        line = unit[:, :, None] * unit[:, None, :]
        eye = constant(np.eye, 3, of=line)
        spring = LONGITUDINAL * (1.0 + 3.0 * along) * line + across * (eye - line)
        even: list[Part] = [(total[TENSOR], 2, 0), (total[TENSOR], 2, 2), (change[VECTOR], 1, 1)]
        odd: list[Part] = [(change[TENSOR], 2, 2), (total[VECTOR], 1, 1)]
        if self.axial:
            odd.append((change[AXIAL], 1, 0))
        if self.has_multipoles:
            even += [(total[HEXADECAPOLE], 4, degree) for degree in (2, 4)]
            even += [(change[OCTUPOLE], 3, degree) for degree in (1, 3)]
            odd += [(change[HEXADECAPOLE], 4, 4), (total[OCTUPOLE], 3, 3)]
        spring = spring + _mixed(even, harmonics, symmetric @ p[self.even].T, 2)
        spring = spring + _mixed(odd, harmonics, skew @ p[self.odd].T, 1)
        return -base[:, None, None] * spring


def _mixed(
    parts: Sequence[Part], harmonics: dict[int, Array], coefficients: Array, degree: int
) -> Array:
    """Return (b, 3, 3) tensors of a degree: of features (b, 2l+1, k), some with harmonics.

    Channels are summed with their coefficients before they are multiplied with harmonics.
    """
    vector, each = None, split(coefficients, [block.shape[2] for block, _, _ in parts], 1)
    for (block, own, other), weights in zip(parts, each, strict=True):
        found = channel_sums(block, weights)
        if other > 0:
            triple = (own, other, degree)
            found = unit_product(found[:, :, None], harmonics[other], triple)[:, :, 0]
        vector = found if vector is None else vector + found
    return from_vector(vector, degree)
