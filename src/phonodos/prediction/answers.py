"""How a kind of network answers: graphs of primitive cells in, spectra out, many at once."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

import numpy as np

from phonodos.errors import ConfigError, PhonodosError, PredictionError
from phonodos.model.arrays import (
    Array,
    as_numpy,
    doubled,
    library_of,
    without_gradients,
)
from phonodos.model.bonds import BondedCrystals, bond_crystal, collate_bonded
from phonodos.model.devices import check_device
from phonodos.model.graph import CrystalGraph, build_graph, collate
from phonodos.model.header import WeightHeader
from phonodos.model.kinds import kind_of, resolved
from phonodos.model.lattice import Lattice, LatticeNetwork
from phonodos.model.network import Network
from phonodos.model.spectrum import SpectrumNetwork, compressed
from phonodos.physics.crystal import Crystal, mixed_sites
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.physics.target import dos_from_target
from phonodos.prediction.doubts import (
    axis_doubts,
    bond_doubts,
    graph_doubts,
    hydride_doubts,
    is_foreign,
    isotope_refusal,
    metal_doubts,
    stability_doubts,
    training_doubts,
)
from phonodos.prediction.failures import failed
from phonodos.prediction.lattice_dynamics import LatticeDynamics, lattice_dynamics
from phonodos.prediction.stability import Stability, entry_of, search_points, surveyed

DENSE = 500  # neighbours an atom; within 6 A no solid at ambient pressure has more than 330
PROBE = np.array([[0.5, 0.5, 0.5]])
UNSEEN, SHARED = "unseen elements", "shared sites"  # among the reasons of `Answer.outside`
MOST_IMAGINARY = 0.1  # of the states, which are left out: with more no interval is stated


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of a primitive cell."""

    dos: PhononDos
    doubts: tuple[str, ...]
    lattice: LatticeDynamics | None = None
    members: tuple[PhononDos, ...] = ()
    outside: tuple[str, ...] = ()  # why no interval is stated
    stability: Stability | None = None
    member_lattices: tuple[LatticeDynamics, ...] = ()


class Answerer(Protocol):
    """What the predictor asks of a kind of network."""

    def graph(self, crystal: Crystal) -> Any:
        """Return what the network wants of a primitive cell."""
        ...

    def answer(
        self, crystals: Sequence[Crystal], graphs: Sequence[Any]
    ) -> list[Answer | PhonodosError]:
        """Return the answers for a batch."""
        ...


class SpectrumAnswers:
    """Networks that predict the 51 points."""

    def __init__(
        self, networks: Sequence[SpectrumNetwork], header: WeightHeader, device: str,
        project: bool = False,  # noqa: ARG002 - a spectrum is of all atoms
    ) -> None:  # fmt: skip
        self.header, self.device = header, device
        self.cutoff = networks[0].config.cutoff
        self.networks = [compressed(network).to(device) for network in networks]
        self.dtype = self.networks[0].dtype

    def graph(self, crystal: Crystal) -> CrystalGraph:
        """Return the crystal graph."""
        return build_graph(crystal, self.cutoff)

    def answer(
        self, crystals: Sequence[Crystal], graphs: Sequence[CrystalGraph]
    ) -> list[Answer | PhonodosError]:
        """Return spectra, or errors where a network gives none."""
        graph = collate(graphs).to(device=self.device, dtype=self.dtype)
        with without_gradients(self.dtype):
            outputs = [as_numpy(doubled(network(graph))) for network in self.networks]
        rows = zip(crystals, graphs, *outputs, strict=True)
        return [_each(crystal, self._finish, g, list(values)) for crystal, g, *values in rows]

    def _finish(
        self, crystal: Crystal, graph: CrystalGraph, values: list[np.ndarray]
    ) -> Answer | PhonodosError:
        name = self.header.name
        if refusal := isotope_refusal(crystal, name):
            return refusal
        if not all(np.isfinite(v).all() and v.max() > 0.0 for v in values):
            return PredictionError(
                f"{crystal.label}: {name} gives no spectrum",
                "its output is zero or not finite on all 51 points",
                "the crystal is too far from the training data; try another model",
            )
        members = tuple(dos_from_target(v, crystal.n_atoms) for v in values)
        reasons = {
            "unseen bonds": bond_doubts(crystal, graph, self.header),
            "states above the spectrum's end": axis_doubts(crystal, graph, name),
            "hydrogen": hydride_doubts(crystal, name),
            "a metal": metal_doubts(crystal, self.header, charged=False),
        }
        untaught = _untaught(crystal, self.header)
        doubts = (
            *training_doubts(crystal, self.header),
            *chain.from_iterable(reasons.values()),
            *graph_doubts(graph, self.cutoff),
        )
        outside = tuple(name for name, found in (reasons | untaught).items() if found)
        spread = members if len(members) > 1 else ()
        return Answer(mean_of(members), doubts, None, spread, outside)


