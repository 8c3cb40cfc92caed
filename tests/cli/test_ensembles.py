"""`phonodos models join` and `calibrate`, and predictions with intervals."""

import errno
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from phonodos.datasets.dataset import CRYSTAL_COLUMNS, Dataset, write_dataset
from phonodos.errors import DataError, WeightsWarning
from phonodos.evaluation.calibration import calibrate_weights
from phonodos.evaluation.metrics import full_axis
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork
from phonodos.model.weights import read_header, read_weights, save_network
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import target_of
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import load

Phonodos = Callable[..., Result]
SMALL = SpectrumConfig(embedding=4, hidden=("3x0e+2x1o",), radial_hidden=(6,))
SALTS = 31
IDS = [f"salt-{k}" for k in range(SALTS)]
HEADER: dict[str, Any] = {
    "target": {}, "split": {"train": ["a"], "valid": IDS, "test": ["c"]}, "training": {},
    "training_elements": {"Na": 20, "Cl": 20}, "training_formulas": ["NaCl"],
    "training_bonds": {"Na-Cl": 20},
}  # fmt: skip


def salt(k: int) -> Crystal:
    cell = (2.6 + 0.02 * k) * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0.0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"], name=IDS[k])


def answers(path: Path, members: int | None = None) -> list[Prediction]:
    """Return the predictions for all salts."""
    return list(load(path, members=members).predict_many(salt(k) for k in range(SALTS)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three networks, and a data set of what a fourth one says of 31 strained salts."""
    folder = tmp_path_factory.mktemp("ensemble")
    for seed in range(4):
        network = SpectrumNetwork.untrained(SMALL, seed).to(dtype=np.float32)
        save_network(folder / f"{seed}.safetensors", network, {"name": "m", **HEADER})
    truth = load(folder / "3.safetensors")
    rows = []
    for k, p in enumerate(truth.predict_many(salt(k) for k in range(SALTS))):
        rows.append({
            "id": IDS[k], "source": "made up", "formula": "NaCl", "n_atoms": 2,
            "species": ["Na", "Cl"], "cell": p.crystal.cell.ravel().tolist(),
            "frac_coords": p.crystal.frac_coords.ravel().tolist(),
            "dos_frequencies": p.dos.frequencies.tolist(),
            "dos_densities": p.dos.densities.tolist(), "target": target_of(p.dos).tolist(),
        })  # fmt: skip
    write_dataset(folder / "data.parquet", rows, {"citation": "nobody"})
    return folder


@pytest.fixture
def joined(phonodos: Phonodos, made: Path, tmp_path: Path) -> Path:
    members = [made / f"{k}.safetensors" for k in range(3)]
    done = phonodos("models", "join", *members, "-o", "all.safetensors", "--name", "all")
    assert done.exit_code == 0, done.output
    assert "3 members" in done.stderr
    return tmp_path / "all.safetensors"


def test_bits_of_the_stored_numbers(phonodos: Phonodos, made: Path, tmp_path: Path) -> None:
    members = [made / f"{k}.safetensors" for k in range(2)]
    sizes = []
    for bits in (8, 16, 32):
        words = ("-o", "x.safetensors", "--name", "x", "--bits", bits)
        assert phonodos("models", "join", *members, *words).exit_code == 0
        sizes.append((tmp_path / "x.safetensors").stat().st_size)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    (tmp_path / "x.safetensors").unlink()
    done = phonodos("models", "join", *members, *words[:-1], 7)
    assert done.exit_code != 0
    assert "weights are not stored in 7 bits" in done.stderr
    assert not (tmp_path / "x.safetensors").exists()


def test_calibrated_intervals_hold_nine_of_ten(
    phonodos: Phonodos, joined: Path, made: Path
) -> None:
    assert not any(p.intervals for p in answers(joined))  # nothing is stated before it is measured
    tensors = joined.read_bytes()[-1000:]
    data = made / "data.parquet"
    done = phonodos("models", "calibrate", joined.name, "--data", data)
    assert done.exit_code == 0, done.output
    assert "mean_frequency, 3 members: factor" in done.stdout
    assert joined.read_bytes()[-1000:] == tensors
    assert read_header(joined)["metrics"]["valid"]["mse"] > 0.0
    truth = [full_axis(p.dos).mean_frequency for p in answers(made / "3.safetensors")]
    for members in (None, 1):
        stated = [p.intervals["mean_frequency"] for p in answers(joined, members)]
        inside = [w in interval for w, interval in zip(truth, stated, strict=True)]
        assert 28 <= sum(inside) < SALTS
    with pytest.warns(WeightsWarning, match="with 2 none is stated"):
        assert not any(p.intervals for p in answers(joined, 2))
    done = phonodos("evaluate", joined.name, "--data", data, "-o", "out")
    assert done.exit_code == 0, done.output
    metrics = json.loads((joined.parent / "out" / "metrics.json").read_text())
    assert metrics["members"] == 3
    assert metrics["intervals"]["heat_capacity"]["coverage"] >= 28 / SALTS


def test_materials_that_chose_the_epoch_give_way_to_others(
    phonodos: Phonodos, joined: Path, made: Path, tmp_path: Path
) -> None:
    """Intervals are fitted on a further data set; one that chose the epoch is told of."""
    words = ("models", "calibrate", joined.name, "--data", made / "data.parquet")
    done = phonodos(*words)
    assert "chose the epoch" in done.stderr
    entry = read_header(joined).calibration["3"]["mean_frequency"]
    assert entry.model_extra == {"data": ["made up"], "held_back": False}
    first = Dataset.open(made / "data.parquet")
    rows = []
    for k in range(SALTS - 1):
        dos = first.dos(k)
        rows.append({
            **{name: first.column(name)[k] for name in ("formula", "n_atoms", *CRYSTAL_COLUMNS)},
            "id": f"other-{k}", "source": "another", "target": first.targets[k].tolist(),
            "dos_frequencies": dos.frequencies.tolist(), "dos_densities": dos.densities.tolist(),
        })  # fmt: skip
    write_dataset(tmp_path / "more.parquet", rows, {"citation": "nobody"})
    ids = {"train": ["x"], "valid": [row["id"] for row in rows], "test": ["y"]}
    (tmp_path / "more.json").write_text(json.dumps(ids))
    done = phonodos(*words, "--data", "more.parquet", "--split", "more.json")
    assert done.exit_code == 0, done.output
    assert "chose the epoch" not in done.stderr
    assert "(30 materials of another)" in done.stdout
    entry = read_header(joined).calibration["3"]["mean_frequency"]
    assert entry.materials == 30
    assert entry.model_extra == {"data": ["another"], "held_back": True}


def test_table_figure_and_json_show_the_interval(
    phonodos: Phonodos, joined: Path, made: Path, write_cif: Callable[..., Path], tmp_path: Path
) -> None:
    phonodos("models", "calibrate", joined.name, "--data", made / "data.parquet")
    write_cif(tmp_path / "x.cif", "Na 0 0 0 1", "Cl .5 .5 .5 1")
    done = phonodos("predict", "x.cif", "--model", joined.name, "--no-plot")
    assert done.exit_code == 0, done.output
    assert "+-" in done.stdout
    assert "9 of 10 DFT values" in done.stdout
    words = ("predict", "x.cif", "--model", joined.name, "--no-plot", "--json")
    (record,) = json.loads(phonodos(*words, "--units", "THz").stdout)["results"]
    interval = record["intervals"]["mean_frequency"]
    assert interval["unit"] == "THz"
    assert interval["low"] < record["mean_frequency"]["value"] < interval["high"]
    alone = phonodos("predict", "x.cif", "--model", joined.name, "--no-plot", "--members", "2")
    assert "+-" not in alone.stdout


def test_members_out_of_files_and_formulas_that_are_compared(
    phonodos: Phonodos, joined: Path, made: Path, tmp_path: Path
) -> None:
    """FILE:2 is a network of an ensemble; with --data formulas of training must not be judged."""
    words = ("models", "join", f"{joined.name}:2", made / "3.safetensors", "-o", "two.safetensors")
    done = phonodos(*words, "--name", "two")
    assert done.exit_code == 0, done.output
    assert "2 members" in done.stderr
    stored = (read_weights(path)[1] for path in (joined, tmp_path / "two.safetensors"))
    old, new = stored
    own = [name for name in new if name.startswith("0.")]
    assert own
    assert all(new[n].tobytes() == old[f"1{n[1:]}"].tobytes() for n in own)
    done = phonodos("models", "join", f"{joined.name}:4", "-o", "x.safetensors", "--name", "x")
    assert done.exit_code == 2
    assert "has no member 4" in done.stderr
    done = phonodos(*words, "--name", "two", "--data", made / "data.parquet")
    assert done.exit_code == 2
    assert "the formulas of 1 materials are not known" in done.stderr  # test, "c", is not in there


def test_materials_of_training_calibrate_nothing(
    phonodos: Phonodos, made: Path, tmp_path: Path
) -> None:
    """A member's training in a further data set is known, and told of by evaluate."""
    split = {"train": ["a"], "valid": ["b"], "test": ["c"]}
    more = {"parts": ["train"], "train": IDS[:4], "valid": ["d"], "test": ["e"]}
    about = {**HEADER, "split": split}
    paths = [tmp_path / f"{k}.safetensors" for k in range(2)]
    for k, (path, header) in enumerate(
        zip(paths, (about, about | {"more_splits": [more]}), strict=True)
    ):
        network = SpectrumNetwork.untrained(SMALL, k).to(dtype=np.float32)
        save_network(path, network, {"name": "m", **header})
    done = phonodos("models", "join", *paths, "-o", "all.safetensors", "--name", "all")
    assert done.exit_code == 0, done.output
    own = {"train": ["x"], "valid": IDS, "test": ["y"]}
    (tmp_path / "own.json").write_text(json.dumps(own))
    given = ("--data", made / "data.parquet", "--split", "own.json")
    done = phonodos("evaluate", "all.safetensors", *given, "-o", "out")
    assert done.exit_code == 0, done.output
    assert "4 of these 31 materials were trained on" in done.stderr
    done = phonodos("evaluate", paths[0], *given, "-o", "out2")
    assert "trained on" not in done.stderr
    with pytest.raises(DataError, match="was trained on 4 of these materials"):
        calibrate_weights(
            tmp_path / "all.safetensors", [Dataset.open(made / "data.parquet")], "valid"
        )


def test_what_is_refused(phonodos: Phonodos, joined: Path, made: Path) -> None:
    data = made / "data.parquet"
    for words, code, message in (
        (["--data", data, "--part", "train"], 2, "errors on training materials say nothing"),
        (["--data", data, "--data", data], 2, "every further data set needs its split"),
        (["--data", data, "--part", "test"], 4, "c"),
    ):
        done = phonodos("models", "calibrate", joined.name, *words)
        assert done.exit_code == code, done.output
        assert message in done.stderr
    done = phonodos("predict", "x.cif", "--model", joined.name, "--members", "4")
    assert done.exit_code == 2
    assert "has no 4 members" in done.stderr


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("folder", "there is a folder of that name"),
        ("/dev/full", "a device"),
        ("absent/x.safetensors", "No such file"),
        ("full.safetensors", "File too large"),
    ],
)
def test_where_an_ensemble_cannot_be_written(
    phonodos: Phonodos,
    made: Path,
    tmp_path: Path,
    full_disk: Callable[..., AbstractContextManager[None]],
    target: str,
    reason: str,
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "full.safetensors").write_text("old")
    members = [made / f"{k}.safetensors" for k in range(2)]
    with full_disk(10) if target.startswith("full") else nullcontext():
        done = phonodos("models", "join", *members, "-o", target, "--name", "all")
    assert done.exit_code == 4, done.output
    assert f"{target} cannot be written" in done.stderr
    assert reason in done.stderr
    assert "fix:" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "full.safetensors"}
    assert (tmp_path / "full.safetensors").read_text() == "old"


@pytest.mark.parametrize("denied", [False, True])
def test_where_a_calibration_cannot_be_kept(
    phonodos: Phonodos,
    joined: Path,
    made: Path,
    full_disk: Callable[..., AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
    denied: bool,
) -> None:
    def deny(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    before = joined.read_bytes()
    if denied:
        monkeypatch.setattr(Path, "write_bytes", deny)
    with nullcontext() if denied else full_disk(10):
        done = phonodos("models", "calibrate", joined.name, "--data", made / "data.parquet")
    assert done.exit_code == 4, done.output
    assert f"{joined.name} cannot be written" in done.stderr
    assert ("Permission denied" if denied else "File too large") in done.stderr
    assert "fix:" in done.stderr
    assert joined.read_bytes() == before
    assert list(joined.parent.iterdir()) == [joined]
