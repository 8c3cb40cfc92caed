"""What phononwebsite does with our file: the contract of its reading code, in our words.

Read in henriquemiranda/phononwebsite: ``src/phononjson.js`` (077a50a7), ``src/phononhighcharts.js``
(1de678b), ``src/phononwebpage.js`` (fa824a0), ``src/atomic_data.js`` (701538f).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.path import BandStructure, band_path
from phonodos.results.bands import Vectors, by_atom
from phonodos.results.phononwebsite import website_record

# Without these the reader stops, or draws nothing.
NEEDED = {
    "name": str, "natoms": int, "atom_types": list, "atom_numbers": list, "atom_pos_car": list,
    "atom_pos_red": list, "lattice": list, "vectors": list, "qpoints": list, "distances": list,
    "eigenvalues": list, "highsym_qpts": list,
}  # fmt: skip
# These it takes where they are; formula is kept, never shown.
TAKEN = {"formula": str, "repetitions": list, "line_breaks": list, "masses": list}
# These would make it read the file as another format, or compute vectors by itself.
OTHERS = ("@class", "vectors_compressed", "dynamical_matrix", "eigendisplacements", "structure")
COLOURS = range(1, 110)  # hydrogen to meitnerium; 0 stands for none


@dataclass(frozen=True, eq=False)
class Viewer:
    """What the page knows of a file after reading it."""

    data: dict[str, Any]

    @property
    def ticks(self) -> dict[float, str]:
        """Names under the plot, by their distance: what comes later at a distance overwrites."""
        return {self.data["distances"][k]: name for k, name in self.data["highsym_qpts"]}

    def lines(self) -> list[list[tuple[float, float]]]:
        """Every line of the plot: band by band, from the first wave vector to before the last."""
        bands, x = np.array(self.data["eigenvalues"]), self.data["distances"]
        return [
            [(x[k], bands[k, n]) for k in range(start, end)]
            for n in range(bands.shape[1])
            for start, end in self.data["line_breaks"]
        ]

    def moved(self, k: int, n: int, cell: tuple[int, int, int]) -> np.ndarray:
        """(atoms, 3) complex amplitudes: the phase of the cell is added, that of the atom not."""
        u = np.array(self.data["vectors"][k][n])
        phase = np.dot(self.data["qpoints"][k], cell)
        return (u[..., 0] + 1j * u[..., 1]) * np.exp(2j * np.pi * phase)

    def drawn(self, cell: tuple[int, int, int]) -> np.ndarray:
        """(atoms, 3) places of a repeated cell: lattice vectors are rows."""
        return np.array(self.data["atom_pos_car"]) + np.array(cell) @ np.array(self.data["lattice"])


def hexagonal(_: Crystal) -> Crystal:
    cell = [[3.25, 0, 0], [-1.625, 1.625 * np.sqrt(3), 0], [0, 0, 5.207]]
    places = [[1 / 3, 2 / 3, z] for z in (0.0, 0.382)] + [[2 / 3, 1 / 3, z] for z in (0.5, 0.882)]
    return Crystal.ordered(cell, places, ["Zn", "O", "Zn", "O"], name="ZnO")


def skewed(_: Crystal) -> Crystal:
    cell = [[4.1, 0.2, 0.0], [0.3, 5.2, 0.1], [0.9, 0.4, 6.3]]
    places = [[0.01, 0.02, 0.03], [0.3, 0.5, 0.2], [0.7, 0.25, 0.6]]
    return Crystal.ordered(cell, places, ["H", "O", "Cl"])


def isotopic(rock_salt: Crystal) -> Crystal:
    sites = ({"D": 1.0}, {"Cl[36.5]": 0.6, "Br": 0.4})
    return Crystal(rock_salt.cell, rock_salt.frac_coords, sites)


@pytest.fixture(params=[lambda x: x, hexagonal, skewed, isotopic], ids=["salt", "ZnO", "P1", "D"])
def crystal(request: pytest.FixtureRequest, rock_salt: Crystal) -> Crystal:
    change: Callable[[Crystal], Crystal] = request.param
    return change(rock_salt)


@pytest.fixture
def bands(crystal: Crystal) -> BandStructure:
    path, n = band_path(crystal, 0.2), 3 * crystal.n_atoms
    modes = [np.sort(np.outer(s.distances, np.arange(n)) - 3.0, axis=1) for s in path.segments]
    return BandStructure(path, tuple(modes))


@pytest.fixture
def vectors(bands: BandStructure, rng: np.random.Generator) -> Vectors:
    """Any unitary matrices, one a wave vector."""
    shapes = [(*w.shape, w.shape[1]) for w in bands.frequencies]
    return tuple(np.linalg.qr(rng.normal(size=s) + 1j * rng.normal(size=s))[0] for s in shapes)


@pytest.fixture
def viewer(bands: BandStructure, crystal: Crystal, vectors: Vectors) -> Viewer:
    record = website_record(bands, crystal, vectors, crystal.masses)
    return Viewer(json.loads(json.dumps(record, allow_nan=False)))


def test_it_is_read_as_the_page_s_own_format(viewer: Viewer) -> None:
    data = viewer.data
    for name, kind in (NEEDED | TAKEN).items():
        assert isinstance(data[name], kind), name
    assert not set(OTHERS) & set(data)
    n, points = data["natoms"], len(data["qpoints"])
    assert np.shape(data["vectors"]) == (points, 3 * n, n, 3, 2)
    assert np.shape(data["eigenvalues"]) == (points, 3 * n)
    assert np.shape(data["distances"]) == (points,)
    assert np.shape(data["lattice"]) == (3, 3)
    for name in ("atom_pos_car", "atom_pos_red"):
        assert np.shape(data[name]) == (n, 3)
    assert len(data["masses"]) == len(data["atom_types"]) == n
    assert len(data["repetitions"]) == 3
    assert all(isinstance(times, int) and times >= 1 for times in data["repetitions"])


def test_numbers_pick_colours_and_radii(viewer: Viewer, crystal: Crystal) -> None:
    numbers = viewer.data["atom_numbers"]
    assert all(isinstance(z, int) and z in COLOURS for z in numbers)
    known = {"H": 1, "O": 8, "Na": 11, "Cl": 17, "Zn": 30}
    assert numbers == [known[symbol] for symbol in viewer.data["atom_types"]]
    assert viewer.data["masses"] == crystal.masses.tolist()


def test_lines_of_the_plot_are_the_segments(viewer: Viewer, bands: BandStructure) -> None:
    """In cm^-1; half open, one after the other, none left out."""
    breaks = viewer.data["line_breaks"]
    assert breaks[0][0] == 0
    assert breaks[-1][1] == len(viewer.data["qpoints"])
    assert all(a[1] == b[0] for a, b in pairwise(breaks))
    found = viewer.lines()
    wanted = [
        list(zip(segment.distances, w[:, n], strict=True))
        for n in range(bands.frequencies[0].shape[1])
        for segment, w in bands
    ]
    assert len(found) == len(wanted)
    for line, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(line, other, rtol=1e-12, atol=1e-12)


def test_every_corner_has_one_name(viewer: Viewer, bands: BandStructure) -> None:
    """Segments that touch end at the same distance to the last bit: names go by distances."""
    x = viewer.data["distances"]
    assert all(a <= b for a, b in pairwise(x))
    for (_, end), (start, _) in pairwise(viewer.data["line_breaks"]):
        assert x[end - 1] == x[start]
    assert len(viewer.ticks) == len(bands.path.segments) + 1
    assert all(isinstance(name, str) and name for name in viewer.ticks.values())
    places = [place for place, _ in viewer.data["highsym_qpts"]]
    assert places == [k for start, end in viewer.data["line_breaks"] for k in (start, end - 1)]
    assert viewer.ticks[x[0]].startswith("\u0393")


def test_atoms_stand_and_move_where_they_should(
    viewer: Viewer, crystal: Crystal, vectors: Vectors
) -> None:
    """e_i / sqrt(m_i) exp(2 pi i q.(R + x_i)), norm 1, at R + x_i in A."""
    e = np.concatenate([by_atom(each) for each in vectors])
    for cell in ((0, 0, 0), (1, 0, 2), (2, 1, 1)):
        full = crystal.frac_coords + np.array(cell)
        np.testing.assert_allclose(viewer.drawn(cell), full @ crystal.cell, atol=1e-9)
        for k, n in ((0, 0), (3, 2), (len(e) - 1, 5)):
            phases = np.exp(2j * np.pi * full @ np.array(viewer.data["qpoints"][k]))
            wanted = e[k, n] / np.sqrt(crystal.masses)[:, None] * phases[:, None]
            found = viewer.moved(k, n, cell)
            np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-8)
            assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-8)  # as the page does anyway


def test_a_small_crystal_is_repeated(rock_salt: Crystal) -> None:
    """As long as the page draws at most 120 atoms; mixed sites show what they hold most of."""
    path = band_path(rock_salt, 0.5)
    flat = BandStructure(path, tuple(np.zeros((len(s.qpoints), 6)) for s in path.segments))
    unit = tuple(np.tile(np.eye(6, dtype=complex), (len(w), 1, 1)) for w in flat.frequencies)
    sites = ({"Na": 0.3, "K": 0.7}, {"Cl": 1.0})
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, sites)
    record = website_record(flat, mixed, unit, mixed.masses)
    assert record["atom_types"] == ["K", "Cl"]
    assert record["repetitions"] == [3, 3, 3]
    names = dict.fromkeys(Viewer(record).ticks.values())
    assert list(names) == ["\u0393", "X", "U|K", "L", "W"]
