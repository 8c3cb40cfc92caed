"""Resolutions: widths of instruments, what smearing keeps, what is refused."""

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.physics.resolution import (
    FWHM,
    INSTRUMENTS,
    Resolution,
    broadened,
    instrument_resolution,
)
from phonodos.physics.units import MEV_PER_WAVENUMBER


def test_widths_add_in_squares() -> None:
    table = (np.array([0.0, 100.0]), np.array([0.0, 12.0]))
    found = Resolution("x", 3.0, 0.04, table).widths(np.array([-100.0, 0.0, 100.0, 300.0]))
    np.testing.assert_allclose(found, [13.0, 3.0, 13.0, np.hypot(np.hypot(3, 12), 12)])
    assert Resolution().is_sharp
    assert not Resolution(table=table).is_sharp


def test_tosca_has_one_and_a_quarter_per_cent() -> None:
    """Its published share of the energy transfer, where the constant part counts little."""
    found = instrument_resolution("tosca").widths(np.array([0.0, 3000.0]))
    assert found[0] == pytest.approx(2.5 * FWHM)
    assert found[1] / 3000.0 == pytest.approx(0.0125, abs=0.0025)


@pytest.mark.parametrize("name", [x for x in INSTRUMENTS if x != "TOSCA"])
def test_chopper_spectrometers(name: str) -> None:
    """As given at the elastic line, finer with the energy transfer, coarser at gain."""
    energy = 100.0 / MEV_PER_WAVENUMBER
    found = instrument_resolution(name, 100.0, elastic_share=0.03)
    widths = found.widths(np.linspace(-0.5, 0.95, 59) * energy) / energy
    assert found.widths(np.zeros(1))[0] == pytest.approx(0.03 * energy, rel=1e-4)
    assert (np.diff(widths) < 0.0).all()
    assert widths[-1] > 0.001
    same = instrument_resolution(name, 100.0, elastic=0.03 * energy)
    np.testing.assert_allclose(same.widths(np.array([200.0])), found.widths(np.array([200.0])))
    assert found.highest == pytest.approx(0.99 * energy)


def test_errors_of_time_make_the_widths_of_a_chopper_spectrometer() -> None:
    """Against the kinematics: neutrons fly at two speeds, clocks are wrong at both ends."""
    l1, l3, l2, first = 11.61, 2.0, 3.0, 4000.0  # ARCS; [m], [m/s]

    def transfer(last: float, chopper: float, moderator: float) -> float:
        """Return the energy found from true times and wrong ones [(m/s)^2 / 2]."""
        at_chopper, arrival = l1 / first, (l1 + l3) / first + l2 / last
        speed = l1 / (at_chopper + chopper - moderator)
        at_sample = at_chopper + chopper + l3 / speed
        return (speed**2 - (l2 / (arrival - at_sample)) ** 2) / 2.0

    def width(last: float) -> float:
        step = 1e-8
        slopes = [
            (transfer(last, *(step * s)) - transfer(last, *(-step * s)))
            / (transfer(first, *(step * s)) - transfer(first, *(-step * s)))
            for s in (np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        ]
        return float(np.sqrt(np.mean(np.square(slopes))))

    found = instrument_resolution("ARCS", 100.0, elastic=24.0)
    energy = 100.0 / MEV_PER_WAVENUMBER
    for share in (0.2, 0.6, 0.9, -0.3):
        expected = 24.0 * width(first * np.sqrt(1.0 - share))
        assert found.widths(np.array([share * energy]))[0] == pytest.approx(expected, rel=2e-3)


def test_smearing_keeps_the_sum_and_adds_in_squares() -> None:
    axis = np.arange(-400.0, 401.0)
    source = np.arange(-200.0, 201.0)
    rows = np.stack([np.exp(-0.5 * ((source - c) / 8.0) ** 2) for c in (-60.0, 90.0)])
    found = broadened(axis, source, rows, Resolution(constant=30.0), 1.0)
    np.testing.assert_allclose(found.sum(axis=1), rows.sum(axis=1), rtol=1e-9)
    for row, centre in zip(found, (-60.0, 90.0), strict=True):
        mean = (axis * row).sum() / row.sum()
        spread = np.sqrt(((axis - mean) ** 2 * row).sum() / row.sum())
        assert mean == pytest.approx(centre, abs=1e-6)
        assert spread == pytest.approx(np.hypot(8.0, 30.0 / FWHM), rel=1e-3)
    sharp = broadened(axis, source, rows, Resolution(), 1.0)
    np.testing.assert_allclose(sharp[:, 200:601], rows, atol=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("IN4",), "IN4 is not known"),
        (("ARCS",), "without an incident energy"),
        (("ARCS", 0.1), "incident energy of 0.1 meV"),
        (("ARCS", 100.0), "without its width at the elastic line"),
        (("ARCS", 100.0, None, 0.7), "a width of 70 meV at 100 meV"),
        (("TOSCA", 30.0), "settings of a chopper spectrometer"),
    ],
)
def test_settings_that_are_refused(words: tuple[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        instrument_resolution(*words)
    assert caught.value.reason
    assert caught.value.fix


@pytest.mark.parametrize(
    "table",
    [([0.0], [1.0]), ([1.0, 0.0], [1.0, 1.0]), ([0.0, 1.0], [1.0, -1.0]), ([0.0, np.nan], [1, 1])],
)
def test_tables_that_are_refused(table: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ConfigError, match="no table of widths"):
        Resolution(table=(np.array(table[0]), np.array(table[1])))
