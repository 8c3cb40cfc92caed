"""The flagship's losses: nothing left where the reference is the network's own answer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.datasets.force_constants import ForceConstants
from phonodos.datasets.pack import pack
from phonodos.datasets.splits import Split
from phonodos.errors import DataError
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import dynamical_matrices, frequencies, settled
from phonodos.model.harmonic import group_by_size
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import irreducible_mesh
from phonodos.physics.path import step_along_path
from phonodos.prediction.lattice_dynamics import lattice_dynamics
from phonodos.training.branches import branches_of_path, matched_branches
from phonodos.training.config import TrainConfig
from phonodos.training.lattice_losses import (
    IMAGINARY_FLOOR,
    SOUND_HUBER,
    LatticeTask,
    _draw,
    _followed,
    _imaginary_loss,
    _long_loss,
    _roots,
)
from phonodos.training.lattice_samples import (
    UNSTABLE,
    LatticeSample,
    cumulated,
    match_bonds,
)
from phonodos.training.loop import fit
from phonodos.training.module import NetworkModule

SMALL: dict[str, Any] = {
    "kind": "lattice", "embedding": 8, "hidden": ("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"),
    "radial_hidden": (16,), "head": (8, 4, 4), "head_hidden": (16,), "head_mixed": 4,
    "charge_hidden": 8,
}  # fmt: skip
PATH = np.array([[0.0, 0, 0], [0.1, 0, 0.1], [0.3, 0, 0.3], [0.5, 0, 0.5], [0.5, 0.25, 0.75]])


def made(seed: int) -> NetworkModule:
    torch.manual_seed(seed)
    return NetworkModule(LatticeNetwork, LatticeConfig.model_validate(SMALL)).double()


@pytest.fixture(scope="module")
def network() -> NetworkModule:
    return made(3)


def own_row(network: NetworkModule, crystal: Crystal) -> dict[str, Any]:
    """A record that holds what the network itself says of the crystal."""
    bonded = bond_crystal(crystal, 6.0)
    lattice = network.frozen()(bonded)
    dynamics = lattice_dynamics(crystal, bonded, lattice)
    gamma_free = step_along_path(PATH, dynamics.frequencies(PATH), crystal)
    dos = dynamics.dos(irreducible_mesh(crystal, 60.0))
    (group,) = group_by_size(bonded, lattice)
    fixed, sites = settled(group)
    site = sites[0]
    i, j = (end.tolist() for end in bonded.ends)
    return {
        "id": crystal.name, "source": "own", "formula": crystal.formula,
        "n_atoms": crystal.n_atoms, "species": list(crystal.symbols),
        "cell": crystal.cell.ravel().tolist(), "frac_coords": crystal.frac_coords.ravel().tolist(),
        "dos_frequencies": dos.frequencies.tolist(), "dos_densities": dos.densities.tolist(),
        "target": np.linspace(0.0, 1.0, 51).tolist(),
        "band_qpoints": PATH.ravel().tolist(),
        "band_frequencies": dynamics.frequencies(gamma_free).ravel().tolist(),
        "born_charges": dynamics.born_charges.ravel().tolist(), "born_sound": True,
        "dielectric": dynamics.dielectric.ravel().tolist(), "dielectric_sound": True,
        "has_nac": True, "supercell": (9 * np.eye(3, dtype=int)).ravel().tolist(),
        "force_constant_centres": i, "force_constant_neighbours": j,
        "force_constant_images": bonded.images.flatten().tolist(),
        "force_constant_tensors": fixed.force_constants.flatten().tolist(),
        "on_site": site.flatten().tolist(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(network: NetworkModule, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own")
    fcc = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    crystals = [
        Crystal.ordered(a * fcc, [[0.0] * 3, second], [x, y], f"{x}{y}")
        for x, y, a, second in (
            ("Na", "Cl", 5.64, [0.5] * 3), ("Mg", "O", 4.21, [0.5] * 3),
            ("Ga", "As", 5.65, [0.25] * 3), ("K", "Br", 6.6, [0.5] * 3),
        )
    ]  # fmt: skip
    write_dataset(path / "data.parquet", [own_row(network, c) for c in crystals], {})
    parts = {"train": ("NaCl", "MgO"), "valid": ("GaAs",), "test": ("KBr",)}
    Split(parts).write(path / "split.json")
    return path


@pytest.fixture
def configure(folder: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    def make(name: str, **changes: Any) -> TrainConfig:
        values: dict[str, Any] = {
            "name": "own", "folder": tmp_path / name, "network": SMALL, "epochs": 2,
            "data": {"dataset": folder / "data.parquet", "split": folder / "split.json"},
            "dtype": "float64", "batch_size": 2, "average": 0.9,
            "optimizer": {"schedule": "cycle", "lr": 0.004, "clip": 1.0},
        }  # fmt: skip
        return TrainConfig.model_validate(values | changes)

    return make


ONLY = {
    name: {"bands": 0, "dos": 0, "tensors": 0, "force_constants": 0} | {name: 1}
    for name in (
        "bands", "dos", "tensors", "force_constants", "sound", "long_waves", "transverse"
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "most"),
    # float32 storage of the constants; a random draw of 24 wave vectors against the whole spectrum
    [
        ("bands", 1e-8),
        ("sound", 1e-8),
        ("tensors", 1e-10),
        ("force_constants", 1e-6),
        ("transverse", 1e-6),
        ("long_waves", 1e-8),
        ("dos", 0.02),
    ],
)
def test_own_answer_leaves_no_loss(
    name: str, most: float, network: NetworkModule, folder: Path,
    configure: Callable[..., TrainConfig],
) -> None:  # fmt: skip
    task = LatticeTask(configure("run", losses=ONLY[name]))
    samples = task.samples(Dataset.open(folder / "data.parquet"))
    found = float(task.loss(network, samples, torch.Generator().manual_seed(0)).detach())
    other = made(4)
    wrong = float(task.loss(other, samples, torch.Generator().manual_seed(0)).detach())
    assert found < most
    assert wrong > 10.0 * found


def test_without_born_charges_only_what_fits_the_supercell_is_taught(
    network: NetworkModule, configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """Right frequencies there leave no loss, however wrong constants, spectrum and bands are."""
    crystal = Crystal.ordered(
        5.65 * (1 - np.eye(3)) / 2, [[0.0] * 3, [0.25] * 3], ["Ga", "As"], "GaAs"
    )
    bonded = bond_crystal(crystal, 6.0)
    with torch.no_grad():
        dynamics = lattice_dynamics(crystal, bonded, network(bonded))
    waves = np.array([[0.0, 0, 0], [0, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0.5]])
    row = own_row(network, crystal)
    wrong = {
        "dos_frequencies": [2.0 * w for w in row["dos_frequencies"]],
        "band_frequencies": [2.0 * w for w in row["band_frequencies"]],
        "force_constant_tensors": [2.0 * x for x in row["force_constant_tensors"]],
        "has_nac": False,
    }
    absent = dict.fromkeys(("born_charges", "dielectric"))
    unsound = {"born_sound": False, "dielectric_sound": False}
    exact = {
        "commensurate_qpoints": waves.ravel().tolist(),
        "commensurate_frequencies": dynamics.frequencies(waves).ravel().tolist(),
    }
    task = LatticeTask(configure("run", losses=dict.fromkeys(ONLY, 1)))
    losses = []
    for k, more in enumerate((exact, {})):
        write_dataset(tmp_path / f"{k}.parquet", [row | wrong | absent | unsound | more], {})
        for _ in range(2):  # built, and from the disk
            samples = task.samples(Dataset.open(tmp_path / f"{k}.parquet"))
            loss = task.loss(network, samples, torch.Generator().manual_seed(0))
            losses.append(float(loss.detach()))
    assert losses[0] == losses[1] < 1e-8
    assert losses[2] == losses[3] > 0.1


def test_unstable_crystals_are_drawn_where_they_are_soft(
    folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    (sample, *_) = LatticeTask(configure("run")).samples(Dataset.open(folder / "data.parquet"))
    assert sample.band_frequencies is not None
    modes = np.abs(sample.band_frequencies)
    modes[3, 0] = -80.0
    soft = replace(sample, band_frequencies=modes)
    assert soft.unstable
    shares = {}
    for aimed in (True, False):
        generator = torch.Generator().manual_seed(1)
        drawn = [_draw([soft], 12, generator, soft=aimed)[1][0] for _ in range(40)]
        shares[aimed] = np.mean([b[:, 0] == -80.0 for b in drawn if b is not None])
    assert shares[False] == pytest.approx(0.2, abs=0.05)  # one of five
    assert shares[True] == pytest.approx(1 / 3 + 2 / 3 * 0.2, abs=0.05)
    weights = {"bands": 1, "dos": 0, "tensors": 0}
    other = made(4)
    losses = []
    for unstable in (1e-9, 2.0):
        task = LatticeTask(configure("run", losses=weights | {"unstable": unstable}))
        losses.append(float(task.loss(other, [soft], torch.Generator().manual_seed(0)).detach()))
    assert losses[1] == pytest.approx(3.0 * losses[0], rel=1e-6)


def test_unstable_crystals_are_taught_several_times_a_pass(
    network: NetworkModule, configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """Few they are, and the others would drown them; what is judged is judged once."""
    rows = [own_row(network, GAAS) | {"id": name} for name in ("stable", "soft")]
    rows[0]["band_frequencies"] = np.abs(rows[0]["band_frequencies"]).tolist()
    rows[1]["band_frequencies"] = [-90.0, *rows[1]["band_frequencies"][1:]]
    write_dataset(tmp_path / "two.parquet", rows, {})
    records = Dataset.open(tmp_path / "two.parquet")
    task = LatticeTask(configure("run", losses={"unstable_times": 3}))
    assert [s.id for s in task.samples(records)] == ["stable", "soft", "soft", "soft"]
    assert [s.id for s in task.samples(records, judged=True)] == ["stable", "soft"]
    assert [s.id for s in LatticeTask(configure("run")).samples(records)] == ["stable", "soft"]


WITHOUT_PATH = {"band_qpoints": None, "band_frequencies": None}
GAAS = Crystal.ordered(5.65 * (1 - np.eye(3)) / 2, [[0.0] * 3, [0.25] * 3], ["Ga", "As"], "GaAs")


def test_constants_without_a_path_teach_their_waves(
    network: NetworkModule, configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """No loss where the network agrees with the constants, or with stored waves where there are."""
    row = own_row(network, GAAS) | WITHOUT_PATH
    bonded = bond_crystal(GAAS, 6.0)
    with torch.no_grad():
        dynamics = lattice_dynamics(GAAS, bonded, network(bonded))
    fitting = np.array([[0.0, 0, 0], [0, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0.5]])
    right = dynamics.frequencies(fitting)
    weights = ONLY["bands"] | {"long_waves": 1, "waves": True}
    found = {}
    for name, modes in (("none", None), ("right", right), ("wrong", 1.2 * right)):
        stored = {
            "commensurate_qpoints": fitting.ravel().tolist(),
            "commensurate_frequencies": modes.ravel().tolist(),
        } if modes is not None else {}  # fmt: skip
        write_dataset(tmp_path / f"{name}.parquet", [row | stored], {})
        dataset = Dataset.open(tmp_path / f"{name}.parquet")
        task = LatticeTask(configure("run", losses=weights))
        (sample,) = samples = task.samples(dataset)
        assert sample.bands is not None
        assert sample.usual == (20 if modes is None else 4)
        assert sample.long.tolist() == [*range(sample.usual, sample.usual + 10)]
        found[name] = float(task.loss(network, samples, torch.Generator().manual_seed(0)).detach())
        (as_before,) = LatticeTask(configure("run", losses=ONLY["bands"])).samples(dataset)
        assert as_before.bands is None
        assert task.samples(dataset, judged=True)[0].bands is None
    assert found["none"] < 1e-5
    assert found["right"] < 1e-5
    assert found["wrong"] > 0.01


def test_long_waves_are_a_third_of_what_is_drawn(
    folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    *_, sample = LatticeTask(configure("run")).samples(Dataset.open(folder / "data.parquet"))
    assert sample.long.tolist() == [1]  # of five wave vectors of KBr
    shares = {}
    for aimed in (True, False):
        generator = torch.Generator().manual_seed(1)
        drawn = [_draw([sample], 12, generator, long=aimed)[2][0] for _ in range(40)]
        shares[aimed] = np.mean(np.isin(drawn, sample.long))
    assert shares[False] == pytest.approx(0.2, abs=0.05)
    assert shares[True] == pytest.approx(1 / 3 + 2 / 3 * 0.2, abs=0.05)


def test_without_options_wave_vectors_are_drawn_as_ever(
    folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    """A run that is resumed must see what it would have seen."""
    samples = LatticeTask(configure("run")).samples(Dataset.open(folder / "data.parquet"))
    _, bands, _ = _draw(samples, 5, torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    for sample, found in zip(samples, bands, strict=True):
        assert sample.band_frequencies is not None
        assert found is not None
        torch.rand(3, generator=generator)
        places = torch.randint(len(PATH), (5,), generator=generator).numpy()
        np.testing.assert_array_equal(found, sample.band_frequencies[places])


def test_long_waves_are_judged_by_relative_errors() -> None:
    wanted = np.array([[2.0, 40.0, 80.0]])
    found = torch.from_numpy(wanted * np.array([1.1, 1.1, 0.9]))
    error = np.array([0.2 / 5.0, 0.1, 0.1])  # the first below the floor
    loss = float(_long_loss(found, torch.from_numpy(wanted), wanted))
    assert loss == pytest.approx(0.5 * np.mean(error**2))
    far = float(_long_loss(2.0 * found, torch.from_numpy(wanted), wanted))
    assert far == pytest.approx(SOUND_HUBER * ((0.48 + 1.2 + 0.8) / 3.0 - SOUND_HUBER / 2.0))


def _imaginary(squares: torch.Tensor, reference: np.ndarray, rigid: np.ndarray) -> torch.Tensor:
    return _imaginary_loss(squares, reference, matched_branches(_roots(squares), reference), rigid)


def test_imaginary_branches_have_a_loss_of_their_own() -> None:
    """It is not shared with other branches, and pulls where a crystal is stable by mistake."""
    reference = np.array([[-200.0, 50.0, 100.0], [40.0, 60.0, 90.0]])
    right = torch.from_numpy(reference * np.abs(reference))
    away = np.zeros(2, dtype=bool)
    assert float(_imaginary(right, reference, away)) == 0.0
    assert float(_imaginary(right[1:], reference[1:], away[1:])) == 0.0
    wrong = right.clone()
    wrong[0, 0], wrong[1] = 170.0**2, 0.0
    loss = float(_imaginary(wrong, reference, away))
    error = (170.0**2 + 200.0**2) / (200.0 + IMAGINARY_FLOOR) ** 2
    assert loss == pytest.approx(error - 0.5)
    more = [np.hstack([x, np.full((2, 30), 300.0)]) for x in (wrong.numpy(), reference)]
    assert float(_imaginary(torch.from_numpy(more[0]), more[1], away)) == pytest.approx(loss)


def test_at_gamma_translations_are_no_answer_to_an_imaginary_branch() -> None:
    """They are the lowest branch of a crystal that comes out stable, and nothing moves them."""
    reference = np.array([[-110.0, -0.2, 0.1, 0.3, 150.0, 400.0]])
    found = torch.tensor([[0.0, 0.0, 0.1, 165.0**2, 200.0**2, 390.0**2]], requires_grad=True)
    loss = _imaginary(found, reference, np.array([True]))
    error = (165.0**2 + 110.0**2) / (110.0 + IMAGINARY_FLOOR) ** 2
    assert float(loss.detach()) == pytest.approx(error - 0.5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert found.grad is not None
    assert found.grad[0].nonzero().ravel().tolist() == [3]
    right = torch.from_numpy(reference * np.abs(reference))
    assert float(_imaginary(right, reference, np.array([True]))) == 0.0


def test_an_unstable_crystal_that_comes_out_stable_is_pulled_down(
    folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    (sample, *_) = LatticeTask(configure("run")).samples(Dataset.open(folder / "data.parquet"))
    assert sample.band_frequencies is not None
    modes = np.abs(sample.band_frequencies)
    modes[3, 0] = -150.0
    soft = replace(sample, band_frequencies=modes)
    other = made(4)
    losses = []
    for weight in (0.0, 1.0):
        task = LatticeTask(configure("run", losses=ONLY["bands"] | {"imaginary": weight}))
        other.zero_grad()
        loss = task.loss(other, [soft], torch.Generator().manual_seed(0))
        loss.backward()  # type: ignore[no-untyped-call]
        slopes = [p.grad for p in other.parameters() if p.grad is not None]
        assert all(torch.isfinite(slope).all() for slope in slopes)
        losses.append(float(loss.detach()))
    assert losses[1] > losses[0] + 0.1


FINE = np.concatenate([np.linspace(0, 0.5, 13)[:, None] * [[1.0, 0, 1]], PATH[4:]])


def _with_soft_end(sample: LatticeSample, fine: np.ndarray) -> LatticeSample:
    """Return the sample with the (k, 6) bands along FINE, one of them imaginary at X."""
    bands = fine.copy()
    bands[12, 0] = -120.0
    bands[12, 1:] = np.maximum(bands[12, 1:], 1.0)
    return replace(sample, band_qpoints=FINE, band_frequencies=bands)


def test_lines_are_followed_in_unstable_crystals_of_few_branches(
    network: NetworkModule, folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    task = LatticeTask(configure("run"))
    samples = task.samples(Dataset.open(folder / "data.parquet"))[:2]
    crystals = collate_bonded([s.crystal for s in samples])
    with torch.no_grad():
        (group,) = group_by_size(crystals, network(crystals))
        fixed, site = settled(group)
        points = torch.from_numpy(FINE).expand(2, -1, -1)
        own = frequencies(dynamical_matrices(group, points)).numpy()
    for k, sample in enumerate(samples):
        stable = replace(sample, band_qpoints=FINE, band_frequencies=np.abs(own[k]) + 1.0)
        assert stable.lines == []
        soft = _with_soft_end(sample, own[k])
        assert soft.lines == [(0, 12)]
        assert soft.bands is not None
        expected = branches_of_path(own[k], soft.bands[1], soft.lines, UNSTABLE)
        drawn = np.array([13, 12, 0, 5, 5])
        places, known = _followed(fixed, site, k, soft, drawn)
        np.testing.assert_array_equal(places, expected[0][drawn])
        np.testing.assert_array_equal(known, expected[1][drawn])
        assert known[1:].all()


def test_where_no_branch_is_known_none_is_taught(
    folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    losses = ONLY["bands"] | {"imaginary": 1.0}
    task = LatticeTask(configure("run", losses=losses))
    (sample, *_) = task.samples(Dataset.open(folder / "data.parquet"))
    reference = np.tile([-120.0, 40, 40, 90, 90, 160], (2, 1))
    soft = replace(sample, band_qpoints=PATH[2:4], band_frequencies=reference)
    found = torch.from_numpy(reference + 30.0)
    about = found * found.abs(), found, reference, soft, np.arange(2)
    beside = np.tile(np.arange(6), (2, 1))
    one = task._taught(*about, beside, np.array([True, False]))
    both = task._taught(*about, beside, np.array([True, True]))
    assert float(task._taught(*about, beside, np.zeros(2, dtype=bool))) == 0.0
    assert float(one) == pytest.approx(float(both))
    assert float(both) > 0.05


def test_only_what_is_across_a_bond_counts_as_transverse(
    network: NetworkModule, folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    task = LatticeTask(configure("run", losses=ONLY["transverse"]))
    (sample, *_) = task.samples(Dataset.open(folder / "data.parquet"))
    constants = sample.constants
    assert constants is not None
    line = torch.nn.functional.normalize(sample.crystal.vectors[constants.bonds], dim=1)
    along = line[:, :, None] * line[:, None, :]
    across = torch.eye(3).double() - along

    def loss(tensors: torch.Tensor) -> float:
        changed = replace(sample, constants=replace(constants, tensors=tensors))
        found = task.loss(network, [changed], torch.Generator().manual_seed(0))
        return float(found.detach())

    assert loss(constants.tensors + along) < 1e-6
    scaled = constants.tensors + 0.1 * (across @ constants.tensors @ across)
    assert loss(scaled) == pytest.approx(0.5 * (0.1 / 1.1) ** 2, rel=0.01)


def test_own_spectrum_is_found_in_validation(
    network: NetworkModule, folder: Path, configure: Callable[..., TrainConfig]
) -> None:
    task = LatticeTask(configure("run"))
    (sample, *_) = task.samples(Dataset.open(folder / "data.parquet"), judged=True)
    with torch.no_grad():
        spectrum = task._spectrum(network, sample)
    mean = spectrum @ np.arange(0.0, 1001.0, 20.0) / spectrum.sum()
    assert mean == pytest.approx(sample.mean_frequency, rel=0.03)


@pytest.mark.usefixtures("ticking")
def test_a_stopped_run_goes_on_bit_by_bit(
    configure: Callable[..., TrainConfig], assert_same_run: Callable[[Path, Path], None]
) -> None:
    losses = {"force_constants": 0.2}
    fit(configure("whole", losses=losses, batch_size=1))
    stopped = fit(configure("parts", losses=losses, batch_size=1), time_limit=3.0)
    assert not stopped.finished
    assert fit(configure("parts", losses=losses, batch_size=1), resume=True).finished
    assert_same_run(configure("whole").folder, configure("parts").folder)


def test_a_judged_formula_is_not_taught_by_another_set(
    folder: Path, configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    parts = {"train": ("GaAs",), "valid": ("NaCl",), "test": ("MgO",)}
    Split(parts).write(tmp_path / "other.json")
    more = [{"dataset": folder / "data.parquet", "split": tmp_path / "other.json"}]
    with pytest.raises(DataError, match="teaches 1 formulas that are to be judged") as caught:
        fit(configure("run", more=more))
    assert "GaAs" in caught.value.reason


def test_quantiles_of_a_uniform_spectrum() -> None:
    w = np.arange(0.0, 101.0)
    g = np.where((w >= 20) & (w <= 60), 6.0 / 40.0, 0.0)
    levels, frequencies = cumulated(PhononDos(w, g, 2))
    middle = np.interp([0.25, 0.5, 0.75], levels, frequencies)
    np.testing.assert_allclose(middle, [30.0, 40.0, 50.0], atol=0.6)


def test_unknown_bonds_are_left_out(rock_salt: Crystal) -> None:
    bonded = bond_crystal(rock_salt, 6.0)
    i, j = bonded.ends
    known = slice(2, 9)
    tensors = np.arange(9.0 * 7).reshape(7, 3, 3).astype(np.float32)
    constants = ForceConstants(
        i[known], j[known], bonded.images[known], tensors,
        np.zeros((2, 3, 3)), np.eye(3, dtype=np.int64), True,
    )  # fmt: skip
    matched = match_bonds(bonded, constants, torch.float64)
    assert matched.bonds.tolist() == list(range(2, 9))
    np.testing.assert_array_equal(matched.tensors.numpy(), tensors)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_packed_data_set_teaches_the_same(
    dtype: str, configure: Callable[..., TrainConfig], folder: Path, tmp_path: Path
) -> None:
    """A step on what `data pack` keeps has the loss and the gradient of one on everything."""
    losses = {"bands": 1, "dos": 1, "tensors": 1, "force_constants": 1}
    task = LatticeTask(configure("packed", dtype=dtype, losses=losses))
    packed = pack(folder / "data.parquet", tmp_path / "packed.parquet", cutoff=6.0).output
    other = made(11).to(getattr(torch, dtype))
    found = []
    for path in (folder / "data.parquet", packed):
        samples = task.samples(Dataset.open(path))
        assert all(s.constants is not None for s in samples)
        other.zero_grad()
        loss = task.loss(other, samples, torch.Generator().manual_seed(5))
        loss.backward()  # type: ignore[no-untyped-call]
        slopes = [p.grad.flatten() for p in other.parameters() if p.grad is not None]
        found.append((float(loss.detach()), torch.cat(slopes)))
    (loss, slope), (packed_loss, packed_slope) = found
    assert loss > 0.1
    assert packed_loss == pytest.approx(loss, rel=1e-5)
    assert float((packed_slope - slope).norm() / slope.norm()) < 1e-4
