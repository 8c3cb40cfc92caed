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
    from phonodos.physics.crystal import Crystal as Crystal
    from phonodos.physics.dos import PhononDos as PhononDos
    from phonodos.prediction.prediction import Prediction as Prediction
    from phonodos.prediction.predictor import Predictor as Predictor
    from phonodos.prediction.predictor import load as load
    from phonodos.structures.reading import read_crystal as read_crystal

_HOMES = {
    "Crystal": "phonodos.physics.crystal",
    "PhononDos": "phonodos.physics.dos",
    "PhonodosError": "phonodos.errors",
    "Prediction": "phonodos.prediction.prediction",
    "Predictor": "phonodos.prediction.predictor",
    "load": "phonodos.prediction.predictor",
    "read_crystal": "phonodos.structures.reading",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    # Names load on first use: `phonodos --help` must not wait for torch.
    if name not in _HOMES:
        raise AttributeError(f"module 'phonodos' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
