"""`Predictor`: load a weight file once, then turn structures into predictions, one or many."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from phonodos.data.structures import as_crystal
from phonodos.errors import PhonodosError, PredictionError
from phonodos.model.graph import CrystalGraph, build_graph, collate, isolated_sites
from phonodos.model.spectrum import SpectrumNetwork, compressed
from phonodos.model.weights import load_network, weights_path
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import primitive_cell
from phonodos.physics.target import TARGET_GRID, dos_from_target
from phonodos.physics.thermodynamics import ThermalProperties, thermal_properties

DEFAULT_WEIGHTS = "chen2021"
BATCH_ATOMS = 512  # atoms a batch: keeps the caches warm and the memory below 1 GiB
LOOK_AHEAD = 64  # crystals sorted by size before batching
RARE = 5  # an element in fewer training crystals than this is named

# Bonds of light atoms that vibrate above the 1000 cm^-1 of the 51-point axis: (pair, length [A]).
STIFF_BONDS = {
    frozenset("H"): 1.1, frozenset("HB"): 1.5, frozenset("HC"): 1.3, frozenset("HN"): 1.3,
    frozenset("HO"): 1.4, frozenset("BN"): 1.6, frozenset("BO"): 1.55, frozenset("BC"): 1.65,
    frozenset("B"): 1.85, frozenset("C"): 1.6, frozenset("CN"): 1.5, frozenset("CO"): 1.5,
    frozenset("N"): 1.5, frozenset("NO"): 1.5, frozenset("O"): 1.6,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one crystal.

    Attributes
    ----------
    crystal
        The crystal as given.
    dos
        Density of states of the **given** cell, integral 3N.
    lattice
        Force constants, Born charges and dielectric tensor; None for spectrum networks.
    model
        Name of the weights.
    warnings
        Reasons to trust the answer less, in plain words.
    """

    crystal: Crystal
    dos: PhononDos
    lattice: None
    model: str
    warnings: tuple[str, ...]

    def thermal_properties(self, temperatures: ArrayLike) -> ThermalProperties:
        """Return heat capacity, entropy, energies at temperatures [K], per mole of cells."""
        return thermal_properties(self.dos, np.atleast_1d(np.asarray(temperatures, dtype=float)))


class PhonodosWarning(UserWarning):
    """A prediction that deserves less trust, for the reason given."""


def load(name_or_path: str | Path | None = None, *, device: str = "cpu") -> "Predictor":
    """Return a `Predictor` with released weights (by name) or weights of your own (by path).

    Raises
    ------
    WeightsError
        If the weights are unknown, damaged or of a newer format.
    """
    path = weights_path(name_or_path or DEFAULT_WEIGHTS)
    network, header = load_network(path)
    return Predictor(compressed(network).to(device), header, device)


