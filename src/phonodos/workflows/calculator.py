"""`PhononCalculator`: predictions in the shape of matcalc's property calculators (`PropCalc`).

A structure, or the dictionary that another calculator returned, goes in; a dictionary comes out,
with the keys and units of matcalc's own `PhononCalc`. matcalc itself is not needed.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonodos.errors import PhonodosError, StructureError
from phonodos.results.spectra import pymatgen_record
from phonodos.studies.readings import reading_names
from phonodos.workflows.document import studied
from phonodos.workflows.loaded import loaded

if TYPE_CHECKING:
    from phonopy import Phonopy

    from phonodos.prediction.prediction import Prediction

UNITS = {
    "thermal_properties.temperatures": "K",
    "thermal_properties.free_energy": "kJ/mol",
    "thermal_properties.entropy": "J/(K*mol)",
    "thermal_properties.heat_capacity": "J/(K*mol)",
    "phonon_dos.frequencies": "THz",
    "phonon_dos.densities": "states/THz per cell",
    "mean_frequency": "THz",
    "max_frequency": "THz",
    "lowest_frequency": "THz",
}


class PhononCalculator:
    """Phonons of structures, by the weights of `phonodos.load`.

    Parameters
    ----------
    model, members, metal
        See `phonodos.load`; loaded once in a process, so that the calculator itself is small where
        it is sent to others.
    t_min, t_max, t_step
        Temperatures of the thermodynamic functions [K], as matcalc's `PhononCalc` has them.
    extra
        Studies to add by their names: ``modes``, ``elastic``, ``displacements``.
    phonopy
        Whether a Phonopy object with force constants and charges is made of every crystal, which
        takes longer than the prediction.

    Raises
    ------
    ConfigError
        If a name of `extra` is not known, or a range of temperatures makes no sense.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        members: int | None = None,
        metal: bool = False,
        t_min: float = 0.0,
        t_max: float = 1000.0,
        t_step: float = 10.0,
        extra: str | Sequence[str] = (),
        phonopy: bool = False,
    ) -> None:
        from phonodos.physics.displacements import check_temperatures

        self.model, self.members, self.metal = model, members, metal
        count = int((t_max - t_min) / t_step + 1e-9) + 1 if t_step > 0.0 else 0
        self.temperatures = check_temperatures([t_min + t_step * i for i in range(count)])
        self.extra, self.phonopy = reading_names(extra), phonopy

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, members={self.members})"

    def calc(self, structure: Any) -> dict[str, Any]:
        """Predict one structure.

        Parameters
        ----------
        structure
            As `Predictor.predict` takes it, or a dictionary with one under ``final_structure`` or
            ``structure``, whose other entries are kept.

        Returns
        -------
        ``final_structure``; ``thermal_properties`` (``temperatures`` [K], ``free_energy`` [kJ/mol],
        ``entropy`` and ``heat_capacity`` [J/(K mol)], per mole of cells as given); ``phonon_dos``,
        as pymatgen's ``PhononDos.from_dict`` reads it [THz]; ``mean_frequency``,
        ``max_frequency``, ``lowest_frequency`` [THz] (None of spectra alone); ``stability``,
        ``warnings``, ``model``; ``phonon``, a Phonopy object where it is asked for, None of spectra
        alone and of mixed sites; the studies; ``_units``.

        Raises
        ------
        PhonodosError
            As `phonodos.load` and `Predictor.predict`.
        """
        (found,) = self._results([structure], allow_errors=False)
        assert found is not None  # errors are raised
        return found

    def calc_many(
        self,
        structures: Iterable[Any],
        n_jobs: int | None = None,  # noqa: ARG002
        allow_errors: bool = False,
        **more: Any,  # noqa: ARG002
    ) -> Iterator[dict[str, Any] | None]:
        """Predict structures in batches; yield their dictionaries in order.

        Parameters
        ----------
        structures
            As `calc` takes them.
        n_jobs, more
            Those of joblib in matcalc's calculators: accepted, and nothing follows. Batches of one
            process are as quick; several processes are the business of `phonodos.screen`.
        allow_errors
            Whether None takes the place of a structure that fails.

        Raises
        ------
        PhonodosError
            As `calc`, unless errors are allowed.
        """
        return self._results(structures, allow_errors)

    def _results(
        self, structures: Iterable[Any], allow_errors: bool
    ) -> Iterator[dict[str, Any] | None]:
        predictor = loaded(self.model, members=self.members, metal=self.metal)
        waiting: deque[dict[str, Any]] = deque()  # those that a batch has taken in

        def taken() -> Iterator[Any]:
            for structure in structures:
                try:
                    waiting.append(_given(structure))
                except StructureError as error:
                    waiting.append({})
                    yield error
                else:
                    yield waiting[-1]["final_structure"]

        for answer in predictor.predict_many(taken(), errors="yield"):
            before = waiting.popleft()
            if not isinstance(answer, PhonodosError):
                yield self._record(before, answer)
            elif allow_errors:
                yield None
            else:
                raise answer

    def _record(self, before: dict[str, Any], prediction: "Prediction") -> dict[str, Any]:
        from phonodos.physics.units import THZ_PER_WAVENUMBER

        thermal = prediction.thermal_properties(self.temperatures)
        studies, more = studied(prediction, self.extra)
        stability = prediction.stability
        units = {**before.get("_units", {}), **UNITS}
        return before | {
            "thermal_properties": {
                "temperatures": np.asarray(thermal.temperatures),
                "free_energy": thermal.free_energy / 1000.0,
                "entropy": np.asarray(thermal.entropy),
                "heat_capacity": np.asarray(thermal.heat_capacity),
            },
            "phonon_dos": pymatgen_record(prediction.dos),
            "mean_frequency": prediction.dos.mean_frequency * THZ_PER_WAVENUMBER,
            "max_frequency": prediction.max_frequency * THZ_PER_WAVENUMBER,
            "lowest_frequency": (
                None if stability is None else stability.lowest * THZ_PER_WAVENUMBER
            ),
            "stability": None if stability is None else stability.verdict,
            "phonon": self._phonon(prediction),
            **studies,
            "warnings": [*prediction.warnings, *more],
            "model": prediction.model,
            "_units": units,
        }

    def _phonon(self, prediction: "Prediction") -> "Phonopy | None":
        if not self.phonopy or prediction.lattice is None or not prediction.crystal.is_ordered:
            return None
        return prediction.lattice.to_phonopy()


def _given(structure: Any) -> dict[str, Any]:
    """Return a dictionary with the structure under ``final_structure``, as matcalc's have it.

    Raises
    ------
    StructureError
        If a dictionary that is no structure itself holds none, or there is nothing.
    """
    if structure is None:
        raise StructureError(
            "there is no structure",
            "None was given, as by a step that failed before",
            "leave it out, or see why that step failed",
        )
    if isinstance(structure, dict):
        for key in ("final_structure", "structure"):
            if key in structure:
                return {**structure, "final_structure": structure[key]}
    return {"final_structure": structure}