class LatticeAnswers:
    """Networks that predict lattice dynamics."""

    def __init__(
        self, networks: Sequence[LatticeNetwork], header: WeightHeader, device: str,
        project: bool,
    ) -> None:  # fmt: skip
        self.header, self.device, self.project = header, device, project
        self.cutoff = networks[0].config.cutoff
        self.networks = [network.to(device) for network in networks]
        self.dtype = self.networks[0].dtype
        self.metal = False

    def of_metals(self) -> "LatticeAnswers":
        """Return the same without charges: in a metal free electrons screen the dipoles."""
        found = copy(self)
        found.metal = True
        return found

    def graph(self, crystal: Crystal) -> BondedCrystals:
        """Return the bonded crystal."""
        return bond_crystal(crystal, self.cutoff, by_symmetry=True)

    def answer(
        self, crystals: Sequence[Crystal], graphs: Sequence[BondedCrystals]
    ) -> list[Answer | PhonodosError]:
        """Return lattice dynamics and spectra, or errors where numbers are not finite."""
        batch = collate_bonded(graphs).to(device=self.device, dtype=self.dtype)
        with without_gradients(self.dtype):
            outputs = [self.networks[0](batch)]
            refused = self._refused(crystals, graphs, batch, outputs[0])
            if len(refused) < len(crystals):
                outputs += [network(batch) for network in self.networks[1:]]
            outputs = self._screened(outputs)
            mean = Lattice(*map(_mean, zip(*outputs, strict=True)))
        return [
            refused[k]
            if k in refused
            else _each(crystal, self._finish, graphs[k], batch, [mean, *outputs], k)
            for k, crystal in enumerate(crystals)
        ]

    def _screened(self, outputs: list[Lattice]) -> list[Lattice]:
        """Return the outputs, of metals without charges."""
        if not self.metal:
            return outputs
        return [x._replace(born=library_of(x.born).zeros_like(x.born)) for x in outputs]

    def _refused(
        self, crystals: Sequence[Crystal], graphs: Sequence[BondedCrystals],
        batch: BondedCrystals, output: Lattice,
    ) -> dict[int, PhonodosError]:  # fmt: skip
        """Return the errors of crystals so dense that a look at one wave vector refuses them.

        They have ten times the bonds of others: not every member need see them first.
        """
        found: dict[int, PhonodosError] = {}
        for k, crystal in enumerate(crystals):
            if graphs[k].graph.edge_index.shape[1] > DENSE * crystal.n_atoms:
                try:
                    dynamics = lattice_dynamics(crystal, batch, output, k, graphs[k])
                    dynamics.frequencies(PROBE)
                except Exception as err:
                    found[k] = failed(err, crystal.label)
        return found

    def _finish(
        self, crystal: Crystal, graph: BondedCrystals, batch: BondedCrystals,
        outputs: list[Lattice], index: int,
    ) -> Answer | PhonodosError:  # fmt: skip
        """Return the answer of crystal `index`; the first of `outputs` is the members' mean."""
        unseen = bond_doubts(crystal, graph.graph, self.header)
        doubts = (*training_doubts(crystal, self.header), *unseen)
        reasons = {"unseen bonds": unseen, **_untaught(crystal, self.header)}
        return self._follow(crystal, graph, batch, outputs, index, doubts, reasons)

    def averaged(
        self, crystals: Sequence[Crystal], shares: Sequence[float]
    ) -> Answer | PhonodosError:
        """Return the answer for the first crystal with what the network says of the others.

        Parameters
        ----------
        crystals
            A crystal, then others that differ from it in their elements alone.
        shares
            Of the others, sum 1: force constants, Born charges and dielectric tensor are their
            means by these shares, of every member by itself.
        """
        graphs = [self.graph(crystal) for crystal in crystals]
        bonded = [g.to(device=self.device, dtype=self.dtype) for g in graphs]
        with without_gradients(self.dtype):
            outputs = []
            for network in self.networks:
                found = [network(b) for b in bonded[1:]]
                outputs.append(Lattice(*(_weighted(t, shares) for t in zip(*found, strict=True))))
            outputs = self._screened(outputs)
            mean = Lattice(*map(_mean, zip(*outputs, strict=True)))
        doubts = dict.fromkeys(t for c in crystals[1:] for t in training_doubts(c, self.header))
        return self._follow(crystals[0], graphs[0], bonded[0], [mean, *outputs], 0, tuple(doubts))

    def _follow(
        self, crystal: Crystal, graph: BondedCrystals, batch: BondedCrystals,
        outputs: list[Lattice], index: int, doubts: tuple[str, ...],
        reasons: Mapping[str, Any] | None = None,
    ) -> Answer | PhonodosError:  # fmt: skip
        """Return what follows from a network's tensors, with `doubts` before those of its own.

        No interval is stated for `reasons` that hold, nor for those of metals and soft modes.
        """
        whole, *each = (lattice_dynamics(crystal, batch, x, index, graph) for x in outputs)
        if not all(_is_finite(x) for x in each):
            return PredictionError(
                f"{crystal.label}: {self.header.name} gives no force constants",
                "its output is not finite",
                "the crystal is too far from the training data; try another model",
            )
        mesh = each[0].mesh()
        entry = entry_of(self.header, len(each))
        points = search_points(whole, mesh)
        members, stability = surveyed(each, mesh, points, entry, projected=self.project)
        dos = mean_of(members)
        soft = stability_doubts(stability)
        metal = metal_doubts(crystal, self.header, screened=self.metal)
        doubts = (
            *doubts,
            *graph_doubts(graph.graph, self.cutoff),
            *metal,
            *soft,
        )
        unstable = stability.is_unstable
        imaginary = dos.imaginary_fraction > MOST_IMAGINARY
        reasons = {
            **(reasons or {}), "a metal": metal, "unstable": unstable,
            "imaginary states": imaginary and not unstable,
        }  # fmt: skip
        outside = tuple(name for name, found in reasons.items() if found)
        whole, *each = (replace(x, metal=self.metal) for x in (whole, *each))
        if len(members) == 1:
            return Answer(dos, doubts, whole, (), outside, stability)
        return Answer(dos, doubts, whole, members, outside, stability, tuple(each))


