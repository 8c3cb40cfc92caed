"""`Predictor`: load a weight file once, then turn structures into predictions, one or many."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import (
    ConfigError,
    PhonodosError,
    PredictionError,
    StructureError,
    WeightsWarning,
)
from phonodos.model.header import WeightHeader
from phonodos.model.isolation import undisturbed
from phonodos.model.memory import keep_freed
from phonodos.model.network import Network
from phonodos.model.weights import load_networks, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.isotopes import Isotope
from phonodos.physics.primitive import primitive_cell
from phonodos.prediction.answers import Answer, answers_of
from phonodos.prediction.doubts import geometry_doubts
from phonodos.prediction.failures import failed, name_of, without_frames
from phonodos.prediction.prediction import PhonodosWarning, Prediction
from phonodos.prediction.uncertainty import calibrations_of
from phonodos.results.provenance import Provenance, weights_hash
from phonodos.structures.frames import is_single, rows_of
from phonodos.structures.occupancies import check_vacancies, vacancies
from phonodos.structures.reading import as_crystal, iter_crystals
from phonodos.time_limit import check_timeout, time_limit

DEFAULT_WEIGHTS = "lattice"
BATCH_ATOMS = 512  # atoms a batch: keeps the caches warm and the memory below 1 GiB
LOOK_AHEAD = 64  # crystals sorted by size before batching


def load(
    name_or_path: str | Path | None = None,
    *,
    device: str = "cpu",
    members: int | None = None,
    project: bool = False,
    check: bool = True,
    metal: bool = False,
    vacancies: str = "refuse",
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
    check
        Whether crystals whose atoms are absurdly close are refused, and distances beyond those of
        training told of. Without it every prediction carries a warning that says so.
    metal
        Whether the crystals are metals: the charges, whose field free electrons screen, are left
        out of spectra, bands and exports. Networks of lattice dynamics only.
    vacancies
        What to do where a site is partly vacant: ``refuse`` it, or ``fill`` it by the elements that
        are on it, with a warning.

    Raises
    ------
    WeightsError
        If the weights are unknown, damaged, of a newer format, or have fewer members.
    ConfigError
        If `metal` is asked of a network that predicts no charges, or `vacancies` is neither.
    """
    path = weights_path(name_or_path or DEFAULT_WEIGHTS)
    with undisturbed():
        networks, header = load_networks(path, members)
        predictor = Predictor(
            networks,
            header,
            device=device,
            project=project,
            check=check,
            metal=metal,
            vacancies=vacancies,
        )
    predictor.path = path
    _tell_of_no_intervals(predictor)
    return predictor


def _tell_of_no_intervals(predictor: "Predictor") -> None:
    header = predictor.header
    if header.calibration and not predictor.calibrations:
        warnings.warn(
            f"intervals of {header.name} were fitted with {' and '.join(header.calibration)} of "
            f"its networks: with {len(predictor.networks)} none is stated",
            WeightsWarning,
            stacklevel=3,
        )


def as_predictor(
    model: "AnyPredictor | str | Path | None",
    members: int | None = None,
    *,
    project: bool = False,
    metal: bool = False,
) -> "AnyPredictor":
    """Return a predictor as it is; weights are loaded, the other arguments being those of `load`.

    Raises
    ------
    WeightsError
        As `load`.
    ConfigError
        As `load`, and if `metal` is asked of a predictor that was loaded without it.
    """
    if not isinstance(model, AnyPredictor):
        return load(model, members=members, project=project, metal=metal)
    if metal and not model.metal:
        raise ConfigError(
            f"metal=True with a predictor of {model.name} that keeps the charges",
            "a predictor says itself, when it is loaded, whether they are left out",
            "give it as phonodos.load(..., metal=True), or give the name of the weights",
        )
    return model


def check_unpredicted(what: str, *, metal: bool, isotopes: Sequence[Isotope | str]) -> None:
    """Raise `ConfigError` if `metal` or `isotopes` are wanted of what is predicted already."""
    wanted = [*(["metal"] if metal else []), *(["isotope"] if isotopes else [])]
    if wanted:
        raise ConfigError(
            f"--{wanted[0]} with {what}",
            "charges and masses decide what is predicted, and this was predicted before",
            "give the structure instead",
        )


