"""Paths through the Brillouin zone, for the cell as it is."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.path import (
    STORED_STEP,
    band_path,
    corner_symbol,
    corner_text,
    path_of_lines,
    step_along_path,
    step_from_gamma,
)


def cartesian(crystal: Crystal, q: np.ndarray) -> np.ndarray:
    return np.asarray(q @ (2 * np.pi * np.linalg.inv(crystal.cell).T))


def test_path_of_rock_salt(rock_salt: Crystal) -> None:
    path = band_path(rock_salt)
    assert [s.labels for s in path.segments] == [
        ("GAMMA", "X"), ("X", "U"), ("K", "GAMMA"), ("GAMMA", "L"), ("L", "W"), ("W", "X")
    ]  # fmt: skip
    assert [name for _, name in path.ticks()] == ["GAMMA", "X", "U|K", "GAMMA", "L", "W", "X"]
    first = path.segments[0]
    x = cartesian(rock_salt, first.qpoints[-1])
    assert np.linalg.norm(x) == pytest.approx(2 * np.pi / 5.64)
    assert first.distances[-1] == pytest.approx(2 * np.pi / 5.64)


def test_distances_are_lengths_of_the_path(low_symmetry: Crystal) -> None:
    travelled = 0.0
    for segment in band_path(low_symmetry, 0.05).segments:
        steps = np.linalg.norm(np.diff(cartesian(low_symmetry, segment.qpoints), axis=0), axis=1)
        assert steps.max() < 0.05 + 1e-9
        assert segment.distances[0] == pytest.approx(travelled)
        np.testing.assert_allclose(np.diff(segment.distances), steps, atol=1e-9)
        travelled = float(segment.distances[-1])


@pytest.mark.parametrize(
    "change", [[[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]]
)
def test_other_cells_of_the_same_crystal(rock_salt: Crystal, change: list[list[int]]) -> None:
    """Sheared or left-handed, the cell keeps its own coordinates and the path its lengths."""
    basis = np.array(change)
    other = replace(
        rock_salt,
        cell=basis @ rock_salt.cell,
        frac_coords=rock_salt.frac_coords @ np.linalg.inv(basis),
    )
    wanted, found = band_path(rock_salt), band_path(other)
    assert [s.labels for s in found.segments] == [s.labels for s in wanted.segments]
    for a, b in zip(wanted.segments, found.segments, strict=True):
        np.testing.assert_allclose(a.distances, b.distances, atol=1e-6)
        lengths = [np.linalg.norm(cartesian(c, s.qpoints), axis=1) for c, s in
                   ((rock_salt, a), (other, b))]  # fmt: skip
        np.testing.assert_allclose(*lengths, atol=1e-6)


def test_mixed_and_isotopic_sites_have_paths() -> None:
    alloy = Crystal(3.9 * np.eye(3), np.zeros((1, 3)), ({"Cu": 0.7, "Au": 0.3},))
    assert band_path(alloy).segments[0].labels == ("GAMMA", "X")


def test_the_step_from_gamma_follows_the_segment(low_symmetry: Crystal) -> None:
    reciprocal = 2 * np.pi * np.linalg.inv(low_symmetry.cell).T
    end = np.array([0.5, -0.25, 0.0])
    (segment,) = path_of_lines(low_symmetry, [("GAMMA", "A", np.zeros(3), end)]).segments
    moved = step_from_gamma(segment.qpoints, reciprocal, 1e-3)
    assert np.linalg.norm(moved[0] @ reciprocal) == pytest.approx(1e-3)
    np.testing.assert_allclose(np.cross(moved[0], end), 0.0, atol=1e-12)
    np.testing.assert_allclose(moved[1:], segment.qpoints[1:])
    assert (segment.qpoints[0] == 0.0).all()  # the path itself stays


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("GAMMA", r"$\Gamma$"),
        ("SIGMA_0", r"$\Sigma_{0}$"),
        ("U|K", r"$\mathrm{U}|\mathrm{K}$"),
        ("H_2", r"$\mathrm{H}_{2}$"),
    ],
)
def test_names_of_corners(name: str, text: str) -> None:
    assert corner_text(name) == text


@pytest.mark.parametrize("k", [30, 1000])
def test_very_skewed_cells_have_the_same_path(rock_salt: Crystal, k: int) -> None:
    shear = np.array([[1.0, 0, 0], [k, 1, 0], [0, k, 1]])
    back = np.array([[1.0, 0, 0], [-k, 1, 0], [k * k, -k, 1]])
    skewed = replace(
        rock_salt, cell=shear @ rock_salt.cell, frac_coords=rock_salt.frac_coords @ back
    )
    for a, b in zip(band_path(rock_salt).segments, band_path(skewed).segments, strict=True):
        assert a.labels == b.labels
        np.testing.assert_allclose(a.distances, b.distances, atol=1e-6)
        lengths = [
            np.linalg.norm(cartesian(c, s.qpoints), axis=1)
            for c, s in ((rock_salt, a), (skewed, b))
        ]
        np.testing.assert_allclose(*lengths, atol=1e-5)


def test_gamma_moves_towards_its_own_neighbour(rock_salt: Crystal) -> None:
    path = np.array([[0.2, 0, 0.2], [0.0, 0, 0], [0.0, 0, 0], [0.1, 0.1, 0.1]])
    values = np.array([[1.0, 100.0], [0.0, 100.0], [0.0, 150.0], [1.0, 150.0]])
    moved = step_along_path(path, values, rock_salt)
    for k, near in ((1, 0), (2, 3)):
        reciprocal = 2 * np.pi * np.linalg.inv(rock_salt.cell).T
        assert np.isclose(np.linalg.norm(moved[k] @ reciprocal), STORED_STEP)
        np.testing.assert_allclose(
            moved[k] / np.linalg.norm(moved[k]), path[near] / np.linalg.norm(path[near])
        )


@pytest.mark.parametrize(
    ("name", "text"),
    [("GAMMA", "\u0393"), ("X", "X"), ("SIGMA_0", "\u03a3\u2080"), ("X|K_2", "X|K\u2082")],
)
def test_corners_in_plain_letters(name: str, text: str) -> None:
    assert corner_symbol(name) == text
