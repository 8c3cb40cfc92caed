"""Ensembles: several networks of one configuration in one weight file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from phonodos.errors import WeightsError
from phonodos.model.weights import (
    FORMAT_VERSION,
    HEADER_KEY,
    load_network,
    reference_answers,
    versions,
)


def join_members(
    paths: Sequence[Path], output: Path, name: str, *, half: bool = False
) -> dict[str, Any]:
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
    for path, header in zip(paths, headers, strict=True):
        for key in ("network", "target", "split"):
            if header[key] != headers[0][key]:
                raise WeightsError(
                    f"{path} cannot be a member beside {paths[0]}",
                    f"they differ in '{key}'",
                    "members share network, target and split; train it with the same settings",
                )
    tensors: dict[str, Tensor] = {}
    for number, network in enumerate(networks):
        for key, value in network.state_dict().items():
            stored = value.half() if half and value.dtype == torch.float32 else value
            tensors[f"{number}.{key}"] = stored.detach().cpu().contiguous()
            network.state_dict()[key].copy_(stored)  # what loading will see
    merged = {k: v for k, v in headers[0].items() if k not in ("metrics", "training")}
    elements = [h["training_elements"] for h in headers]
    full = {
        **merged,
        "format_version": FORMAT_VERSION,
        "name": name,
        "members": len(networks),
        "training": {"members": [h["training"] for h in headers]},
        "training_elements": {
            s: max(e.get(s, 0) for e in elements) for s in sorted(set().union(*elements))
        },
        "training_formulas": sorted(set().union(*(h["training_formulas"] for h in headers))),
        "versions": versions(),
        "reference": reference_answers(networks[0]),
    }
    data = save(tensors, metadata={HEADER_KEY: json.dumps(full)})
    partial = output.with_name(output.name + ".partial")
    partial.write_bytes(data)
    partial.replace(output)
    return full