class AnyPredictor(ABC):
    """What turns structures into predictions: `predict` for one, `predict_many` for any number.

    Default dtype, autocast, warning filters and the like of the host program neither change the
    answers nor are changed (`phonodos.model.isolation`).
    """

    path: Path | None = None  # of the weight file, where it was loaded from one
    metal = False  # whether the charges are left out

    def __init__(self, networks: Sequence[Network], header: WeightHeader, device: str) -> None:
        keep_freed()
        self.networks = tuple(networks)
        self.header = header
        self.device = device
        self.vacancies = "refuse"
        self.calibrations = calibrations_of(header, len(self.networks))

    @property
    def name(self) -> str:
        """Name of the weights."""
        return self.header.name

    @cached_property
    def provenance(self) -> Provenance:
        """What the files of predictions say of their origin: name and SHA-256 of the weights."""
        return Provenance(self.name, None if self.path is None else weights_hash(self.path))

    def predict(
        self, x: Any, *, isotopes: Sequence[Isotope | str] = (), timeout: float | None = None
    ) -> Prediction:
        """Return the prediction for a path, pymatgen Structure, ASE Atoms, PhonopyAtoms or Crystal.

        Lengths of objects are in Angstrom; Phonopy objects are taken in the unit of their
        calculator, PhonopyAtoms do not know theirs (`phonodos.structures.reading.as_crystal`).

        Reasons for doubt are issued as `PhonodosWarning` and kept in `Prediction.warnings`.

        Parameters
        ----------
        x
            The structure.
        isotopes
            Masses other than the standard ones: ``O=17.999`` (element, amu), ``O=O18``, ``3=O18``
            (site, counted from 1).
        timeout
            As in `predict_many` [s].

        Raises
        ------
        ConfigError
            If a text names no isotope.
        StructureError
            If the structure cannot be read or makes no sense, or has no place for an isotope.
        PredictionError
            If the network gives no spectrum for it, or it took too long.
        """
        if isotopes:
            with undisturbed(quiet=True), time_limit(check_timeout(timeout), name_of(x)):
                x = as_crystal(x, vacancies=self.vacancies, isotopes=isotopes)
        prediction = next(self.predict_many([x], timeout=timeout))
        for text in prediction.warnings:
            warnings.warn(f"{prediction.crystal.label}: {text}", PhonodosWarning, stacklevel=2)
        return prediction

    @overload
    def predict_many(
        self,
        xs: Iterable[Any],
        *,
        errors: Literal["raise"] = "raise",
        timeout: float | None = None,
    ) -> Iterator[Prediction]: ...

    @overload
    def predict_many(
        self, xs: Iterable[Any], *, errors: Literal["yield"], timeout: float | None = None
    ) -> Iterator[Prediction | PhonodosError]: ...

    def predict_many(
        self,
        xs: Iterable[Any],
        *,
        errors: Literal["raise", "yield"] = "raise",
        timeout: float | None = None,
    ) -> Iterator[Prediction | PhonodosError]:
        """Yield the predictions for `xs` in order, computed in batches as they are asked for.

        Whatever goes wrong with a crystal, a lack of memory or a fault in a library included, is
        its own `PhonodosError`, whose cause is the original exception. A batch that fails as a
        whole is computed again crystal by crystal.

        Parameters
        ----------
        xs
            Structures, as `predict` takes them; a data frame of pandas or polars with a column of
            them (``structure``), or the path of a file, folder or archive of many.
        errors
            With ``"yield"`` the error of a crystal takes the place of its prediction and the
            others go on; with ``"raise"`` it ends the iteration.
        timeout
            Longest time to read a crystal, and longest time to compute it [s]; what takes longer
            fails. None is no limit. It works in the main thread, not on Windows, and a single long
            call of compiled code is interrupted when it returns (`phonodos.time_limit`).
        """
        for result in self._results(self._many(xs), check_timeout(timeout)):
            if isinstance(result, PhonodosError):
                if errors == "raise":
                    raise result
                without_frames(result)
            yield result

    def _many(self, xs: Any) -> Iterable[Any]:
        if isinstance(xs, str | Path):
            return iter_crystals(xs, vacancies=self.vacancies)
        return [xs] if is_single(xs) else rows_of(xs)

    @abstractmethod
    def _results(
        self, xs: Iterable[Any], limit: float | None
    ) -> Iterator[Prediction | PhonodosError]:
        """Yield prediction or error of every structure, in order."""


