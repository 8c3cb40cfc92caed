"""`neutron`: the spectrum that inelastic scattering of neutrons sees, in columns, with its spread.

Incoherent approximation for a powder, one phonon (`phonodos.physics.neutron`): coherent structure
in Q, multiple scattering and scattering with two phonons or more are left to programs that follow
the neutrons (Euphonic, Abins, NCrystal).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve
from phonodos.physics.dos import IMAGINARY_THRESHOLD, MENTIONED_SHARE, STEP, PhononDos, sampled
from phonodos.physics.isotopes import Isotope
from phonodos.physics.neutron import (
    cross_section,
    mean_squared,
    neutron_weights,
    one_phonon,
    quadratic_near_zero,
)
from phonodos.physics.primitive import primitive_cell
from phonodos.physics.resolution import FWHM, Resolution, broadened
from phonodos.physics.units import per_wavenumber
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor, check_unpredicted
from phonodos.structures.reading import as_crystal
from phonodos.studies.harmonic import check_solid, number, spread

Array = NDArray[np.float64]
HOTTEST = 1e5  # [K]
LARGEST_MOMENTUM = 1000.0  # [1/A]
ONE_PHONON = "one phonon, incoherent approximation: no scattering with two phonons or more"


@dataclass(frozen=True)
class Scatterer:
    """A kind of sites: what neutrons see of it.

    Attributes
    ----------
    name
        ``Ni``, ``Cu0.7Au0.3``.
    sites
        How many there are in the cell.
    cross_section
        Bound total cross-section [barn], mean over a mixed site.
    mass
        [amu], mean over a mixed site.
    weight
        sigma / m [barn/amu].
    share
        Of the one-phonon intensity as it is shown (positive energy transfers).
    mean_frequency, mean_frequency_spread
        First moment of its part of the spectrum [cm^-1], and the members' standard deviation.
    """

    name: str
    sites: int
    cross_section: float
    mass: float
    weight: float
    share: float
    mean_frequency: float
    mean_frequency_spread: float | None


@dataclass(frozen=True, eq=False)
class NeutronStudy:
    """The spectrum that neutrons see of a crystal.

    Attributes
    ----------
    crystal
        The crystal as given.
    frequencies
        (m,) energy transfers [cm^-1], positive where the neutron loses energy.
    parts
        Intensities (m,) of every kind of sites; their sum is the spectrum. Without a temperature
        [states / cm^-1 per cell], of integral 3N, equal to the density of states where all atoms
        scatter alike; with one, that times (n + 1) / w, in arbitrary units.
    members
        (m,) spectra of the members of an ensemble; empty for a single network.
    scatterers
        Cross-sections, masses and shares, in the order of `parts`.
    temperature
        [K], or None for the density of states alone.
    momentum
        Momentum transfer of the Debye-Waller factors [1/A], or None for none.
    resolution
        Of the instrument.
    doubts
        Reasons for doubt of the prediction.
    left_out
        Share of the states that are imaginary and left out.
    """

    crystal: Crystal
    frequencies: Array
    parts: dict[str, Array]
    members: tuple[Array, ...]
    scatterers: tuple[Scatterer, ...]
    temperature: float | None = None
    momentum: float | None = None
    resolution: Resolution = field(default_factory=Resolution)
    doubts: tuple[str, ...] = ()
    left_out: float = 0.0

    @cached_property
    def values(self) -> Array:
        """(m,) the spectrum, in the unit of `parts`."""
        return np.asarray(np.sum(list(self.parts.values()), axis=0))

    @cached_property
    def spread(self) -> Array | None:
        """(m,) standard deviation (n - 1) of the members' spectra; None of a single network."""
        found = spread(self.members)
        return None if found is None else np.asarray(found)

    @cached_property
    def curve(self) -> Curve:
        """The part at energy loss."""
        loss = self.frequencies >= 0.0
        return Curve(self.frequencies[loss], self.values[loss])

    @property
    def mean_frequency(self) -> float:
        """First moment at energy loss [cm^-1]."""
        return _moment(self.frequencies, self.values)

    @property
    def mean_frequency_spread(self) -> float | None:
        """Standard deviation of the members' first moments [cm^-1]."""
        found = spread(_moment(self.frequencies, m) for m in self.members)
        return None if found is None else float(found)

    @property
    def quantity(self) -> str:
        """What the values are, in words with their unit."""
        if self.temperature is None:
            return "neutron-weighted density of states, integral 3N per cell"
        waller = "" if self.momentum is None else f", Debye-Waller factors at {self.momentum:g} 1/A"
        return f"one-phonon S(E) at {self.temperature:g} K, arbitrary units{waller}"

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt: those of the prediction, and states that are left out."""
        found = list(self.doubts)
        if self.left_out > MENTIONED_SHARE:
            found.append(
                f"{100 * self.left_out:.1f} % of the states are imaginary and left out (the "
                "structure may not be at rest: look at `phonodos bands`)"
            )
        return found

    def table(self, unit: str = "cm-1") -> tuple[list[str], Array]:
        """Return the names of the columns, which hold the units, and a row an energy transfer."""
        factor = per_wavenumber(unit)
        per = "[arb. units]" if self.temperature is not None else f"[states/{unit} per cell]"
        scale = 1.0 if self.temperature is not None else factor
        names = [f"energy_transfer [{unit}]", f"intensity {per}"]
        columns = [self.frequencies * factor, self.values / scale]
        if self.spread is not None:
            names.append(f"spread {per}")
            columns.append(self.spread / scale)
        names += [f"{name} {per}" for name in self.parts]
        columns += [part / scale for part in self.parts.values()]
        return names, np.column_stack(columns)

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON, frequencies in ``cm-1``, ``THz`` or ``meV``."""
        factor = per_wavenumber(unit)
        wide = self.mean_frequency_spread
        return {
            "formula": self.crystal.written_formula,
            "quantity": self.quantity,
            "units": unit,
            "temperature_K": self.temperature,
            "momentum_transfer_1/A": self.momentum,
            "resolution": self.resolution.label,
            "mean_frequency": self.mean_frequency * factor,
            "mean_frequency_spread": None if wide is None else number(wide * factor),
            "peaks": [float(w) * factor for w in self.curve.peaks()],
            "scatterers": [
                {
                    "name": s.name,
                    "sites": s.sites,
                    "cross_section_barn": s.cross_section,
                    "mass_amu": s.mass,
                    "sigma/m_barn/amu": s.weight,
                    "share": s.share,
                    "mean_frequency": s.mean_frequency * factor,
                    "mean_frequency_spread": None
                    if s.mean_frequency_spread is None
                    else number(s.mean_frequency_spread * factor),
                }
                for s in self.scatterers
            ],
            "left_out_share": self.left_out,
            "warnings": self.warnings,
        }


