"""Weight files: what is written is read back, and nothing false is loaded."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from phonodos.errors import WeightsError, WeightsWarning
from phonodos.model.graph import build_graph
from phonodos.model.kinds import network_of
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork
from phonodos.model.weights import (
    FORMAT_VERSION,
    HEADER_KEY,
    add_to_header,
    available,
    known_as,
    load_network,
    read_header,
    read_weights,
    rewrite_header,
    save_network,
    seal,
    weights_path,
)
from phonodos.physics.crystal import Crystal

HEADER = {"name": "tiny", "target": {}, "split": {"train": ["a"]}, "training": {}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    config = SpectrumConfig(embedding=4, hidden=("2x0e+2x1o",), radial_hidden=(5,))
    save_network(
        tmp_path / "tiny.safetensors",
        SpectrumNetwork.untrained(config).to(dtype=np.float32),
        HEADER,
    )
    return tmp_path / "tiny.safetensors"


def stored(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    header, tensors = read_weights(path)
    return header.to_dict(), tensors


def rewrite(path: Path, **changes: object) -> None:
    """Write other values into the header as another program would: without a checksum."""
    header = read_header(path).to_dict() | changes | {"checksum": None}
    kept = {k: v for k, v in header.items() if v is not None}
    save_file(load_file(path), path, metadata={HEADER_KEY: json.dumps(kept)})


def test_round_trip(path: Path, perovskite: Crystal) -> None:
    network, header = load_network(path)
    assert header["name"] == "tiny"
    assert header["format_version"] == 1  # floats of one network: the oldest format
    assert header["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    again = path.with_name("again.safetensors")
    save_network(again, network, HEADER)
    other, _ = load_network(again)
    graph = build_graph(perovskite, 5.0)
    assert np.array_equal(network(graph), other(graph))
    assert not list(path.parent.glob("*.partial"))


def test_truncated_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not a readable weight file"):
        load_network(path)


def test_text_file(tmp_path: Path) -> None:
    path = tmp_path / "page.safetensors"
    path.write_text("<html>not weights</html>")
    with pytest.raises(WeightsError, match="not a readable weight file"):
        read_header(path)


def test_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="not a readable weight file"):
        load_network(path)


def test_foreign_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(1)}, path)
    with pytest.raises(WeightsError, match="no phonodos header"):
        load_network(path)


def test_newer_format(path: Path) -> None:
    rewrite(path, format_version=FORMAT_VERSION + 1)
    with pytest.raises(WeightsError, match="newer format") as caught:
        load_network(path)
    assert "upgrade" in caught.value.fix


def test_incomplete_header(path: Path) -> None:
    rewrite(path, split=None)
    with pytest.raises(WeightsError, match="the header lacks split"):
        load_network(path)


def test_tensors_of_another_network(path: Path) -> None:
    rewrite(path, network=read_header(path).network | {"embedding": 8})
    with pytest.raises(WeightsError, match="do not fit"):
        load_network(path)


@pytest.mark.parametrize("value", [1.01, float("nan"), float("inf")])
def test_altered_tensors_do_not_fit_the_checksum(path: Path, value: float) -> None:
    header, tensors = stored(path)
    tensors["embedding.weight"][1, 11] *= value
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})
    with pytest.raises(WeightsError, match=r"damaged: tensors|finite"):
        load_network(path)


def test_every_byte_of_the_file_is_checked(path: Path, rng: np.random.Generator) -> None:
    sound = path.read_bytes()
    for place in rng.choice(len(sound), 60, replace=False):
        spoiled = bytearray(sound)
        spoiled[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoiled)
        with pytest.raises(WeightsError):
            load_network(path)


def test_altered_tensors_without_a_checksum_fail_the_reference_answers(path: Path) -> None:
    header, tensors = stored(path)
    tensors["embedding.weight"] *= 1.01
    del header["checksum"]
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})
    with pytest.raises(WeightsError, match="reference answers"):
        load_network(path)


def test_a_file_without_a_checksum_loads_with_a_warning(path: Path) -> None:
    rewrite(path, references=None)
    with pytest.warns(WeightsWarning, match="no checksum") as caught:
        load_network(path)
    assert len(caught) == 1
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    tensors = load_file(path)
    header = seal(path)
    assert header.checksum is not None
    assert header.formerly == (before,)
    assert known_as(path) == (hashlib.sha256(path.read_bytes()).hexdigest(), before)
    assert all(np.array_equal(tensors[k], v) for k, v in load_file(path).items())
    load_network(path)  # without a warning
    sealed = path.read_bytes()
    seal(path)
    assert path.read_bytes() == sealed


def test_a_new_calibration_is_another_file(path: Path) -> None:
    rewrite(path, references=None)
    seal(path)
    rewrite_header(path, {"metrics": {"valid": {"mse": 1.0}}})
    assert len(known_as(path)) == 1
    assert load_network(path)[1].metrics == {"valid": {"mse": 1.0}}


def test_a_header_that_makes_no_sense_is_not_written(path: Path) -> None:
    with pytest.raises(WeightsError, match="invalid at 'members'"):
        rewrite_header(path, {"members": 0})


@pytest.mark.parametrize("name", available())
def test_released_files_have_checksums(name: str) -> None:
    header = read_header(weights_path(name))
    assert header.checksum is not None
    assert len(header.references) == header.held
    judged_on_strain = header.kind == "lattice"
    assert bool(header.formerly) == judged_on_strain  # the file before that score was added


def test_unknown_kind_of_network() -> None:
    with pytest.raises(WeightsError, match="unknown kind of network 'oracle'"):
        network_of({"kind": "oracle"})


def test_unknown_name() -> None:
    with pytest.raises(WeightsError, match="no weights named 'chen2012'") as caught:
        weights_path("chen2012")
    assert all(name in caught.value.reason for name in available())


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weight file"):
        weights_path(tmp_path / "gone.safetensors")


SCORE = {"gamma_mae": 0.25, "exams": [{"name": "made", "gamma": 1.5, "gamma_dft": 1.25}]}


def test_what_is_found_out_of_weights_joins_their_header(path: Path) -> None:
    tensors, known = stored(path)[1], known_as(path)
    assert read_header(path).strain is None
    assert add_to_header(path, {"strain": SCORE})
    header = read_header(path)
    assert header.strain is not None
    assert header.strain.gamma_mae == 0.25
    assert known_as(path)[1:] == known  # results made with the file as it was stay its own
    assert all(np.array_equal(tensors[k], v) for k, v in stored(path)[1].items())
    load_network(path)
    before = path.read_bytes()
    assert not add_to_header(path, {"strain": SCORE})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "score", ["text", {"gamma_mae": -1.0, "exams": SCORE["exams"]}, {"gamma_mae": 0.2, "exams": []}]
)
def test_a_score_that_makes_no_sense_is_not_written(path: Path, score: object) -> None:
    before = path.read_bytes()
    with pytest.raises(WeightsError, match="invalid at 'strain"):
        add_to_header(path, {"strain": score})
    assert path.read_bytes() == before
