"""Hostile weight files: whatever a header says, the answer is our error, soon and small."""

import copy
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import Tensor

from phonodos.errors import WeightsError
from phonodos.model.header import HEADER_KEY, WeightHeader, checked, header_digest, parse_header
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork
from phonodos.model.weights import load_networks, read_weights, save_network, tensors_digest

SMALL = SpectrumConfig(embedding=4, hidden=("2x0e+2x1o",), radial_hidden=(5,))
LATTICE = LatticeConfig(
    learned=3, tabulated=4, bessel=4, gaussians=5, embedding=8, hidden=("4x0e+2x1o+2x2e",),
    radial_hidden=(6,), head=(4, 2, 2), head_hidden=(6,), head_mixed=2, charge_hidden=4,
)  # fmt: skip
HEADER = {"name": "tiny", "target": {}, "split": {"train": ["a"]}, "training": {}}

# What stands in the header instead, or what is changed in its network.
VALUES: dict[str, dict[str, Any]] = {
    "format_version text": {"format_version": "one"},
    "format_version null": {"format_version": None},
    "format_version list": {"format_version": []},
    "format_version 0": {"format_version": 0},
    "format_version -1": {"format_version": -1},
    "format_version huge": {"format_version": 10**400},
    "format_version bool": {"format_version": True},
    "name null": {"name": None},
    "name number": {"name": 3},
    "name empty": {"name": ""},
    "name long": {"name": "x" * 10**6},
    "network list": {"network": []},
    "network null": {"network": None},
    "network text": {"network": "spectrum"},
    "network empty": {"network": {}},
    "kind list": {"network": {"kind": ["spectrum"]}},
    "kind dict": {"network": {"kind": {}}},
    "kind unknown": {"network": {"kind": "oracle"}},
    "kind null": {"network": {"kind": None}},
    "target null": {"target": None},
    "split list": {"split": ["a"]},
    "split of numbers": {"split": {"train": [1, 2]}},
    "split null": {"split": {"train": None}},
    "training null": {"training": None},
    "metrics text": {"metrics": "good"},
    "members text": {"members": "abc"},
    "members 0": {"members": 0},
    "members -1": {"members": -1},
    "members 2": {"members": 2},
    "members huge": {"members": 10**30},
    "members half": {"members": 1.5},
    "members bool": {"members": True},
    "training_elements null": {"training_elements": None},
    "training_elements list": {"training_elements": ["Na"]},
    "training_elements of text": {"training_elements": {"Na": "many"}},
    "training_elements negative": {"training_elements": {"Na": -1}},
    "training_bonds huge": {"training_bonds": {"Na-Cl": 10**300}},
    "training_formulas null": {"training_formulas": None},
    "calibration text": {"calibration": "wide"},
    "calibration without factor": {"calibration": {"1": {"mean_frequency": {"floor": 1.0}}}},
    "calibration negative": {
        "calibration": {"1": {"mean_frequency": {"factor": -1.0, "floor": 1.0, "materials": 3}}}
    },
    "calibration NaN": {
        "calibration": {
            "1": {"mean_frequency": {"factor": float("nan"), "floor": 1.0, "materials": 3}}
        }
    },
    "reference NaN": {"reference": [[float("nan")] * 51] * 2},
    "reference infinite": {"reference": [[float("inf")] * 51] * 2},
    "reference ragged": {"reference": [[0.0] * 51, [0.0]], "references": []},
    "reference empty": {"reference": [], "references": []},
    "reference empty rows": {"reference": [[], []], "references": []},
    "reference null": {"reference": None},
    "reference text": {"reference": "abc"},
    "reference zeros": {"reference": [[0.0] * 51] * 2, "references": []},
    "references of more": {"references": [[[0.0]], [[0.0]]]},
    "checksum text": {"checksum": "abc"},
    "checksum short": {"checksum": {"tensors": "0" * 63, "header": "0" * 64}},
    "checksum wrong": {"checksum": {"tensors": "0" * 64, "header": "0" * 64}},
    "formerly text": {"formerly": "abc"},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "cutoff infinite": {"cutoff": float("inf")},
    "cutoff NaN": {"cutoff": float("nan")},
    "cutoff 100": {"cutoff": 100.0},
    "cutoff 1e9": {"cutoff": 1e9},
    "cutoff text": {"cutoff": "far"},
    "cutoff other": {"cutoff": 4.0},
    "embedding 1e8": {"embedding": 10**8},
    "embedding 1e9": {"embedding": 10**9},
    "embedding 4096": {"embedding": 4096},
    "embedding huge": {"embedding": 10**400},
    "neighbours 1e-300": {"neighbours": 1e-300},
    "neighbours infinite": {"neighbours": float("inf")},
    "radial_basis 1e8": {"radial_basis": 10**8},
    "radial_hidden 1e8": {"radial_hidden": [10**8]},
    "radial_hidden 4096": {"radial_hidden": [4096] * 16},
    "radial_hidden long": {"radial_hidden": [5] * 10**5},
    "hidden 200,000 channels": {"hidden": ["200000x0e"]},
    "hidden 4096 channels": {"hidden": ["4096x0e+4096x1o"] * 16},
    "hidden 20,000 terms": {"hidden": ["+".join(["2x0e"] * 20_000)]},
    "hidden many layers": {"hidden": ["2x0e"] * 20_000},
    "hidden degree 500": {"hidden": ["1x500e"]},
    "hidden nonsense": {"hidden": ["__import__('os')"]},
    "hidden null": {"hidden": None},
    "lmax 11": {"lmax": 11},
    "unknown setting": {"colour": "red"},
}
TENSORS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "missing": lambda t: t.pop("embedding.weight"),
    "extra": lambda t: t.update(more=torch.zeros(3)),
    "other shape": lambda t: t.update({"embedding.weight": torch.zeros(3)}),
    "integers": lambda t: t.update({"embedding.bias": torch.zeros(4, dtype=torch.int32)}),
    "bool": lambda t: t.update({"embedding.bias": torch.zeros(4, dtype=torch.bool)}),
    "complex": lambda t: t.update({"embedding.bias": torch.zeros(4, dtype=torch.complex64)}),
    "NaN": lambda t: t["embedding.bias"].fill_(torch.nan),
    "infinite": lambda t: t["embedding.weight"].fill_(torch.inf),
    "none": lambda t: t.clear(),
}
TEXTS = {
    "nested lists": "[" * 100_000 + "]" * 100_000,
    "nested objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "list": "[]",
    "null": "null",
    "text": '"abc"',
    "number": "1",
    "empty": "",
    "cut": '{"format_version": 1, "name": "ti',
    "integer of 10,000 digits": '{"format_version": ' + "9" * 10_000 + "}",
    "key twice": '{"format_version": 1, "format_version": 1}',
    "key twice below": '{"format_version": 1, "network": {"kind": "a", "kind": "b"}}',
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_network(path, SpectrumNetwork.untrained(SMALL).to(dtype=np.float32), HEADER)
    return path


def stored(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    header, tensors = read_weights(path)
    return header.to_dict(), {k: torch.from_numpy(v) for k, v in tensors.items()}


def digest(tensors: dict[str, Tensor]) -> str:
    """Return the digest as release 0.1 made it, of tensors of any type."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        x = tensors[name].contiguous()
        found.update(f"{name}\0{x.dtype}\0{tuple(x.shape)}\0".encode())
        found.update(x.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def refused(path: Path, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Both with a checksum of its own and without one, a file is refused with our error."""
    for sealed in (True, False):
        header.pop("checksum", None)
        if sealed:
            signed = {"tensors": digest(tensors), "header": header_digest(header)}
            header["checksum"] = signed
        save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})
        with pytest.raises(WeightsError) as caught:
            load_networks(path)
        assert caught.value.fix
        assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("case", VALUES)