def neutron(
    crystal: Any, *,
    temperature: float | None = None, momentum: float | None = None,
    resolution: Resolution | None = None,
    model: AnyPredictor | str | Path | None = None, members: int | None = None,
    metal: bool = False, isotopes: Sequence[Isotope | str] = (),
) -> NeutronStudy:  # fmt: skip
    """Predict the spectrum that inelastic scattering of neutrons on a powder sees.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    temperature
        [K]: one-phonon scattering with its population, at energy loss and gain; None for the
        neutron-weighted density of states alone.
    momentum
        Momentum transfer [1/A] at which every kind of atoms gets its Debye-Waller factor; None for
        none. It takes a temperature.
    resolution
        Of the instrument (`phonodos.physics.resolution`); None for a perfect one.
    model, members
        A predictor, or weights and number of members as `load` takes them.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them.

    Raises
    ------
    ConfigError
        If a setting makes no sense, or `metal` or `isotopes` are given with a `Prediction`.
    DataError
        If the network does not project its spectrum on the atoms.
    StructureError
        As `Predictor.predict`, if no scattering length is tabulated for an element, and for a
        molecule, a chain or a layer in a box.
    PredictionError
        As `Predictor.predict`.
    """
    check_conditions(temperature, momentum)
    prediction = crystal
    if isinstance(crystal, Prediction):
        check_unpredicted("a prediction", metal=metal, isotopes=isotopes)
    else:
        whole = as_crystal(crystal, isotopes=isotopes)
        neutron_weights(whole)  # an element without a scattering length is refused first
        predictor = as_predictor(model, members, project=True, metal=metal)
        prediction = next(predictor.predict_many([whole]))
    if prediction.lattice is not None:
        check_solid(prediction.lattice, "neutron spectrum")
    order = _Order(prediction.crystal, temperature, momentum, resolution or Resolution())
    dos, each = _projected(prediction)
    frequencies, parts = order.seen(dos)
    found = [order.seen(m, frequencies)[1] for m in each]
    return NeutronStudy(
        prediction.crystal, frequencies, parts,
        tuple(np.asarray(np.sum(list(m.values()), axis=0)) for m in found),
        order.scatterers(frequencies, parts, found), temperature, momentum,
        order.resolution, prediction.warnings, dos.imaginary_fraction,
    )  # fmt: skip


def check_conditions(temperature: float | None, momentum: float | None) -> None:
    """Raise `ConfigError` unless temperature [K] and momentum transfer [1/A] make sense."""
    if temperature is not None and not 0.0 <= temperature <= HOTTEST:
        raise ConfigError(
            f"a temperature of {temperature:g} K",
            f"temperatures are numbers from 0 to {HOTTEST:g} K",
            "write for example --temperature 300",
        )
    if momentum is None:
        return
    if not 0.0 <= momentum <= LARGEST_MOMENTUM:
        raise ConfigError(
            f"a momentum transfer of {momentum:g} 1/A",
            f"momentum transfers are numbers from 0 to {LARGEST_MOMENTUM:g} 1/A",
            "write for example --momentum 5",
        )
    if temperature is None:
        raise ConfigError(
            f"--momentum {momentum:g} without a temperature",
            "the Debye-Waller factor of an atom depends on the temperature",
            "add for example --temperature 300",
        )


