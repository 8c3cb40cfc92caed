"""What a training starts from: the weights of a network, of wider ones, or of several as copies."""

from pathlib import Path

import torch

from phonodos.model.lattice import LatticeConfig, LatticeNetwork, copy_prefix
from phonodos.model.network import Network
from phonodos.model.weights import read_member
from phonodos.training.module import NetworkModule
from phonodos.training.widening import widened


def started(network: NetworkModule, path: Path, member: int) -> NetworkModule:
    """Return a network with the weights of a member, from 1, of a file; widened where it is wider.

    A network of several copies takes them from a member of as many, or each from a member of one:
    the first from this member, the next from the next.

    Raises
    ------
    ConfigError
        As `widened`.
    WeightsError
        If the file is unreadable, has no such member, or its tensors do not fit.
    """
    wanted = network.config
    if isinstance(wanted, LatticeConfig) and wanted.copies > 1:
        return _of_copies(network, wanted, path, member)
    return _filled(network, read_member(path, member))


def _filled(network: NetworkModule, held: Network) -> NetworkModule:
    wanted = network.config
    both = isinstance(held, LatticeNetwork) and isinstance(wanted, LatticeConfig)
    if both and held.config != wanted:
        return widened(held, wanted)  # type: ignore[arg-type]  # both are what they should be
    network.fill(held)
    return network


@torch.no_grad()
def _of_copies(
    network: NetworkModule, wanted: LatticeConfig, path: Path, member: int
) -> NetworkModule:
    held = read_member(path, member)
    same = isinstance(held, LatticeNetwork) and held.config.copies == wanted.copies
    copies: list[Network] = list(held.each) if same else [held]  # type: ignore[attr-defined]
    target, single = network.flat(), wanted.model_copy(update={"copies": 1})
    for k in range(wanted.copies):
        start = copies[k] if k < len(copies) else read_member(path, member + k)
        one = _filled(NetworkModule(LatticeNetwork, single), start)
        for name, values in one.flat().items():
            target[copy_prefix(k) + name].copy_(values)
    return network
