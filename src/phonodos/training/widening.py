"""Wider copies of a trained network that give the same answers.

Every matrix of the narrow network becomes a block of the wide one. New channels get random
weights from everything before them and zeros towards everything that was there, so that the
answers stay and the gradient reaches the new channels from the first step (function-preserving
growth as in Chen, Goodfellow and Shlens, "Net2Net", ICLR 2016, without their copies).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch

from phonodos.errors import ConfigError
from phonodos.model.irreps import SCALAR, Irrep, Irreps, multiplicities, parse_irreps
from phonodos.model.lattice import LatticeConfig, LatticeNetwork, parts_of
from phonodos.model.springs import SpringHead
from phonodos.model.trunk import TrunkLayer
from phonodos.training.module import NetworkModule


class Axis(NamedTuple):
    """Where the entries along one axis of a narrow matrix go in the wide one."""

    places: list[int]
    size: int


class Block(NamedTuple):
    """Where a narrow matrix goes: its axes, and which of them is the one that is summed over."""

    axes: tuple[Axis, ...]
    summed: int | None


@torch.no_grad()
def widened(narrow: LatticeNetwork, config: LatticeConfig) -> NetworkModule:
    """Return a network of configuration `config`, to be trained, with the answers of `narrow`.

    New weights are drawn from torch's global generator.

    Raises
    ------
    ConfigError
        If `config` differs in more than `embedding`, the multiplicities of `hidden` and multipoles
        that `narrow` has none of, or one of them is smaller.
    """
    _check(narrow.config, config)
    wide = NetworkModule(LatticeNetwork, config)
    target = wide.flat()
    blocks = dict(_blocks(narrow.config, config))
    for name, values in narrow.parameters.items():
        old = torch.from_numpy(values)
        if name not in blocks:
            target[name].copy_(old)
            continue
        axes, summed = blocks[name]
        new = target[name]
        if summed is not None:  # from new channels to old ones: nothing
            other = [torch.tensor(a.places) for k, a in enumerate(axes) if k != summed]
            fresh = torch.ones(axes[summed].size, dtype=torch.bool)
            fresh[axes[summed].places] = False
            view = new.transpose(0, summed)
            view[torch.nonzero(fresh), other[0]] = 0.0
        new[torch.meshgrid(*(torch.tensor(a.places) for a in axes), indexing="ij")] = old
    return wide


def _check(narrow: LatticeConfig, wide: LatticeConfig) -> None:
    free = ("hidden", "embedding", *(() if narrow.head_multipoles else ("head_multipoles",)))
    same = narrow.model_copy(update={name: getattr(wide, name) for name in free}) == wide
    pairs = [(narrow.embedding, wide.embedding)]
    alike = len(narrow.hidden) == len(wide.hidden)
    for before, after in zip(narrow.hidden, wide.hidden, strict=False):
        old, new = (multiplicities(parse_irreps(text)) for text in (before, after))
        alike = alike and list(old) == list(new)
        pairs += [(old[ir], new.get(ir, 0)) for ir in old]
    if not (same and alike and all(a <= b for a, b in pairs)):
        raise ConfigError(
            "the network cannot start from these weights",
            "it may only be as wide or wider in `embedding` and in every multiplicity of `hidden`, "
            "have `head_multipoles` where there were none, and be equal in everything else",
            "choose other weights for `init`, or the settings that phonodos models show prints",
        )


def _blocks(narrow: LatticeConfig, wide: LatticeConfig) -> Iterator[tuple[str, Block]]:
    small, large = parts_of(narrow), parts_of(wide)
    n_elements = small.elements.n_features
    embedded = _grown(narrow.embedding, wide.embedding)
    yield "embedding.weight", Block((embedded, _grown(n_elements, n_elements)), 1)
    yield "embedding.bias", Block((embedded,), None)
    before = {SCALAR: embedded}
    for old, new in zip(small.layers, large.layers, strict=True):
        yield from _layer_blocks(old, before, _gate_axes(old, new), narrow, n_elements)
        before = _irrep_axes(old.gate.irreps_out, new.gate.irreps_out)
    linears = [small.springs.ends, small.charges.tensors]
    if small.multipoles is not None:
        linears.append(small.multipoles.charges)
    for linear in linears:
        for (ir, name), line in zip(linear.names.items(), linear.table, strict=True):
            kept = line.shape[1]
            yield name, Block((before[ir], _grown(kept, kept)), 0)
    hidden = narrow.charge_hidden
    rows = _grown(hidden, hidden)
    columns = _joined([before[SCALAR], _grown(n_elements, n_elements)])
    yield f"{small.charges.mlp.names[0]}.weight", Block((rows, columns), 1)
    if wide.head_multipoles != narrow.head_multipoles:
        yield from _head_blocks(small.springs, large.springs)


def _head_blocks(old: SpringHead, new: SpringHead) -> Iterator[tuple[str, Block]]:
    """Yield where matrices of a pair head without multipoles go: theirs come last in every sum."""
    sizes = {line.name: line.shape for line in new.table}
    for line in old.table:
        if line.shape != sizes[line.name]:
            axes = tuple(_grown(a, b) for a, b in zip(line.shape, sizes[line.name], strict=True))
            yield line.name, Block(axes, int(line.shape[0] == sizes[line.name][0]))


def _layer_blocks(
    old: TrunkLayer,
    before: Mapping[Irrep, Axis],
    after: Mapping[Irrep, Axis],
    narrow: LatticeConfig,
    n_elements: int,
) -> Iterator[tuple[str, Block]]:
    convolution = old.convolution
    last = convolution.radial.names[-1]
    hidden = narrow.radial_hidden[-1]
    paths = _joined([before[path.source] for path in convolution.paths])
    yield f"{last}.weight", Block((paths, _grown(hidden, hidden)), 1)
    yield f"{last}.bias", Block((paths,), None)
    for ir, name in convolution.before.names.items():
        yield name, Block((before[ir], before[ir]), 0)
    for ir, name in convolution.mix.names.items():
        summed = _joined([before[p.source] for p in convolution.paths if p.target == ir])
        yield name, Block((summed, after[ir]), 0)
    for ir, name in old.self_connection.names.items():
        axis = _joined([before[ir]] * n_elements)
        yield name, Block((axis, after[ir]), 0)


def _grown(old: int, new: int) -> Axis:
    return Axis(list(range(old)), new)


def _joined(axes: list[Axis]) -> Axis:
    places: list[int] = []
    size = 0
    for axis in axes:
        places += [size + place for place in axis.places]
        size += axis.size
    return Axis(places, size)


def _irrep_axes(old: Irreps, new: Irreps) -> dict[Irrep, Axis]:
    wide = multiplicities(new)
    return {ir: _grown(mul, wide[ir]) for ir, mul in multiplicities(old).items()}


def _gate_axes(old: TrunkLayer, new: TrunkLayer) -> dict[Irrep, Axis]:
    """Return the axes before the gate: its scalars are the kept ones, then a gate an irrep."""
    gated = {ir: _grown(mul, new.gate.gated[ir]) for ir, mul in old.gate.gated.items()}
    kept = _grown(old.gate.n_scalars, new.gate.n_scalars)
    return {SCALAR: _joined([kept, *gated.values()]), **gated}