def _projected(prediction: Prediction) -> tuple[PhononDos, tuple[PhononDos, ...]]:
    """Return the projected spectra of a prediction and its members, of the cell as given."""
    dos, members, lattice = prediction.dos, prediction.members, prediction.lattice
    if dos.projected is not None:
        return dos, members
    if lattice is None:
        raise DataError(
            f"{prediction.crystal.label}: the spectrum is not projected on the atoms",
            "neutron weights differ from element to element, and only the total is known",
            "choose a model with force constants (phonodos models list)",
        )
    sites = primitive_cell(prediction.crystal).site_map
    mesh = lattice.mesh()

    def whole(found: PhononDos) -> PhononDos:
        assert found.projected is not None
        rows = found.projected[sites]
        return PhononDos(found.frequencies, rows.sum(axis=0), len(sites), rows)

    each = [whole(x.dos(mesh, projected=True)) for x in prediction.member_lattices]
    return whole(lattice.dos(mesh, projected=True)), tuple(each)


@dataclass(frozen=True, eq=False)
class _Order:
    """What is to be made of every projected spectrum."""

    crystal: Crystal
    temperature: float | None
    momentum: float | None
    resolution: Resolution

    @cached_property
    def kinds(self) -> dict[str, list[int]]:
        """Sites by what is on them."""
        found: dict[str, list[int]] = {}
        for i, site in enumerate(self.crystal.occupancy):
            name = "".join(s + ("" if f == 1.0 else f"{f:g}") for s, f in site.items())
            found.setdefault(name, []).append(i)
        return found

    def seen(
        self, dos: PhononDos, frequencies: Array | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return energy transfers and the part of every kind; on given transfers for members."""
        assert dos.projected is not None
        weights = neutron_weights(self.crystal)
        weights = weights / weights.mean()
        if self.momentum is not None and self.temperature is not None:
            u = mean_squared(dos, self.crystal.masses, self.temperature)
            weights = weights * np.exp(-(self.momentum**2) * u)
        rows = np.stack([weights[i] @ dos.projected[i] for i in self.kinds.values()])
        end = np.ceil(max(float(dos.frequencies[-1]), STEP))
        two_sided = self.temperature is not None and self.temperature > 0.0
        source = np.arange(-end if two_sided else 0.0, end + STEP / 2, STEP)
        half = source[source >= 0.0]
        states = _loss(half, dos.frequencies, rows)
        if self.temperature is not None:
            flat = quadratic_near_zero(half, states)
            both = np.stack([sampled(np.abs(source), half, row) for row in flat])
            states = one_phonon(source, both, self.temperature)
        axis = source
        if not self.resolution.is_sharp:
            ends = 4.0 * self.resolution.widths(source[[0, -1]]) / FWHM
            low = source[0] - np.ceil(ends[0]) if two_sided else 0.0
            axis = np.arange(low, source[-1] + np.ceil(ends[1]) + STEP / 2, STEP)
            states = broadened(axis, source, states, self.resolution, STEP)
        if frequencies is None:  # what lies beyond the reach of the instrument is cut off last
            highest = self.resolution.highest
            frequencies = axis if highest is None else axis[axis <= highest]
        states = np.stack([sampled(frequencies, axis, row) for row in states])
        return frequencies, dict(zip(self.kinds, states, strict=True))

    def scatterers(
        self, frequencies: Array, parts: dict[str, Array], members: list[dict[str, Array]]
    ) -> tuple[Scatterer, ...]:
        """Return what neutrons see of every kind of sites."""
        weights = neutron_weights(self.crystal)
        loss = frequencies >= 0.0
        whole = sum(float(np.trapezoid(p[loss], frequencies[loss])) for p in parts.values())
        found = []
        for name, places in self.kinds.items():
            site = self.crystal.occupancy[places[0]]
            moments = [_moment(frequencies, m[name]) for m in members]
            wide = spread(moments)
            found.append(
                Scatterer(
                    name, len(places), sum(f * cross_section(s) for s, f in site.items()),
                    float(self.crystal.masses[places[0]]), float(weights[places[0]]),
                    float(np.trapezoid(parts[name][loss], frequencies[loss])) / whole,
                    _moment(frequencies, parts[name]), None if wide is None else float(wide),
                )
            )  # fmt: skip
        return tuple(found)


def _loss(frequencies: Array, axis: Array, rows: Array) -> Array:
    """Return states at frequencies >= 0, those that smoothing moved below zero folded back."""
    found = np.stack([sampled(frequencies, axis, row) for row in rows])
    near = frequencies < -IMAGINARY_THRESHOLD
    found[:, near] += np.stack([sampled(-frequencies[near], axis, row) for row in rows])
    return found


def _moment(frequencies: Array, values: Array) -> float:
    loss = frequencies >= 0.0
    w, g = frequencies[loss], values[loss]
    states = float(np.trapezoid(g, w))
    return float(np.trapezoid(w * g, w)) / states if states > 0.0 else float("nan")
