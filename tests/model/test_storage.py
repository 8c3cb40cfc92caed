"""Tensors in 8, 16 and 32 bits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from phonodos.errors import ConfigError, WeightsError
from phonodos.model.arrays import Array
from phonodos.model.ensemble import join_members
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.storage import SCALE, misstored, restored, stored, without_scales
from phonodos.model.weights import (
    load_networks,
    read_member,
    read_weights,
    save_network,
    stored_bits,
    weights_path,
    write_weights,
)
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import Predictor, load

CONFIG = LatticeConfig(
    embedding=24, hidden=("24x0e+12x1o+8x2e", "24x0e+12x1o+8x2e"), radial_hidden=(16,),
    head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
)  # fmt: skip


def drawn(rows: int, columns: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


@pytest.fixture
def files(write_networks: Callable[..., list[Path]]) -> list[Path]:
    return write_networks(CONFIG, 2)


def test_a_row_is_rounded_by_its_own_scale() -> None:
    matrix = drawn(256, 128) * np.logspace(-3, 3, 256, dtype=np.float32)[:, None]
    matrix[7] = 0.0
    file = stored({"a": matrix, "b": drawn(3, 4), "c": drawn(1, 40000)[0]}, 8)
    assert file["a"].dtype == np.int8
    assert file["a" + SCALE].shape == (256, 1)
    assert [file[name].dtype for name in "bc"] == [np.float16, np.float16]
    assert set(without_scales(file)) == {"a", "b", "c"}
    found = restored(dict(file))["a"]
    assert found.dtype == np.float32
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    assert (np.abs(found - matrix) <= 0.501 / 127 * largest).all()
    relative = np.sqrt(((found - matrix) ** 2).sum() / (matrix**2).sum())
    assert 0.004 < relative < 0.012


def test_rows_of_a_stack_have_scales_of_their_own() -> None:
    """Weights of convolutions: a matrix for every radial function."""
    stack = np.stack([10.0**k * drawn(64, 32, k) for k in range(10)])
    file = stored({"a": stack, "b": drawn(16, 32)[None]}, 8)
    assert (file["a"].dtype, file["b"].dtype) == (np.int8, np.float16)
    assert file["a" + SCALE].shape == (10, 64, 1)
    assert misstored(file) == ""
    for alone, found in zip(stack, restored(dict(file))["a"], strict=True):
        matrix = stored({"a": alone.repeat(8, axis=0)}, 8)  # large enough for 8 bits by itself
        np.testing.assert_array_equal(restored(matrix)["a"][::8], found)
    file["a" + SCALE] = file["a" + SCALE][:, :1]
    assert "do not belong together" in misstored(file)


def test_stored_again_it_stays_to_the_bit() -> None:
    once = stored({"a": drawn(256, 128), "b": drawn(3, 4)}, 8)
    for bits in (8, 16, 32):
        again = stored(once, bits)
        assert {k: v.tobytes() for k, v in again.items()} == {
            k: v.tobytes() for k, v in once.items()
        }


def test_other_numbers_of_bits_are_refused() -> None:
    with pytest.raises(ConfigError, match="not stored in 4 bits"):
        stored({"a": drawn(3, 4)}, 4)


def test_numbers_too_large_for_16_bits_are_refused() -> None:
    with pytest.raises(WeightsError, match="a does not fit into 16 bits") as told:
        stored({"a": np.array([[7e4]], dtype=np.float32)}, 16)
    assert "32 bits" in told.value.fix


def test_old_formats_hold_what_old_versions_know(files: list[Path], tmp_path: Path) -> None:
    for bits, number in ((16, 1), (8, 2)):
        output = tmp_path / f"{bits}.safetensors"
        assert join_members(files, output, "x", bits=bits)["format_version"] == number
        assert read_weights(output)[0]["format_version"] == number
    assert "copies" not in read_weights(files[0])[0].network
    for update, number in (({"copies": 2}, 2), ({"head_multipoles": 2}, 3)):
        network = LatticeNetwork.untrained(CONFIG.model_copy(update=update)).to(dtype=np.float32)
        output = tmp_path / f"{number}.safetensors"
        save_network(output, network, read_weights(files[0])[0].to_dict())
        assert read_weights(output)[0]["format_version"] == number


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_a_file_tells_its_bits(files: list[Path], tmp_path: Path, bits: int) -> None:
    output = tmp_path / "joined.safetensors"
    join_members(files, output, "joined", bits=bits)
    assert stored_bits(output) == bits


def test_a_file_without_tensors_has_no_bits(tmp_path: Path) -> None:
    path = tmp_path / "empty.safetensors"
    save_file({}, path)
    with pytest.raises(WeightsError, match="tensors"):
        stored_bits(path)


def test_a_third_of_the_size(files: list[Path], tmp_path: Path) -> None:
    sizes = {}
    for bits in (8, 16, 32):
        output = tmp_path / f"in{bits}.safetensors"
        join_members(files, output, "x", bits=bits)
        sizes[bits] = sum(tensor.nbytes for tensor in load_file(output).values())
        assert len(load_networks(output)[0]) == 2  # reference answers are those of the rounded
        assert load_networks(output)[0][1].dtype == np.float32
    assert sizes[16] == pytest.approx(sizes[32] / 2, rel=0.01)
    assert sizes[8] < 0.75 * sizes[16]


def test_a_network_is_known_in_any_bits(files: list[Path], tmp_path: Path) -> None:
    small, output = tmp_path / "small.safetensors", tmp_path / "x.safetensors"
    join_members(files[:1], small, "small", bits=8)
    for sources in ([files[0], small], [small, files[0]]):
        with pytest.raises(WeightsError, match="they are one network"):
            join_members(sources, output, "x", bits=16)
    rounded = tmp_path / "rounded.safetensors"
    join_members(files[:1], rounded, "rounded", bits=16)
    for sources in ([rounded, small], [small, rounded], [files[0], rounded]):
        with pytest.raises(WeightsError, match="they are one network"):
            join_members(sources, output, "x", bits=16)
    assert join_members([small, files[1]], output, "x", bits=16)["members"] == 2
    old, new = read_weights(small)[1], read_weights(output)[1]
    assert any(tensor.dtype == np.int8 for tensor in old.values())
    assert all(new[name].tobytes() == tensor.tobytes() for name, tensor in old.items())
    assert read_member(output, 1).parameters.keys() == read_member(files[0]).parameters.keys()


def test_predictions_hardly_move(tmp_path: Path, rock_salt: Crystal) -> None:
    """Frequencies of released weights by a hundredth of what they are uncertain by."""
    small = tmp_path / "small.safetensors"
    join_members(["lattice:1"], small, "small", bits=8)
    before = Predictor(*load_networks(weights_path("lattice"), members=1))
    found = [next(p.predict_many([rock_salt])) for p in (before, load(small))]
    bands = [p.lattice.frequencies(np.eye(3) * 0.3) for p in found if p.lattice is not None]
    assert np.abs(bands[0] - bands[1]).max() < 0.5
    assert found[1].dos.integral == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, _: (x, None), "has no scale"),
        (lambda x, s: (x, s[1:]), "do not belong together"),
        (lambda x, s: (x, s[:, 0]), "do not belong together"),
        (lambda x, s: (x.astype(np.float16), s), "do not belong together"),
        (lambda x, s: (x, s.astype(np.float64)), "do not belong together"),
        (lambda x, s: (x, 1e37 * s / s.max()), "do not belong together"),  # the product is infinite
        (lambda x, s: (x, np.ones(s.shape, np.int8)), "do not belong together"),
    ],
)
def test_scales_belong_to_their_matrices(
    files: list[Path],
    tmp_path: Path,
    change: Callable[[Array, Array], tuple[Array, Array | None]],
    words: str,
) -> None:
    output = tmp_path / "x.safetensors"
    join_members(files, output, "x", bits=8)
    header, tensors = read_weights(output)
    name = next(name for name in tensors if name + SCALE in tensors)
    tensors[name], scale = change(tensors[name], tensors.pop(name + SCALE))
    if scale is not None:
        tensors[name + SCALE] = scale
    assert words in misstored(tensors)
    write_weights(output, tensors, header.to_dict())
    with pytest.raises(WeightsError, match=words):
        load_networks(output)


def test_a_scale_alone_is_no_tensor_of_the_network(files: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "x.safetensors"
    join_members(files, output, "x", bits=8)
    _, tensors = read_weights(output)
    assert not misstored(tensors)
    save_file({"a.scale": drawn(3, 1)}, output)
    with pytest.raises(WeightsError, match="no phonodos header"):
        load_networks(output)


def test_networks_that_are_nearly_alike_are_two(
    files: list[Path], tmp_path: Path, taught: dict[str, Any]
) -> None:
    """Neighbours on one line of training may join: what differs is more than storing changes."""
    network = read_member(files[0])
    near = {name: x * np.float32(1.003) for name, x in network.parameters.items()}
    other = tmp_path / "near.safetensors"
    save_network(other, LatticeNetwork(network.config, near), {"name": "near", **taught})
    assert join_members([files[0], other], tmp_path / "x.safetensors", "x")["members"] == 2
