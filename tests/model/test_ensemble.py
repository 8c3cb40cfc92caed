"""Several networks in one weight file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from phonodos.errors import WeightsError, WeightsWarning
from phonodos.model import weights
from phonodos.model.ensemble import Source, join_members
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.weights import (
    HEADER_KEY,
    load_networks,
    read_member,
    read_weights,
    save_network,
    seal,
    stored_bits,
    weights_path,
)
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import load

SMALL = LatticeConfig(
    embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
    head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
)  # fmt: skip


def untrained(config: LatticeConfig, seed: int = 0) -> LatticeNetwork:
    return LatticeNetwork.untrained(config, seed).to(dtype=np.float32)


@pytest.fixture
def files(write_networks: Callable[..., list[Path]]) -> list[Path]:
    return write_networks(SMALL, 3)


def test_members_average_and_spread(files: list[Path], tmp_path: Path, rock_salt: Crystal) -> None:
    output = tmp_path / "all.safetensors"
    assert join_members(files, output, "all")["members"] == 3
    whole = next(load(output).predict_many([rock_salt]))
    singles = [next(load(path).predict_many([rock_salt])) for path in files]
    assert len(whole.members) == 3
    mean = np.mean([p.dos.mean_frequency for p in singles])
    assert whole.dos.mean_frequency == pytest.approx(mean, rel=0.02)
    assert whole.dos.integral == pytest.approx(6.0)
    assert whole.lattice is not None
    charges = [p.lattice.born_charges for p in singles if p.lattice is not None]
    np.testing.assert_allclose(whole.lattice.born_charges, np.mean(charges, axis=0), atol=1e-6)


def test_one_member_is_loaded(files: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "all.safetensors"
    join_members(files, output, "all")
    found, alone = read_member(output, 2), read_member(files[1])
    assert found.parameters.keys() == alone.parameters.keys()
    assert all(np.array_equal(a, alone.parameters[k]) for k, a in found.parameters.items())
    with pytest.raises(WeightsError, match="has no member 2"):
        read_member(files[0], 2)


def test_fewer_members_can_be_asked_for(
    files: list[Path], tmp_path: Path, rock_salt: Crystal
) -> None:
    output = tmp_path / "all.safetensors"
    join_members(files, output, "all")
    one = next(load(output, members=1).predict_many([rock_salt]))
    assert one.members == ()
    alone = next(load(files[0]).predict_many([rock_salt]))
    np.testing.assert_allclose(one.dos.densities, alone.dos.densities, atol=1e-6)
    with pytest.raises(WeightsError, match="has no 4 members"):
        load(output, members=4)


def test_half_precision_halves_the_file(files: list[Path], tmp_path: Path) -> None:
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    join_members(files, full, "x")
    join_members(files, half, "x", bits=16)
    assert half.stat().st_size < 0.6 * full.stat().st_size
    networks, _ = load_networks(half)  # the reference answers are those of the rounded tensors
    assert networks[0].dtype == np.float32


def test_other_networks_are_refused(
    files: list[Path], tmp_path: Path, taught: dict[str, Any]
) -> None:
    other = tmp_path / "other.safetensors"
    save_network(
        other, untrained(SMALL.model_copy(update={"head_mixed": 2})), {"name": "o", **taught}
    )
    with pytest.raises(WeightsError, match="differ in 'network'"):
        join_members([files[0], other], tmp_path / "x.safetensors", "x")


def test_a_network_joins_once(files: list[Path], tmp_path: Path) -> None:
    """A second time it would halve the spread, in 16 bits as in 32."""
    both, output = tmp_path / "both.safetensors", tmp_path / "x.safetensors"
    join_members(files[:2], both, "both", bits=16)
    for sources in ([files[0], files[0]], [f"{both}:2", both], [files[0], f"{both}:1"]):
        with pytest.raises(WeightsError, match="they are one network"):
            join_members(sources, output, "x")
    assert not output.exists()


def test_members_are_taken_out_of_ensembles(
    files: list[Path], tmp_path: Path, taught: dict[str, Any]
) -> None:
    """FILE:2 is the second network of a file; without a number all of them are meant."""
    both, later = tmp_path / "both.safetensors", tmp_path / "later.safetensors"
    join_members(files[:2], both, "both", bits=16)
    two = tmp_path / "two.safetensors"
    join_members([files[2], f"{both}:1"], two, "two", bits=16)
    header = {
        "name": "later", **taught, "training": {"epoch": 7}, "training_formulas": ["KBr"],
        "more_splits": [{"parts": ["train"], "train": ["d"], "valid": ["e"], "test": ["f"]}],
    }  # fmt: skip
    save_network(later, untrained(SMALL, 5), header)
    output = tmp_path / "joined.safetensors"
    found = join_members([f"{both}:2", later, two], output, "joined", bits=16)
    assert found.held == 4
    assert found.trained_ids == {"a", "d"}
    assert found.training_formulas == ("KBr", "NaCl")
    assert [run.get("epoch") for run in found.training["members"]] == [None, 7, None, None]
    assert not found.stability
    assert not found.calibration
    new = read_weights(output)[1]
    for place, source, number in ((0, both, 1), (2, two, 0), (3, two, 1)):
        old = read_weights(source)[1]
        for name in (n for n in old if n.startswith(f"{number}.")):
            tensor = new[f"{place}{name[1:]}"]
            assert tensor.dtype == np.float16
            assert tensor.tobytes() == old[name].tobytes()
    assert len(load_networks(output)[0]) == 4  # reference answers of every member
    kept = tmp_path / "kept.safetensors"  # not halved: what was stored in 16 bits stays so
    join_members([Source(both, 1), later], kept, "kept")
    kinds = {name[0]: tensor.dtype for name, tensor in read_weights(kept)[1].items()}
    assert kinds == {"0": np.float16, "1": np.float32}
    for words in (f"{both}:3", f"{later}:2", f"{both}:0"):
        with pytest.raises(WeightsError, match="has no member"):
            join_members([words], output, "x")


def test_a_member_of_released_weights_joins_to_the_bit(tmp_path: Path) -> None:
    released = weights_path("lattice")
    header, old = read_weights(released)
    config = header.to_dict()
    first, *others = config["more_splits"]
    lacking = {**first, "train": first["train"][3:]}
    later = tmp_path / "later.safetensors"
    kept = ("name", "target", "split", "training_formulas", "training_elements")
    about = {key: config[key] for key in kept}
    more = [*others, lacking]
    save_network(later, read_member(released, 2), {**about, "training": {}, "more_splits": more})
    output = tmp_path / "new.safetensors"
    found = join_members(["lattice:1", later], output, "new", bits=stored_bits(released))
    assert found["more_splits"] == config["more_splits"]
    assert found["split"] == config["split"]
    assert found.training_formulas == header.training_formulas
    assert not {"stability", "calibration", "metrics", "strain", "formerly"} & set(found.keys())
    _, new = read_weights(output)
    assert all(new[name].tobytes() == tensor.tobytes() for name, tensor in old.items())
    np.testing.assert_allclose(found.references, header.references, rtol=1e-4, atol=1e-5)


def test_a_judged_material_is_refused_and_nothing_written(
    files: list[Path], tmp_path: Path, taught: dict[str, Any]
) -> None:
    other, output = tmp_path / "other.safetensors", tmp_path / "x.safetensors"
    split = {"train": ["a", "z"], "valid": ["b"], "test": ["c"]}
    more = [{"parts": ["train"], "train": ["c"], "valid": ["e"], "test": ["f"]}]
    save_network(other, untrained(SMALL, 7), {"name": "o", **taught, "more_splits": more})
    with pytest.raises(WeightsError, match="cannot be a member beside"):
        join_members([files[0], other], output, "x")
    save_network(other, untrained(SMALL, 7), {"name": "o", **taught, "split": split})
    assert join_members([files[0], other], output, "x")["split"]["train"] == ["a", "z"]
    output.unlink()
    formulas = {"b": "KBr", "c": "NaCl"}  # all members know NaCl
    join_members([files[0], other], output, "x", formulas=formulas)
    output.unlink()
    about = {**taught, "split": split, "training_formulas": ["KBr", "NaCl"]}
    save_network(other, untrained(SMALL, 7), {"name": "o", **about})
    with pytest.raises(WeightsError, match="cannot be a member beside") as caught:
        join_members([files[0], other], output, "x", formulas=formulas)
    assert "KBr" in caught.value.reason
    assert not output.exists()


def without_checksum(path: Path, *more: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return header and tensors as release 0.1 wrote them: the first member's answers only."""
    header, tensors = read_weights(path)
    return {k: v for k, v in header.to_dict().items() if k not in ("checksum", *more)}, tensors


