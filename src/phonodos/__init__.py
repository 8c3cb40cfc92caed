"""phonodos: the phonon density of states of a crystal, straight from its structure.

>>> import phonodos
>>> model = phonodos.load()
>>> p = model.predict("examples/Al2O3.cif")
>>> p.dos.frequencies, p.dos.densities, p.thermal_properties([300.0])
"""

from typing import TYPE_CHECKING, Any

from phonodos.version import __version__

if TYPE_CHECKING:
    from phonodos.errors import PhonodosError as PhonodosError
    from phonodos.evaluation.judgement import evaluate as evaluate
    from phonodos.physics.crystal import Crystal as Crystal
    from phonodos.physics.dos import PhononDos as PhononDos
    from phonodos.prediction.prediction import Prediction as Prediction
    from phonodos.prediction.predictor import Predictor as Predictor
    from phonodos.prediction.predictor import load as load
    from phonodos.screening.screen import screen as screen
    from phonodos.screening.survey import survey as survey
    from phonodos.structures.reading import read_crystal as read_crystal
    from phonodos.studies.alloy import alloy as alloy
    from phonodos.studies.bands import bands as bands
    from phonodos.studies.comparison import compare as compare
    from phonodos.studies.computed_entries import vibrational_correction as vibrational_correction
    from phonodos.studies.computed_entries import vibrational_corrections as vibrational_corrections
    from phonodos.studies.displacements import displacements as displacements
    from phonodos.studies.elastic import elastic as elastic
    from phonodos.studies.modes import modes as modes
    from phonodos.studies.neutron import neutron as neutron
    from phonodos.studies.quasi_harmonic import quasi_harmonic as quasi_harmonic
    from phonodos.studies.report import report as report
    from phonodos.studies.strain import strain as strain

_HOMES = {
    "Crystal": "phonodos.physics.crystal",
    "PhononDos": "phonodos.physics.dos",
    "PhonodosError": "phonodos.errors",
    "Prediction": "phonodos.prediction.prediction",
    "Predictor": "phonodos.prediction.predictor",
    "alloy": "phonodos.studies.alloy",
    "bands": "phonodos.studies.bands",
    "compare": "phonodos.studies.comparison",
    "displacements": "phonodos.studies.displacements",
    "elastic": "phonodos.studies.elastic",
    "evaluate": "phonodos.evaluation.judgement",
    "load": "phonodos.prediction.predictor",
    "modes": "phonodos.studies.modes",
    "neutron": "phonodos.studies.neutron",
    "quasi_harmonic": "phonodos.studies.quasi_harmonic",
    "read_crystal": "phonodos.structures.reading",
    "report": "phonodos.studies.report",
    "screen": "phonodos.screening.screen",
    "strain": "phonodos.studies.strain",
    "survey": "phonodos.screening.survey",
    "vibrational_correction": "phonodos.studies.computed_entries",
    "vibrational_corrections": "phonodos.studies.computed_entries",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    # Names load on first use: `phonodos --help` must not wait for torch.
    if name not in _HOMES:
        raise AttributeError(f"module 'phonodos' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