def test_values(tiny: Path, tmp_path: Path, case: str) -> None:
    header, tensors = stored(tiny)
    changes = copy.deepcopy(VALUES[case])
    if "checksum" in changes:
        text = json.dumps(header | changes)
        save_file(tensors, tmp_path / "x.safetensors", metadata={HEADER_KEY: text})
        with pytest.raises(WeightsError):
            load_networks(tmp_path / "x.safetensors")
    else:
        refused(tmp_path / "x.safetensors", header | changes, tensors)


@pytest.mark.parametrize("case", NETWORKS)
def test_networks(tiny: Path, tmp_path: Path, case: str) -> None:
    header, tensors = stored(tiny)
    network = header["network"] | NETWORKS[case]
    refused(tmp_path / "x.safetensors", header | {"network": network}, tensors)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": ["4096x0e+4096x1o+4096x2e"] * 16},
        {"head": [4096, 4096, 4096]},
        {"head_hidden": [4096] * 16},
        {"learned": 4096, "tabulated": 4096},
        {"bessel": 10**8},
        {"charge_hidden": 10**9},
        {"head_mixed": 0},
        {"neighbours": 1e9},
    ],
)
def test_networks_of_lattice_dynamics(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "tiny.safetensors"
    save_network(path, LatticeNetwork.untrained(LATTICE).to(dtype=np.float32), HEADER)
    assert len(load_networks(path)[0]) == 1
    header, tensors = stored(path)
    refused(path, header | {"network": header["network"] | change}, tensors)


@pytest.mark.parametrize("case", TENSORS)
def test_tensors(tiny: Path, tmp_path: Path, case: str) -> None:
    header, tensors = stored(tiny)
    TENSORS[case](tensors)
    refused(tmp_path / "x.safetensors", header, tensors)


@pytest.mark.parametrize("case", TEXTS)
def test_texts(tiny: Path, tmp_path: Path, case: str) -> None:
    path = tmp_path / "x.safetensors"
    save_file(stored(tiny)[1], path, metadata={HEADER_KEY: TEXTS[case]})
    with pytest.raises(WeightsError) as caught:
        load_networks(path)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("missing", ["name", "network", "target", "split", "training", "reference"])
def test_missing_keys(tiny: Path, tmp_path: Path, missing: str) -> None:
    header, tensors = stored(tiny)
    del header[missing]
    refused(tmp_path / "x.safetensors", header, tensors)


@pytest.mark.parametrize("length", [0, 1, 10**6, 10**8, 2**40, 2**63, 2**64 - 1])
def test_lengths_of_the_outer_header(tiny: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", length) + tiny.read_bytes()[8:])
    with pytest.raises(WeightsError, match="not a readable weight file"):
        load_networks(path)


@pytest.mark.parametrize(
    "outer",
    [
        b"[]", b"null", b"{" * 100, b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 99999]}}',
        b'{"a": {"dtype": "F32", "shape": [4611686018427387904, 16], "data_offsets": [0, 4]}}',
        b'{"__metadata__": {"phonodos": {}}}', b'{"__metadata__": {"phonodos": "\\ud800"}}',
    ],
)  # fmt: skip
def test_outer_headers(tmp_path: Path, outer: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(outer)) + outer + b"\0" * 4)
    with pytest.raises(WeightsError):
        load_networks(path)


def test_keys_of_other_versions_are_kept(tiny: Path) -> None:
    header, _ = stored(tiny)
    found = checked(header | {"invented_later": {"a": [1]}}, "tiny")
    assert found.model_dump(mode="json", exclude_unset=True)["invented_later"] == {"a": [1]}
    assert found.model_dump(mode="json", exclude_unset=True)["network"] == header["network"]
    assert header_digest(dict(reversed(header.items()))) == header["checksum"]["header"]
    again, digest = parse_header(json.dumps(header), "tiny")
    assert (again.kind, digest) == ("spectrum", header["checksum"]["header"])
    assert again.to_dict() == header
    assert again["network"] == header["network"]
    assert WeightHeader.of(again) is again


def test_a_foreign_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(save({"a": torch.zeros(2)}, metadata={"format": "pt"}))
    with pytest.raises(WeightsError, match="no phonodos header"):
        load_networks(path)


def test_the_digest_is_that_of_the_first_files(tiny: Path) -> None:
    tensors = read_weights(tiny)[1]
    assert tensors_digest(tensors) == digest(stored(tiny)[1])