def write(path: Path, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})


@pytest.fixture
def ensemble(files: list[Path], tmp_path: Path) -> Path:
    join_members(files, tmp_path / "all.safetensors", "all", bits=16)
    return tmp_path / "all.safetensors"


@pytest.mark.parametrize("member", [0, 1, 2])
def test_an_altered_weight_of_any_member_is_found(ensemble: Path, member: int) -> None:
    header, tensors = read_weights(ensemble)
    tensors[f"{member}.springs.mlp.0.weight"][0, 0] += 0.01
    write(ensemble, header.to_dict(), tensors)
    with pytest.raises(WeightsError, match="damaged: tensors"):
        load(ensemble)


@pytest.mark.parametrize("member", [0, 1, 2])
def test_without_a_checksum_every_member_gives_its_answers(ensemble: Path, member: int) -> None:
    header, tensors = without_checksum(ensemble)
    write(ensemble, header, tensors)
    with pytest.warns(WeightsWarning, match="no checksum"):
        load_networks(ensemble)
    tensors[f"{member}.springs.mlp.0.weight"] *= 3
    write(ensemble, header, tensors)
    with pytest.raises(WeightsError, match="reference answers"):
        load_networks(ensemble)


def test_members_that_nothing_is_known_of_are_refused(ensemble: Path) -> None:
    header, tensors = without_checksum(ensemble, "references")
    write(ensemble, header, tensors)
    with pytest.raises(WeightsError, match="members 2 to 3 cannot be checked") as caught:
        load_networks(ensemble)
    assert "models seal" in caught.value.fix
    with pytest.warns(WeightsWarning, match="no checksum"):
        load_networks(ensemble, members=1)
    seal(ensemble)
    assert len(load_networks(ensemble)[0]) == 3


