"""`KINDS`: the one registry that a new kind of network enters.

An entry says everything that the rest of the program asks of a kind: configuration and network,
what it says of the reference crystals, how it answers for the predictor, what it is taught, and the
words of its model card. All but the configuration are named as ``module:attribute`` and imported
when they are first asked for: some of them belong to higher floors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from phonodos.errors import WeightsError
from phonodos.model.arrays import as_numpy
from phonodos.model.lattice import LatticeConfig
from phonodos.model.network import Network, NetworkConfig
from phonodos.model.parameters import Parameters, misfit
from phonodos.model.spectrum import SpectrumConfig


@dataclass(frozen=True)
class Words:
    """What a model card says of every network of a kind.

    Attributes
    ----------
    about, limits
        What it is; what it cannot do, a sentence each.
    paper
        Citation of the paper that it is the network of, or empty.
    settings
        What that paper did, by setting: (value, how to say that it is another one).
    """

    about: str
    limits: tuple[str, ...] = ()
    paper: str = ""
    settings: Mapping[str, tuple[Any, str]] | None = None


@dataclass(frozen=True)
class Kind:
    """Everything that is particular to a kind of network.

    Attributes
    ----------
    config
        Hyperparameters (a subclass of `NetworkConfig`).
    network
        A `Network` made of them and of parameters.
    reference
        (network) -> (2, k) numbers for `reference_crystals`, kept in weight files.
    answers
        (networks, header, device, project) -> `prediction.answers.Answerer`.
    task
        (TrainConfig) -> `training.losses.Task`.
    words
        `Words` of the model card.
    averages_force_constants
        Whether its output is a `Lattice`, whose tensors can be averaged along an alloy.

    All but `config` are the object itself or where it lies, ``module:attribute``.
    """

    config: type[NetworkConfig]
    network: Any
    reference: Any
    answers: Any
    task: Any
    words: Any
    averages_force_constants: bool = False


KINDS: dict[str, Kind] = {
    "spectrum": Kind(
        SpectrumConfig,
        network="phonodos.model.spectrum:SpectrumNetwork",
        reference="phonodos.model.reference:spectrum_reference",
        answers="phonodos.prediction.answers:SpectrumAnswers",
        task="phonodos.training.losses:SpectrumTask",
        words="phonodos.evaluation.card:SPECTRUM",
    ),
    "lattice": Kind(
        LatticeConfig,
        network="phonodos.model.lattice:LatticeNetwork",
        reference="phonodos.model.reference:lattice_reference",
        answers="phonodos.prediction.answers:LatticeAnswers",
        task="phonodos.training.lattice_losses:LatticeTask",
        words="phonodos.evaluation.card:LATTICE",
        averages_force_constants=True,
    ),
}


def resolved(part: Any) -> Any:
    """Return a part of a `Kind`: itself, or what lies at ``module:attribute``."""
    if not isinstance(part, str):
        return part
    module, _, name = part.partition(":")
    return getattr(import_module(module), name)


def kind_of(network: Network) -> Kind:
    """Return the kind of a network."""
    return KINDS[network.config.kind]


def network_of(config: Mapping[str, Any]) -> tuple[type[Network], NetworkConfig]:
    """Return the class of a network and its configuration, of the kind that `config` names.

    Raises
    ------
    WeightsError
        If the kind is unknown or a hyperparameter is unknown or out of range.
    """
    kind = config.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise WeightsError(
            f"unknown kind of network '{str(kind)[:60]}'",
            "this version of phonodos knows: " + ", ".join(KINDS),
            "update phonodos, or use other weights",
        )
    try:
        checked = KINDS[kind].config.model_validate(dict(config))
        network: type[Network] = resolved(KINDS[kind].network)
        network.table(checked)
    except (ValidationError, ValueError) as err:
        raise WeightsError(
            f"the configuration of the {kind} network is invalid",
            str(err).replace("\n", "; ")[:500],
            "use weights and a version of phonodos that belong together",
        ) from err
    return network, checked


def build_network(config: Mapping[str, Any], parameters: Parameters) -> Network:
    """Return the network of the kind and hyperparameters in `config` with these parameters.

    Raises
    ------
    WeightsError
        If the configuration is invalid (`network_of`), or asks for other parameters.
    """
    network, checked = network_of(config)
    if found := misfit(network.table(checked), parameters):
        raise WeightsError(
            "the tensors do not fit the network of the configuration",
            found,
            "use weights and a version of phonodos that belong together",
        )
    return network(checked, parameters)


def reference_answers(network: Network) -> list[list[float]]:
    """Return what the network gives for the reference crystals, a row each.

    Loading a weight file computes them again: a file whose tensors were altered, or a version of
    the program that computes something else, does not pass.
    """
    found = resolved(kind_of(network).reference)(network)
    answers: list[list[float]] = as_numpy(found).astype(float).tolist()
    return answers
