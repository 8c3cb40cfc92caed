"""Samples kept on disk: graphs and targets of a data set are built once, not at every start.

Beside a data set ``x.parquet`` lies ``x.parquet.samples/<key>.safetensors``: every array of all
samples joined into one, with its shapes. The key is made of the data set's content, the records,
the cutoff, the type of numbers and the version of phonodos; whatever changes, another file is made.
The folder can be deleted at any time. Where it cannot be written nothing is kept.
"""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from phonodos.datasets.dataset import Dataset
from phonodos.model.bonds import BondedCrystals
from phonodos.model.graph import CrystalGraph
from phonodos.structures.archives import sha256_of
from phonodos.training.lattice_samples import BondConstants, LatticeSample, Tensors
from phonodos.version import __version__

CACHE_VERSION = 2  # rises whenever samples are made otherwise
ABSENT = -1  # rank of an array that a sample does not have
DIMENSIONS = 3  # the highest rank


def cached_samples(
    dataset: Dataset,
    cutoff: float,
    dtype: torch.dtype,
    build: Callable[[], list[LatticeSample]],
) -> list[LatticeSample]:
    """Return the samples of a data set from disk, or from `build`, and then keep them.

    Parameters
    ----------
    dataset
        Records in their order.
    cutoff
        Of the bonds [A].
    dtype
        Type of the numbers of the samples.
    build
        Makes the samples.
    """
    key = _key(dataset, cutoff, dtype)
    folder = dataset.path.with_name(dataset.path.name + ".samples")
    path = folder / f"{key}.safetensors"
    # A damaged file is made again; that a disk is full or read-only is no reason not to train.
    with contextlib.suppress(OSError, SafetensorError, KeyError):
        if path.is_file():
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return [_sample(n, a) for n, a in zip(dataset.ids, _split(tensors), strict=True)]
    samples = build()
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError, SafetensorError):
        folder.mkdir(exist_ok=True)
        save_file(_joined([_arrays(sample) for sample in samples]), partial)
        partial.replace(path)
    with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)
    return samples


def _key(dataset: Dataset, cutoff: float, dtype: torch.dtype) -> str:
    facts = [CACHE_VERSION, __version__, sha256_of(dataset.path), cutoff, str(dtype), dataset.ids]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def _arrays(sample: LatticeSample) -> dict[str, Tensor | None]:
    crystal, constants = sample.crystal, sample.constants

    def given(values: object) -> Tensor | None:
        return None if values is None else torch.as_tensor(values)

    return {
        **{name: getattr(crystal.graph, name) for name in _GRAPH},
        **{name: getattr(crystal, name) for name in _BONDS},
        **{name: given(getattr(sample, name)) for name in _CURVES},
        "mean_frequency": torch.tensor([sample.mean_frequency], dtype=torch.float64),
        "born": sample.tensors.born,
        "dielectric": sample.tensors.dielectric,
        **{name: None if constants is None else getattr(constants, name) for name in _CONSTANTS},
    }


_GRAPH = ("site_masses", "fractions", "edge_index", "edge_vectors", "batch")
_BONDS = ("forward", "backward", "images", "cells", "positions")
_CURVES = ("band_qpoints", "band_frequencies", "levels", "level_frequencies", "target")
_CONSTANTS = ("bonds", "tensors", "on_site")


def _sample(name: str, arrays: dict[str, Tensor | None]) -> LatticeSample:
    found = {key: value for key, value in arrays.items() if value is not None}
    curves = {key: found[key].numpy() if key in found else None for key in _CURVES}
    graph = CrystalGraph(**{key: found[key] for key in _GRAPH}, n_crystals=1)
    crystal = BondedCrystals(
        graph,
        **{key: found[key] for key in _BONDS},
        atom_counts=(graph.n_atoms,),
        bond_counts=(len(found["forward"]),),
    )
    return LatticeSample(
        id=name,
        crystal=crystal,
        **curves,  # type: ignore[arg-type]
        tensors=Tensors(found.get("born"), found.get("dielectric")),
        constants=BondConstants(*(found[k] for k in _CONSTANTS)) if "bonds" in found else None,
        mesh=None,
        mean_frequency=float(found["mean_frequency"]),
    )


def _joined(rows: Sequence[dict[str, Tensor | None]]) -> dict[str, Tensor]:
    """Return every array of all rows in one, flat, with rank and lengths of each."""
    found: dict[str, Tensor] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        shapes = torch.zeros(len(rows), 1 + DIMENSIONS, dtype=torch.int64)
        for k, value in enumerate(values):
            if value is None:
                shapes[k, 0] = ABSENT
            else:
                shapes[k, : 1 + value.dim()] = torch.tensor([value.dim(), *value.shape])
        present = [value.reshape(-1) for value in values if value is not None]
        found[f"{name}.shapes"] = shapes
        found[f"{name}.values"] = torch.cat(present) if present else torch.zeros(0)
    return found


def _split(tensors: dict[str, Tensor]) -> Iterator[dict[str, Tensor | None]]:
    """Yield the rows that were joined; arrays share the memory of the whole."""
    names = [key.removesuffix(".values") for key in tensors if key.endswith(".values")]
    columns = [_column(tensors[f"{n}.values"], tensors[f"{n}.shapes"].tolist()) for n in names]
    for row in zip(*columns, strict=True):
        yield dict(zip(names, row, strict=True))


def _column(values: Tensor, shapes: list[list[int]]) -> Iterator[Tensor | None]:
    first = 0
    for rank, *lengths in shapes:
        if rank == ABSENT:
            yield None
            continue
        size = math.prod(lengths[:rank])
        yield values[first : first + size].view(lengths[:rank])
        first += size
