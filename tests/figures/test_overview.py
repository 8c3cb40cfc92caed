"""The overview: neighbours counted as the graph counts them, encoding, both spectra."""

import numpy as np
import pytest

from phonodos.figures.network import Anatomy, Filter, Layer
from phonodos.figures.overview import plot_overview
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos

AXIS = np.arange(0.0, 501.0)


def flat(n: int) -> PhononDos:
    return PhononDos(AXIS, np.full(501, 3.0 * n / 500.0), n)


def test_panels(rock_salt: Crystal) -> None:
    figure = plot_overview(rock_salt, flat(2), cutoff=5.0, reference=flat(2), model="some")
    words = [t.get_text() for t in figure.texts]
    # Rock salt, a = 5.64 A: 6 at a/2, 12 at a/sqrt(2), 8 at a sqrt(3)/2.
    assert any("26 neighbours within 5" in w for w in words)
    encoding, spectrum = figure.axes[2:]
    assert [t.get_text() for t in encoding.texts] == ["Na 23.0", "Cl 35.5"]
    assert [t.get_text() for t in spectrum.get_legend().get_texts()] == ["DFT", "some"]


def test_a_mixed_site_has_several_entries(rock_salt: Crystal) -> None:
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0}), "")
    figure = plot_overview(mixed, flat(2), cutoff=4.5)
    words = [t.get_text() for t in figure.axes[2].texts]
    assert words == ["Na 11.5", "K 19.5", "Cl 35.5"]


def test_an_atom_in_a_box_is_drawn_alone() -> None:
    lone = Crystal.ordered(20 * np.eye(3), [[0.1] * 3], ["Ar"])
    figure = plot_overview(lone, flat(1), cutoff=5.0)
    assert any("0 neighbours" in t.get_text() for t in figure.texts)


@pytest.mark.parametrize("low", [0.0, -100.0])
def test_imaginary_states_are_shown(rock_salt: Crystal, low: float) -> None:
    axis = np.arange(low, 501.0)
    dos = PhononDos(axis, np.full(len(axis), 6.0 / (len(axis) - 1)), 2)
    figure = plot_overview(rock_salt, dos, cutoff=5.0)
    assert figure.axes[3].get_xlim()[0] <= low


def test_an_anatomy_adds_radial_functions_filters_and_layers(rock_salt: Crystal) -> None:
    r = np.linspace(0.0, 5.0, 11)
    filters = tuple(Filter(degree, 3, np.ones((11, 2))) for degree in (0, 1))
    anatomy = Anatomy(r, filters, (Layer("convolution", "2×0e", "51×0e", 7, filtered=True),))
    figure = plot_overview(rock_salt, flat(2), cutoff=5.0, anatomy=anatomy)
    words = [t.get_text() for t in figure.texts] + [a.get_title("left") for a in figure.axes]
    assert sorted(word[0] for word in words if word) == list("abcdefg")