def _untaught(crystal: Crystal, header: WeightHeader) -> dict[str, Any]:
    """Return why intervals, which are fitted on what training resembles, may not hold of a crystal.

    `training_doubts` warn of the same.
    """
    return {UNSEEN: is_foreign(crystal, header), SHARED: mixed_sites(crystal)}


def _each(
    crystal: Crystal, finish: Callable[..., Answer | PhonodosError], *arguments: Any
) -> Answer | PhonodosError:
    """Return the answer of one crystal of a batch; what fails is its own failure."""
    try:
        return finish(crystal, *arguments)
    except Exception as err:
        return failed(err, crystal.label)


def answers_of(
    networks: Sequence[Network], header: WeightHeader | Mapping[str, Any], device: str,
    project: bool, *, metal: bool = False,
) -> Answerer:  # fmt: skip
    """Return what answers for networks of one kind; for metals, without charges.

    Raises
    ------
    ConfigError
        If `metal` is asked of networks that predict no charges, or there is no such device.
    """
    check_device(device)
    header = WeightHeader.of(header)
    make = resolved(kind_of(networks[0]).answers)
    answerer: Answerer = make(networks, header, device, project)
    if not metal:
        return answerer
    if not isinstance(answerer, LatticeAnswers):
        raise ConfigError(
            f"{header.name} cannot be told that a crystal is a metal",
            "it predicts a spectrum and no charges, which a metal would screen",
            "use weights of lattice dynamics, such as lattice, or leave --metal out",
        )
    return answerer.of_metals()


def _is_finite(lattice: LatticeDynamics) -> bool:
    harmonic = lattice.harmonic
    found = (harmonic.force_constants, harmonic.born, harmonic.dielectric)
    return all(bool(np.isfinite(x).all()) for x in found)


def _weighted(tensors: Sequence[Array], shares: Sequence[float]) -> Array:
    total = library_of(tensors[0]).zeros_like(tensors[0])
    for tensor, share in zip(tensors, shares, strict=True):
        total = total + share * tensor
    return total


def _mean(tensors: Sequence[Array]) -> Array:
    return tensors[0] if len(tensors) == 1 else library_of(tensors[0]).stack(list(tensors)).mean(0)
