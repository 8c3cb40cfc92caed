"""A prediction in numbers: each with unit and basis, its interval and the verdict of stability."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from phonodos.physics.dos import MENTIONED_SHARE
from phonodos.physics.thermodynamics import amounts_per, debye_temperature
from phonodos.physics.units import ROOM_TEMPERATURE, STANDARD_TEMPERATURE, per_wavenumber

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction


def prediction_record(
    prediction: "Prediction", units: str = "cm-1", per: str = "formula"
) -> dict[str, Any]:
    """Return the numbers of a prediction as a dictionary fit for JSON.

    Parameters
    ----------
    prediction
        What is described.
    units
        Of frequencies: ``cm-1``, ``THz`` or ``meV``.
    per
        Amount of substance of heat capacity, entropy and zero-point energy: ``atom``, ``formula``,
        ``cell``, ``kg`` or ``cm3``.

    Raises
    ------
    ConfigError
        If unit or amount is unknown.
    """
    facts = quantities(prediction, units, per)
    stability = prediction.stability
    return {
        "formula": prediction.crystal.written_formula,
        "n_atoms": prediction.crystal.n_atoms,
        **{key: {"value": v, "unit": unit} for key, (v, unit) in facts.items()},
        "max_frequency": largest_record(prediction, units),
        "intervals": interval_record(prediction, units, per),
        "absent_intervals": absent_intervals(prediction),
        "stability": None if stability is None else stability.to_dict(units),
    }


def quantities(
    prediction: "Prediction", units: str, per: str = "formula"
) -> dict[str, tuple[float, str]]:
    """Return the numbers of the table: name -> value, unit; thermodynamics at 300 and 298.15 K.

    `per` is the amount of substance: atom, formula, cell, kg or cm3.
    """
    factor = per_wavenumber(units)
    kelvin = (ROOM_TEMPERATURE, STANDARD_TEMPERATURE)
    thermal = prediction.thermal_properties(kelvin).per(per, prediction.crystal)
    unit = f"J/(K {thermal.amount})"
    (warm, cool), (warm_entropy, entropy) = thermal.heat_capacity, thermal.entropy
    return {
        "mean_frequency": (prediction.dos.mean_frequency * factor, units),
        "max_frequency": (prediction.max_frequency * factor, units),
        "heat_capacity": (float(warm), f"{unit} at {ROOM_TEMPERATURE:g} K"),
        "entropy": (float(warm_entropy), f"{unit} at {ROOM_TEMPERATURE:g} K"),
        "heat_capacity_298": (float(cool), f"{unit} at {STANDARD_TEMPERATURE:g} K"),
        "entropy_298": (float(entropy), f"{unit} at {STANDARD_TEMPERATURE:g} K"),
        "zero_point_energy": (thermal.zero_point_energy / 1000, f"kJ/{thermal.amount}"),
        "debye_temperature": (debye_temperature(prediction.dos), "K (2nd moment)"),
        "imaginary_share": (thermal.imaginary_fraction, "of all states"),
    }


def largest_record(prediction: "Prediction", units: str) -> dict[str, Any]:
    """Return the largest frequency for JSON, with the standard deviation of the members."""
    factor, spread = per_wavenumber(units), prediction.max_frequency_spread
    found = {"value": prediction.max_frequency * factor, "unit": units}
    return found if spread is None else {**found, "spread": spread * factor}


def interval_record(prediction: "Prediction", units: str, per: str = "formula") -> dict[str, Any]:
    """Return the 90 % intervals: name -> half width, low, high, level, unit; empty without."""
    found = {}
    atoms, amount = amounts_per(per, prediction.crystal)
    for name, interval in prediction.intervals.items():
        frequency = name == "mean_frequency"
        factor = per_wavenumber(units) if frequency else atoms
        found[name] = {
            "half_width": interval.half_width * factor,
            "low": interval.low * factor,
            "high": interval.high * factor,
            "level": interval.level,
            "unit": units if frequency else f"J/(K {amount})",
        }
    return found


def absent_intervals(prediction: "Prediction") -> dict[str, str]:
    """Return why no interval is stated: name -> ``n/a: unstable``; empty where there are some.

    Weights that were never calibrated state none anywhere, and nothing is said of it.
    """
    if not prediction.outside:
        return {}
    reason = f"n/a: {', '.join(prediction.outside)}"
    return dict.fromkeys(prediction.calibrations, reason)


def remarks(
    prediction: "Prediction", imaginary_share: float, formats: Collection[str]
) -> list[str]:
    """Return what the table and the files leave out."""
    found, share = [], imaginary_share
    if share > MENTIONED_SHARE:
        found.append(
            f"{100 * share:.1f} % of the states are imaginary and left out of heat capacity, "
            "entropy and zero-point energy"
        )
    if "phonopy" in formats and prediction.lattice and not prediction.crystal.is_ordered:
        found.append("no phonopy_params.yaml: phonopy knows no sites that elements share")
    return found
