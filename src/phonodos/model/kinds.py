"""`KINDS`: the one registry that a new kind of network enters.

An entry says everything that the rest of the program asks of a kind: configuration and network,
what it says of the reference crystals, how it answers for the predictor, what it is taught, and the
words of its model card. The last three belong to higher floors; they are named as
``module:attribute`` and imported when they are first asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from pydantic import ValidationError

from phonodos.errors import WeightsError
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.network import Network, NetworkConfig
from phonodos.model.reference import lattice_reference, spectrum_reference
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork


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
    config, network
        Hyperparameters (a subclass of `NetworkConfig`), and the `Network` made of them.
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

    `answers`, `task` and `words` are the object itself or where it lies, ``module:attribute``.
    """

    config: type[NetworkConfig]
    network: Callable[[Any], Network]
    reference: Callable[[Any], torch.Tensor]
    answers: Any
    task: Any
    words: Any
    averages_force_constants: bool = False


KINDS: dict[str, Kind] = {
    "spectrum": Kind(
        SpectrumConfig,
        SpectrumNetwork,
        spectrum_reference,
        answers="phonodos.prediction.answers:SpectrumAnswers",
        task="phonodos.training.losses:SpectrumTask",
        words="phonodos.evaluation.card:SPECTRUM",
    ),
    "lattice": Kind(
        LatticeConfig,
        LatticeNetwork,
        lattice_reference,
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


def build_network(config: Mapping[str, Any]) -> Network:
    """Return an untrained network of the kind and hyperparameters in `config`.

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
        return KINDS[kind].network(KINDS[kind].config.model_validate(dict(config)))
    except (ValidationError, ValueError) as err:
        raise WeightsError(
            f"the configuration of the {kind} network is invalid",
            str(err).replace("\n", "; ")[:500],
            "use weights and a version of phonodos that belong together",
        ) from err


@torch.no_grad()
def reference_answers(network: Network) -> list[list[float]]:
    """Return what the network gives for the reference crystals, a row each.

    Loading a weight file computes them again: a file whose tensors were altered, or a version of
    the program that computes something else, does not pass.
    """
    answers: list[list[float]] = kind_of(network).reference(network).double().cpu().tolist()
    return answers
