"""Ensembles: several networks of one configuration in one weight file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import WeightsError
from phonodos.model.arrays import Array
from phonodos.model.header import FORMAT_VERSION, WeightHeader
from phonodos.model.kinds import reference_answers
from phonodos.model.network import Network
from phonodos.model.weights import load_network, versions, write_weights


def join_members(
    paths: Sequence[Path], output: Path, name: str, *, half: bool = False
) -> WeightHeader:
    """Write the networks of several weight files as the members of one, and return its header.

    Parameters
    ----------
    paths
        Weight files of single networks, of one configuration and one split; at least one.
    output
        File to write.
    name
        Name of the ensemble.
    half
        Whether the tensors are stored in 16 bits: half the size, computed in 32 bits all the same.

    Raises
    ------
    WeightsError
        If a file is unreadable, or networks, targets or splits differ.
    """
    networks, headers = zip(*(load_network(path) for path in paths), strict=True)
    _check_further_splits(paths, headers)
    for path, header in zip(paths, headers, strict=True):
        for key in ("network", "target", "split"):
            if getattr(header, key) != getattr(headers[0], key):
                raise WeightsError(
                    f"{path} cannot be a member beside {paths[0]}",
                    f"they differ in '{key}'",
                    "members share network, target and split; train it with the same settings",
                )
    tensors, loaded = _stored(networks, half)
    left_out = ("metrics", "training", "calibration", "strain", "checksum", "formerly")
    merged = {k: v for k, v in headers[0].to_dict().items() if k not in left_out}
    further = [h["more_splits"] for h in headers if h.more_splits]
    if further:
        merged["more_splits"] = further[0]
    answers = [reference_answers(network) for network in loaded]
    full = {
        **merged,
        "format_version": FORMAT_VERSION,
        "name": name,
        "members": len(networks),
        "training": {"members": [h.training for h in headers]},
        "training_elements": _most([h.training_elements for h in headers]),
        "training_bonds": _most([h.training_bonds for h in headers]),
        **_widest(headers),
        "training_formulas": sorted(set().union(*(h.training_formulas for h in headers))),
        "versions": versions(),
        "reference": answers[0],
        "references": answers,
    }
    write_weights(output, tensors, full)
    return WeightHeader.of(full)


def _stored(networks: Sequence[Network], half: bool) -> tuple[dict[str, Array], list[Network]]:
    """Return the tensors of all members as a file has them, and what loading makes of them."""
    tensors: dict[str, Array] = {}
    loaded = []
    for number, network in enumerate(networks):
        stored = {
            key: value.astype(np.float16) if half else value
            for key, value in network.parameters.items()
        }
        tensors |= {f"{number}.{key}": value for key, value in stored.items()}
        seen = {key: value.astype(np.float32) for key, value in stored.items()}
        loaded.append(type(network)(network.config, seen))
    return tensors, loaded


def _widest(headers: Sequence[WeightHeader]) -> dict[str, Any]:
    """Return what all members together saw of distances; nothing if none of them says."""
    told = [h.training_lengths for h in headers if h.training_lengths is not None]
    if not told:
        return {}
    shortest: dict[str, float] = {}
    loosest: dict[str, float] = {}
    for lengths in told:
        for name, length in lengths.shortest.items():
            shortest[name] = min(length, shortest.get(name, length))
        for name, length in lengths.loosest.items():
            loosest[name] = max(length, loosest.get(name, length))
    emptiest = max((t.emptiest for t in told if t.emptiest is not None), default=None)
    return {"training_lengths": {"shortest": shortest, "loosest": loosest, "emptiest": emptiest}}


def _most(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the largest count of every name: what the best informed member was shown."""
    return {name: max(c.get(name, 0) for c in counts) for name in sorted(set().union(*counts))}


def _check_further_splits(paths: Sequence[Path], headers: Sequence[WeightHeader]) -> None:
    """Members may have seen further data or not, but all that did share the splits of it."""
    known = [(path, h.more_splits) for path, h in zip(paths, headers, strict=True)
             if h.more_splits]  # fmt: skip
    for path, splits in known[1:]:
        if splits != known[0][1]:
            raise WeightsError(
                f"{path} cannot be a member beside {known[0][0]}",
                "they divide their further data sets differently",
                "what one member was trained on would be another's test; train with one split",
            )