def test_tensors_of_a_released_file_are_known(
    ensemble: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, tensors = without_checksum(ensemble, "references")
    write(ensemble, header, tensors)
    monkeypatch.setattr(weights, "RELEASED_BEFORE", (weights.tensors_digest(tensors),))
    with pytest.warns(WeightsWarning, match="no checksum"):
        assert len(load_networks(ensemble)[0]) == 3


def test_a_file_of_release_0_1_loads_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tensors are known by their digest, as those of the ensembles of release 0.1 are."""
    header, tensors = without_checksum(weights_path("lattice-paper"), "references", "formerly")
    path = tmp_path / "old.safetensors"
    write(path, header, tensors)
    assert all(len(digest) == 64 for digest in weights.RELEASED_BEFORE)
    monkeypatch.setattr(weights, "RELEASED_BEFORE", (weights.tensors_digest(tensors),))
    with pytest.warns(WeightsWarning, match="no checksum"):
        assert len(load_networks(path)[0]) == header["members"]
    tensors["2.embedding.weight"][0, 0] += 1.0
    write(path, header, tensors)
    with pytest.raises(WeightsError, match="cannot be checked"):
        load_networks(path)


def test_a_wrong_number_of_members(ensemble: Path) -> None:
    header, tensors = without_checksum(ensemble, "references")
    for members in (2, 4, 1000):
        write(ensemble, header | {"members": members}, tensors)
        with pytest.raises(WeightsError, match=f"not those of {members} members"):
            load_networks(ensemble)
