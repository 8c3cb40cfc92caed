"""`elastic`: elastic constants, moduli and velocities of sound, from long acoustic waves."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.elasticity import Elasticity, elasticity, mean_velocity, velocities
from phonodos.physics.primitive import Setting, setting_of, symmetry_operations
from phonodos.physics.sound import SoundWaves, elastic_debye_temperature
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.predictor import AnyPredictor
from phonodos.studies.harmonic import (
    check_solid,
    directions,
    harmonic_prediction,
    number,
    numbers,
    spread,
)

Array = NDArray[np.float64]
ALONG = ("a", "b", "c", "a+b", "a+b+c")  # directions of the table
SMALLEST_MISFIT = 0.05  # of slopes against those of elastic constants, that is told
# Predicted over DFT slopes of 62 test crystals, lowest branch first, 0.06 < |q| < 0.2 1/A.
MEDIAN_RATIOS = {"lattice": (0.96, 0.97, 0.98)}


@dataclass(frozen=True, eq=False)
class ElasticStudy:
    """Elastic properties of a crystal, in its conventional setting.

    Attributes
    ----------
    crystal
        The primitive cell.
    setting
        The conventional setting: its cell [A] gives the axes of all that follows.
    elasticity
        C_ij [GPa], density [kg/m^3], moduli [GPa].
    sound
        The long waves, q [1/A] Cartesian in the setting.
    members
        Elasticity and long waves of the members of an ensemble; empty for a single network.
    model
        Name of the weights.
    doubts
        Reasons for doubt of the prediction.
    """

    crystal: Crystal
    setting: Setting
    elasticity: Elasticity
    sound: SoundWaves
    members: tuple[tuple[Elasticity, SoundWaves], ...]
    model: str
    doubts: tuple[str, ...] = ()

    @property
    def stiffness(self) -> Array:
        """(6, 6) C_ij [GPa], order xx, yy, zz, yz, xz, xy."""
        return self.elasticity.stiffness

    @cached_property
    def stiffness_spread(self) -> Array | None:
        """(6, 6) standard deviations of the members' C_ij [GPa]; None of a single network."""
        found = spread(e.stiffness for e, _ in self.members)
        return None if found is None else np.asarray(found)

    @property
    def moduli(self) -> dict[str, float]:
        """Moduli of `Elasticity.moduli` [GPa]; Poisson's ratio and the anisotropy have no unit."""
        return self.elasticity.moduli

    @cached_property
    def moduli_spread(self) -> dict[str, float | None]:
        """Standard deviations of the members' moduli [GPa]; None of a single network."""
        return {k: spread(e.moduli[k] for e, _ in self.members) for k in self.moduli}

    @property
    def is_stable(self) -> bool:
        """Whether the conditions of Born hold: C_ij positive definite."""
        return self.elasticity.is_stable

    @cached_property
    def debye_temperature(self) -> float:
        """Elastic Debye temperature [K]; NaN where a wave is unstable."""
        return elastic_debye_temperature(self.sound, self.crystal.volume)

    @cached_property
    def debye_temperature_spread(self) -> float | None:
        """Standard deviation of the members' elastic Debye temperatures [K]."""
        volume = self.crystal.volume
        found = spread(elastic_debye_temperature(s, volume) for _, s in self.members)
        return None if found is None else float(found)

    @cached_property
    def mean_velocity(self) -> float:
        """<v^-3>^(-1/3) of all velocities of sound [m/s]; NaN where a wave is unstable."""
        return mean_velocity(self.sound)

    @cached_property
    def mean_velocity_spread(self) -> float | None:
        """Standard deviation of the members' mean velocities [m/s]."""
        found = spread(mean_velocity(s) for _, s in self.members)
        return None if found is None else float(found)

    @property
    def known_error(self) -> str | None:
        """What is known of the errors of these weights, of every crystal alike; None if nothing."""
        if self.model not in MEDIAN_RATIOS:
            return None
        low, middle, high = MEDIAN_RATIOS[self.model]
        return (
            f"slopes of {self.model} are {low}, {middle} and {high} times those of DFT, lowest "
            "branch first (medians of 62 test crystals), and single ones are far off: shear "
            "moduli come out too low as a rule"
        )

    def velocities(self, along: Sequence[str] = ALONG) -> tuple[Array, Array | None]:
        """Return (m, 3) velocities of sound [m/s], ascending, and the spread of the members'.

        Parameters
        ----------
        along
            Directions of q: sums of conventional lattice vectors, ``a``, ``a+b``.
        """
        waves = np.array(list(directions(along, self.setting.cell).values()))
        found = spread(velocities(s, waves) for _, s in self.members)
        return velocities(self.sound, waves), found

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt: those of the prediction, and what the slopes say."""
        found = list(self.doubts)
        if not self.is_stable:
            found.append(
                "elastically unstable: the smallest eigenvalue of C is "
                f"{self.elasticity.lowest:.1f} GPa, so there are no moduli (the structure may not "
                "be at rest, or the prediction is too soft: look at `phonodos bands`)"
            )
        if self.elasticity.misfit > SMALLEST_MISFIT:
            found.append(
                f"the slopes deviate by {100 * self.elasticity.misfit:.0f} % from those of any "
                "elastic constants, as they do under stress: C_ij are the nearest ones"
            )
        return found if self.known_error is None else [*found, self.known_error]

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the names of the columns and a row a number: quantity, value, spread, unit."""
        wide = self.stiffness_spread
        rows: list[tuple[Any, ...]] = [
            (f"C{i + 1}{j + 1}", float(self.stiffness[i, j]),
             None if wide is None else float(wide[i, j]), "GPa")
            for i in range(6) for j in range(i, 6)
        ]  # fmt: skip
        for name, modulus in self.moduli.items():
            unit = "1" if name in ("poisson", "anisotropy") else "GPa"
            rows.append((name, number(modulus), number(self.moduli_spread[name]), unit))
        theta, sigma = number(self.debye_temperature), number(self.debye_temperature_spread)
        rows.append(("elastic_debye_temperature", theta, sigma, "K"))
        rows.append(("density", self.elasticity.density, None, "kg/m^3"))
        values, spreads = self.velocities()
        for k, name in enumerate(ALONG):
            for branch in range(3):
                each = None if spreads is None else number(spreads[k, branch])
                value = number(values[k, branch])
                rows.append((f"v{branch + 1} along {name}", value, each, "m/s"))
        return ("quantity", "value", "spread", "unit"), rows

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON; what an unstable crystal has not is None."""
        values, spreads = self.velocities()
        return {
            "formula": self.crystal.written_formula,
            "space_group_number": self.setting.number,
            "point_group": self.setting.point_group,
            "crystal_system": self.setting.system,
            "axes": "conventional cell, a along x, b in the plane of x and y",
            "conventional_cell_A": self.setting.cell.tolist(),
            "electric_condition": "constant field (C); velocities with the field of the waves",
            "density_kg_per_m3": self.elasticity.density,
            "stiffness_GPa": self.stiffness.tolist(),
            "stiffness_spread_GPa": numbers(self.stiffness_spread),
            "is_stable": self.is_stable,
            "smallest_eigenvalue_GPa": self.elasticity.lowest,
            "slope_misfit": self.elasticity.misfit,
            "moduli_GPa": {k: number(v) for k, v in self.moduli.items()},
            "moduli_spread_GPa": {k: number(v) for k, v in self.moduli_spread.items()},
            "elastic_debye_temperature_K": number(self.debye_temperature),
            "elastic_debye_temperature_spread_K": number(self.debye_temperature_spread),
            "directions": list(ALONG),
            "velocities_m_per_s": numbers(values),
            "velocities_spread_m_per_s": numbers(spreads),
            "warnings": self.warnings,
        }


def elastic(
    crystal: Any,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
) -> ElasticStudy:
    """Predict elastic constants and velocities of sound.

    They are the slopes of the acoustic branches in the limit q -> 0, the ions relaxed in each
    wave.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    model, members
        A predictor, or weights and number of members as `load` takes them.

    Raises
    ------
    ConfigError
        If the network predicts spectra only.
    StructureError
        As `Predictor.predict`, and if the atoms do not hold together in three directions.
    PredictionError
        As `Predictor.predict`.
    """
    prediction, lattice = harmonic_prediction(
        crystal, "elastic constants", model=model, members=members
    )
    check_solid(lattice, "elastic constants")
    primitive = lattice.crystal
    setting = setting_of(primitive)
    group = symmetry_operations(primitive)
    turns = np.unique(group.cartesian(primitive.cell).round(9), axis=0)
    whole, *each = (_of(x, setting, turns) for x in (lattice, *prediction.member_lattices))
    return ElasticStudy(
        primitive, setting, *whole, tuple(each), prediction.model, prediction.warnings
    )


def _of(lattice: LatticeDynamics, setting: Setting, turns: Array) -> tuple[Elasticity, SoundWaves]:
    """Return elastic constants and long waves in a setting."""
    into: Array = np.asarray(np.linalg.inv(lattice.crystal.reciprocal_cell))
    sound = lattice.sound.along(into)
    found = elasticity(sound, float(lattice.masses.sum()), lattice.crystal.volume, turns)
    return found.turned(setting.turn), lattice.sound.along(setting.turn @ into)