class Predictor(AnyPredictor):
    """Networks and their header, computed in batches.

    Parameters
    ----------
    networks, header
        Of one kind; what their weight file says, or some of its keys.
    device
        Where to compute.
    project
        Whether spectra are to be projected on the atoms (networks of lattice dynamics only).
    check, metal
        Whether distances are held against those of training, and charges left out (`load`).
    vacancies
        What to do where a site is partly vacant (`load`).
    """

    def __init__(
        self,
        networks: Sequence[Network],
        header: WeightHeader | Mapping[str, Any],
        *,
        device: str = "cpu",
        project: bool = False,
        check: bool = True,
        metal: bool = False,
        vacancies: str = "refuse",
    ) -> None:
        super().__init__(networks, WeightHeader.of(header), device)
        self.vacancies = check_vacancies(vacancies)
        self.answers = answers_of(networks, self.header, device, project, metal=metal)
        self.check, self.metal = check, metal

    def _results(
        self, xs: Iterable[Any], limit: float | None
    ) -> Iterator[Prediction | PhonodosError]:
        window: list[Any] = []
        for x in xs:
            window.append(x)
            if len(window) == LOOK_AHEAD:
                yield from self._predict_window(window, limit)
                window = []
        yield from self._predict_window(window, limit)

    def _predict_window(
        self, xs: Sequence[Any], limit: float | None
    ) -> Iterator[Prediction | PhonodosError]:
        prepared = [self._prepare(x, limit) for x in xs]
        good = [p for p in prepared if isinstance(p, _Prepared)]
        good.sort(key=lambda p: p.primitive.n_atoms)
        for batch in _bounded(good):
            self._answer(batch, limit)
        for entry in prepared:
            yield self._finish(entry) if isinstance(entry, _Prepared) else entry

    def _prepare(self, x: Any, limit: float | None) -> "_Prepared | PhonodosError":
        who = name_of(x)
        kind: type[PhonodosError] = StructureError
        try:
            with undisturbed(quiet=True), time_limit(limit, who), vacancies(self.vacancies):
                crystal = as_crystal(x)
                who, kind = crystal.label, PredictionError
                primitive = primitive_cell(crystal)
                graph = self.answers.graph(primitive.crystal)
                places = [
                    int(np.argmax(primitive.site_map == k))
                    for k in range(primitive.crystal.n_atoms)
                ]
                doubts = geometry_doubts(
                    primitive.crystal, graph, self.header, places, check=self.check
                )
        except Exception as err:
            return failed(err, who, kind)
        return _Prepared(crystal, primitive.crystal, primitive.site_map, graph, doubts)

    def _answer(self, batch: Sequence["_Prepared"], limit: float | None) -> None:
        """Give every crystal of a batch its answer, or its error."""
        who = batch[0].crystal.label if len(batch) == 1 else f"{len(batch)} crystals"
        try:
            with undisturbed(quiet=True), time_limit(limit, who):
                found = self.answers.answer([p.primitive for p in batch], [p.graph for p in batch])
                for item, answer in zip(batch, found, strict=True):
                    item.answer = answer
        except Exception as err:
            if len(batch) == 1:
                batch[0].answer = failed(err, who)
            else:  # only the guilty one fails
                for item in batch:
                    self._answer([item], limit)

    def _finish(self, item: "_Prepared") -> Prediction | PhonodosError:
        answer = item.answer
        if not isinstance(answer, Answer):
            assert answer is not None
            return answer
        try:
            with undisturbed(quiet=True):
                members = tuple(item.whole(m) for m in answer.members)
                return Prediction(
                    item.crystal, item.whole(answer.dos), answer.lattice, self.name,
                    (*item.crystal.notes, *item.doubts, *answer.doubts), members, self.calibrations,
                    answer.outside, answer.stability, answer.member_lattices, self.provenance,
                )  # fmt: skip
        except Exception as err:
            return failed(err, item.crystal.label)


@dataclass
class _Prepared:
    crystal: Crystal
    primitive: Crystal
    site_map: NDArray[np.int64]
    graph: Any
    doubts: list[str]
    answer: Answer | PhonodosError | None = None

    def whole(self, dos: PhononDos) -> PhononDos:
        """Return a spectrum of the primitive cell for the input cell."""
        multiplicity = self.crystal.n_atoms / self.primitive.n_atoms
        projected = None if dos.projected is None else dos.projected[self.site_map]
        return PhononDos(
            dos.frequencies,
            dos.densities * multiplicity,
            self.crystal.n_atoms,
            projected,
            dos.highest,
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
