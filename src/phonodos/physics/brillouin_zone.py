"""The special points of the Brillouin zone and the lines between them, from a known symmetry.

Names, places and lines are those of Hinuma, Pizzi, Kumagai, Oba and Tanaka, Comput. Mater. Sci.
128, 140 (2017), in seekpath's tables. Seekpath would search for the symmetry again, a good part of
the time of small crystals: here it is taken as it was found before.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Lines = list[tuple[str, str]]
# Three unlike atoms at places without symmetry: of a triclinic crystal the lattice alone matters.
_ANYWHERE = np.array([[0.0, 0.0, 0.0], [0.11, 0.23, 0.37], [0.29, 0.53, 0.17]])
_LAST = ([1, 2, 0], [2, 0, 1], [0, 1, 2])  # orders that put the pair bc, ca or ab before the rest
# Space groups of the hexagonal lattice whose point group leaves H and H_2 apart.
_APART = {*range(143, 150), 151, 153, 157, *range(159, 164)}


def special_lines(dataset: Any, cell: Array) -> tuple[dict[str, Array], Lines]:
    """Return the special points by name, fractional q (3,), and the ends of the lines of the path.

    Parameters
    ----------
    dataset
        What spglib found for the crystal.
    cell
        (3, 3) its right-handed lattice vectors as rows [A].

    Raises
    ------
    ValueError
        If seekpath has no path for the lattice.
    """
    from seekpath.hpkot.spg_mapping import get_P_matrix, get_spgroup_data

    family, centring = get_spgroup_data()[dataset.number][:2]
    lattice = family + centring
    if lattice == "aP":
        return _triclinic(cell)
    standard = np.asarray(dataset.std_lattice)
    sides, cosines = _sides(standard)
    points, lines = _points(lattice_shape(lattice, dataset.number, sides, cosines), sides, cosines)
    primitive = np.asarray(get_P_matrix(lattice)[0]).T @ standard
    turn = np.linalg.inv(primitive).T @ np.asarray(dataset.std_rotation_matrix) @ cell.T
    return {name: np.asarray(q @ turn) for name, q in points.items()}, lines


def _triclinic(cell: Array) -> tuple[dict[str, Array], Lines]:
    """Return points and lines of a lattice without symmetry, step by step as seekpath does.

    The reciprocal vectors are those of Niggli, the pair closest to orthogonal last, with angles
    that are all acute or all obtuse. In lattices whose vectors are alike rounding decides.
    """
    import spglib
    from seekpath.hpkot import tools

    found: Any = spglib.get_symmetry_dataset((cell, _ANYWHERE, [1, 2, 3]))
    if found is None:
        raise ValueError("the cell is no cell")
    reduced = spglib.niggli_reduce(tools.get_reciprocal_cell_rows(found.std_lattice))
    if reduced is None:
        raise ValueError("the reciprocal cell cannot be reduced")
    a, b, c, *cosines = tools.get_cell_params(reduced)
    products = np.abs([b * c * cosines[0], c * a * cosines[1], a * b * cosines[2]])
    real = np.array(tools.get_real_cell_from_reciprocal_rows(reduced))
    real = real[_LAST[int(np.argsort(products)[0])]]
    acute = np.array(tools.get_cell_params(tools.get_reciprocal_cell_rows(real))[3:]) > 0.0
    alone = next((k for k in range(3) if (acute[k] != np.delete(acute, k)).all()), None)
    if alone is not None:  # the two other vectors are turned about
        real = real * np.where(np.arange(3) == alone, 1.0, -1.0)[:, None]
    cosines = tools.get_cell_params(tools.get_reciprocal_cell_rows(real))[3:]
    points, lines = _points("aP2" if max(cosines) <= 0.0 else "aP3", *_sides(real))
    turn = np.linalg.inv(real).T @ np.asarray(found.std_rotation_matrix) @ cell.T
    return {name: np.asarray(q @ turn) for name, q in points.items()}, lines


def lattice_shape(lattice: str, number: int, sides: Array, cosines: Array) -> str:
    """Return the extended symbol of a Bravais lattice, which its zone's corners depend on.

    Parameters
    ----------
    lattice
        Its two letters; not ``aP``.
    number
        Of the space group.
    sides, cosines
        (3,) lengths of the conventional lattice vectors [A] and cosines of the angles.
    """
    a, b, c = (float(x) for x in sides)
    if lattice in ("cP", "cF"):
        kind = 1 if number <= 206 else 2
    elif lattice == "hP":
        kind = 1 if number in _APART else 2
    elif lattice == "tI":
        kind = 1 if c <= a else 2
    elif lattice == "oC":
        kind = 1 if a <= b else 2
    elif lattice == "oA":
        kind = 1 if b <= c else 2
    elif lattice == "hR":
        kind = 1 if math.sqrt(3.0) * a <= math.sqrt(2.0) * c else 2
    elif lattice == "oI":
        kind = max((c, 1), (b, 3), (a, 2))[1]
    elif lattice == "oF":
        x, y, z = a**-2, b**-2, c**-2
        kind = 1 if x > y + z else 2 if z > x + y else 3
    elif lattice == "mC":
        cosine = float(cosines[1])
        square = 1.0 - cosine**2
        twelve = -a * cosine / c + a**2 * square / b**2 <= 1.0  # faces of the zone
        kind = 1 if b < a * math.sqrt(square) else 2 if twelve else 3
    else:  # cI, tP, oP, mP
        kind = 1
    return f"{lattice}{kind}"


def _sides(cell: Array) -> tuple[Array, Array]:
    """Return the lengths of three lattice vectors and the cosines of the angles between them."""
    sides = np.linalg.norm(cell, axis=1)
    unit = cell / sides[:, None]
    return sides, np.array([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]])


def _points(shape: str, sides: Array, cosines: Array) -> tuple[dict[str, Array], Lines]:
    """Return the special points in the standard primitive cell, and the lines of the path."""
    from seekpath.hpkot.tools import eval_expr, eval_expr_simple, extend_kparam

    parameters, points, lines = _table(shape)
    known: dict[str, float] = {}
    for name, expression in parameters:
        known[name] = eval_expr(expression, *sides.tolist(), *cosines.tolist(), known)
    known = extend_kparam(known)
    places = {
        name: np.array([eval_expr_simple(x, known) for x in words])
        for name, words in points.items()
    }
    return places, lines


@lru_cache(maxsize=32)
def _table(shape: str) -> Any:
    from seekpath.hpkot.tools import get_path_data

    return get_path_data(shape)
