"""`Predictor`: load a weight file once, then turn structures into predictions, one or many."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from phonodos.data.structures import as_crystal
from phonodos.errors import PhonodosError
from phonodos.model.weights import load_networks, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import primitive_cell
from phonodos.prediction.answers import Answer, answers_of
from phonodos.prediction.prediction import PhonodosWarning, Prediction
from phonodos.prediction.uncertainty import calibrations_of

DEFAULT_WEIGHTS = "lattice"
BATCH_ATOMS = 512  # atoms a batch: keeps the caches warm and the memory below 1 GiB
LOOK_AHEAD = 64  # crystals sorted by size before batching


def load(
    name_or_path: str | Path | None = None,
    *,
    device: str = "cpu",
    members: int | None = None,
    project: bool = False,
) -> "Predictor":
    """Return a `Predictor` with released weights (by name) or weights of your own (by path).

    Parameters
    ----------
    name_or_path
        Released name or path of a weight file; the default weights if None.
    device
        Where to compute.
    members
        How many members of an ensemble to use, the first ones; all if None.
    project
        Whether spectra are to be projected on the atoms (networks of lattice dynamics only).

    Raises
    ------
    WeightsError
        If the weights are unknown, damaged, of a newer format, or have fewer members.
    """
    networks, header = load_networks(weights_path(name_or_path or DEFAULT_WEIGHTS), members)
    return Predictor(networks, header, device=device, project=project)


class Predictor:
    """Networks and their header; `predict` for one structure, `predict_many` for any number."""

    def __init__(
        self,
        networks: Sequence[nn.Module],
        header: dict[str, Any],
        *,
        device: str = "cpu",
        project: bool = False,
    ) -> None:
        self.networks = tuple(networks)
        self.header = header
        self.device = device
        self.answers = answers_of(networks, header, device, project)
        self.calibrations = calibrations_of(header, len(self.networks))

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
        good.sort(key=lambda p: p.primitive.n_atoms)
        for batch in _bounded(good):
            found = self.answers.answer([p.primitive for p in batch], [p.graph for p in batch])
            for item, answer in zip(batch, found, strict=True):
                item.answer = answer
        for entry in prepared:
            result = self._finish(entry) if isinstance(entry, _Prepared) else entry
            if isinstance(result, PhonodosError) and errors == "raise":
                raise result
            yield result

    def _prepare(self, x: Any) -> "_Prepared | PhonodosError":
        try:
            crystal = as_crystal(x)
            primitive = primitive_cell(crystal)
            graph = self.answers.graph(primitive.crystal)
        except PhonodosError as err:
            return err
        return _Prepared(crystal, primitive.crystal, primitive.site_map, graph)

    def _finish(self, item: "_Prepared") -> Prediction | PhonodosError:
        answer = item.answer
        if not isinstance(answer, Answer):
            assert answer is not None
            return answer
        members = tuple(item.whole(m) for m in answer.members)
        return Prediction(
            item.crystal, item.whole(answer.dos), answer.lattice, self.name, answer.doubts, members,
            self.calibrations,
        )  # fmt: skip


@dataclass
class _Prepared:
    crystal: Crystal
    primitive: Crystal
    site_map: NDArray[np.int64]
    graph: Any
    answer: Answer | PhonodosError | None = None

    def whole(self, dos: PhononDos) -> PhononDos:
        """Return a spectrum of the primitive cell for the input cell."""
        multiplicity = self.crystal.n_atoms / self.primitive.n_atoms
        projected = None if dos.projected is None else dos.projected[self.site_map]
        return PhononDos(
            dos.frequencies, dos.densities * multiplicity, self.crystal.n_atoms, projected
        )


def _bounded(items: Sequence[_Prepared]) -> Iterator[list[_Prepared]]:
    batch: list[_Prepared] = []
    held = 0
    for item in items:
        if batch and held + item.primitive.n_atoms > BATCH_ATOMS:
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += item.primitive.n_atoms
    if batch:
        yield batch
