"""`Multipoles`: octupoles and hexadecapoles of the neighbours of every atom, for the pair head.

At a site of tetrahedral or octahedral symmetry every vector and every tensor of degree 2 vanishes.
A network whose features end there sees nothing of where neighbours lie in fluorite, rocksalt,
zincblende or the double perovskites: what it says of a bond between two such sites is the same
along every direction across the bond, and the same of two bonds of one length with other atoms
around them. Octupoles live at tetrahedral sites, hexadecapoles at octahedral ones too.
"""

from phonodos.model.irreps import HEXADECAPOLE, OCTUPOLE, SCALAR, Irreps
from phonodos.model.layers import Features
from phonodos.model.parameters import Parameters, Table
from phonodos.model.trunk import DepthwiseConvolution, IrrepLinear, Surroundings

DEGREE = HEXADECAPOLE.l  # highest degree of the harmonics that are summed


class Multipoles:
    """sum_j w(r_ij, elements) s_j Y_l(r_ij), l = 3 and 4, of scalars s of the neighbours.

    Parameters
    ----------
    name
        Of its parameters.
    irreps
        Of the node features, of which the scalars are taken.
    channels
        Multipoles of each degree.
    radial
        Sizes of the MLP on bond features, the last but for its output.
    """

    def __init__(self, name: str, irreps: Irreps, channels: int, radial: list[int]) -> None:
        charges = ((channels, SCALAR),)
        found = ((channels, OCTUPOLE), (channels, HEXADECAPOLE))
        self.charges = IrrepLinear(f"{name}.charges", irreps, charges)
        self.sums = DepthwiseConvolution(f"{name}.sums", charges, found, DEGREE, radial)
        self.table: Table = (*self.charges.table, *self.sums.table)

    def __call__(
        self, p: Parameters, x: Features, near: Surroundings, neighbours: float
    ) -> Features:
        """Return the multipoles of every atom whose neighbours are summed over."""
        return self.sums(p, self.charges(p, x), near, neighbours)