class Predictor:
    """A network and its header; `predict` for one structure, `predict_many` for any number."""

    def __init__(
        self, network: SpectrumNetwork, header: dict[str, Any], device: str = "cpu"
    ) -> None:
        self.network = network
        self.header = header
        self.device = device
        self.dtype = next(network.parameters()).dtype

    @property
    def name(self) -> str:
        """Name of the weights."""
        return str(self.header["name"])

    def predict(self, x: Any) -> Prediction:
        """Return the prediction for a path, pymatgen Structure, ASE Atoms, PhonopyAtoms or Crystal.

        Reasons for doubt are issued as `PhonodosWarning` and kept in `Prediction.warnings`.

        Raises
        ------
        StructureError
            If the structure cannot be read or makes no sense.
        PredictionError
            If the network gives no spectrum for it.
        """
        prediction: Prediction = next(self.predict_many([x]))
        for text in prediction.warnings:
            warnings.warn(f"{prediction.crystal.label}: {text}", PhonodosWarning, stacklevel=2)
        return prediction

    def predict_many(
        self, xs: Iterable[Any], *, errors: Literal["raise", "yield"] = "raise"
    ) -> Iterator[Any]:
        """Yield the predictions for `xs` in order, computed in batches as they are asked for.

        With ``errors="yield"`` the `PhonodosError` of a crystal takes the place of its prediction
        and the others go on; with ``"raise"`` it ends the iteration.
        """
        window: list[Any] = []
        for x in xs:
            window.append(x)
            if len(window) == LOOK_AHEAD:
                yield from self._predict_window(window, errors)
                window = []
        yield from self._predict_window(window, errors)

    def _predict_window(self, xs: Sequence[Any], errors: str) -> Iterator[Any]:
        prepared = [self._prepare(x) for x in xs]
        good = [p for p in prepared if isinstance(p, _Prepared)]
        good.sort(key=lambda p: p.graph.n_atoms)
        for batch in _bounded(good):
            graph = collate([p.graph for p in batch]).to(device=self.device, dtype=self.dtype)
            with torch.inference_mode():
                values = self.network(graph).double().cpu().numpy()
            for item, row in zip(batch, values, strict=True):
                item.values = row
        for entry in prepared:
            answer = self._finish(entry) if isinstance(entry, _Prepared) else entry
            if isinstance(answer, PhonodosError) and errors == "raise":
                raise answer
            yield answer

    def _prepare(self, x: Any) -> "_Prepared | PhonodosError":
        try:
            crystal = as_crystal(x)
            primitive = primitive_cell(crystal)
            graph = build_graph(primitive.crystal, self.network.config.cutoff)
        except PhonodosError as err:
            return err
        return _Prepared(crystal, primitive.multiplicity, graph, primitive.crystal)

    def _finish(self, item: "_Prepared") -> Prediction | PhonodosError:
        assert item.values is not None
        crystal = item.crystal
        if not np.isfinite(item.values).all() or not item.values.max() > 0.0:
            return PredictionError(
                f"{crystal.label}: {self.name} gives no spectrum",
                "its output is zero or not finite on all 51 points",
                "the crystal is too far from the training data; try another model",
            )
        dos = dos_from_target(item.values, crystal.n_atoms)
        return Prediction(crystal, dos, None, self.name, self._doubts(item))

    def _doubts(self, item: "_Prepared") -> tuple[str, ...]:
        seen: dict[str, int] = self.header["training_elements"]
        found = []
        counts = {s: seen.get("H" if s in "DT" else s, 0) for s in item.crystal.composition}
        unseen = [s for s, n in counts.items() if n == 0]
        rare = [f"{s} ({n})" for s, n in counts.items() if 0 < n < RARE]
        if unseen:
            found.append(f"never seen in training: {', '.join(unseen)}; expect larger errors")
        if rare:
            found.append(f"rarely seen in training (crystals): {', '.join(rare)}")
        stiff = stiff_bonds(item.primitive, item.graph)
        if stiff:
            limit = TARGET_GRID.frequencies[-1]
            found.append(
                f"{', '.join(stiff)} bonds vibrate above {limit:g} cm^-1, where {self.name} ends: "
                "the states there are missing and the rest is scaled up to 3N"
            )
        if isolated := isolated_sites(item.graph):
            found.append(
                f"{len(isolated)} atoms have no neighbour within {self.network.config.cutoff:g} A"
            )
        return tuple(found)


@dataclass
class _Prepared:
    crystal: Crystal
    multiplicity: float
    graph: CrystalGraph
    primitive: Crystal
    values: NDArray[np.float64] | None = None


def stiff_bonds(crystal: Crystal, graph: CrystalGraph) -> list[str]:
    """Return the kinds of bonds in `crystal` that are known to vibrate above 1000 cm^-1."""
    light = {"H", "D", "T", "B", "C", "N", "O"}
    names = [{"H" if s in "DT" else s for s in site if s in light} for site in crystal.occupancy]
    if not any(names):
        return []
    lengths = torch.linalg.vector_norm(graph.edge_vectors, dim=1)
    found: set[frozenset[str]] = set()
    for edge in torch.nonzero(lengths < max(STIFF_BONDS.values())).flatten().tolist():
        i, j = graph.edge_index[:, edge].tolist()
        for a in names[i]:
            for b in names[j]:
                pair = frozenset((a, b))
                if float(lengths[edge]) < STIFF_BONDS.get(pair, 0.0):
                    found.add(pair)
    return sorted(_bond_name(pair) for pair in found)


def _bond_name(pair: frozenset[str]) -> str:
    ordered = sorted(pair, key=elements.electronegativity)
    return "-".join(ordered if len(ordered) == 2 else ordered * 2)


def _bounded(items: Sequence[_Prepared]) -> Iterator[list[_Prepared]]:
    batch: list[_Prepared] = []
    held = 0
    for item in items:
        if batch and held + item.graph.n_atoms > BATCH_ATOMS:
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += item.graph.n_atoms
    if batch:
        yield batch
