"""A small voxel network on the paper's split, without and with random rotations in training.

What a network must learn that does not know rotations by itself: atoms are Gaussians on a grid of
24 x 24 x 24 points in a box of 12 A around the first atom, one channel each for presence, mass,
period, group and electronegativity; three convolutions and the mean over the box give 51 points.
Spectra are own-maximum, the loss is their mean squared error, as for chen2021. The error on valid
is given twice: as the cells are stored, and turned at random about another atom.

    python benchmarks/voxel_cnn.py dfpt2018.parquet split_paper.json --epochs 24
"""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split
from phonodos.model.spectrum import normalise
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_mass, atomic_number, column

BOX, POINTS, WIDTH = 12.0, 24, 0.6  # [A], points an edge, standard deviation of an atom [A]
CHANNELS = 5
BATCH, RATE, DECAY = 16, 2e-3, 1e-4
DRAWS = 16  # orientations whose mean spectrum is judged in the end
DRAWS_SEED = 10_000  # of the orientations on valid, the same for every network


class Site(NamedTuple):
    """A crystal as the grid wants it: cell, Cartesian positions [A], channels of every atom."""

    cell: np.ndarray
    positions: np.ndarray
    channels: np.ndarray


def sites_of(crystal: Crystal) -> Site:
    """Return cell, positions and channels, each of order one."""
    numbers = np.array([atomic_number(s) for s in crystal.symbols]) - 1
    masses = np.array([atomic_mass(s) for s in crystal.symbols])
    period, group, negativity = (
        np.nan_to_num(column(name)[numbers], nan=0.0)
        for name in ("period", "group", "electronegativity")
    )
    rows = [np.ones(len(numbers)), masses / 100.0, period / 5.0, group / 18.0, negativity / 3.0]
    return Site(crystal.cell, crystal.positions, np.stack(rows, axis=1))


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a (3, 3) rotation, uniform over all of them (a quaternion of normal numbers)."""
    quaternion = rng.normal(size=4)
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def voxels(site: Site, origin: int = 0, rotation: np.ndarray | None = None) -> Tensor:
    """Return the (5, 24, 24, 24) densities of the crystal around atom `origin`."""
    turn = np.eye(3) if rotation is None else rotation
    cell = site.cell @ turn
    positions = (site.positions - site.positions[origin]) @ turn
    reach = BOX / 2.0 + 3.0 * WIDTH
    # The fractional coordinates of the box are bounded by the columns of the inverse cell.
    counts = np.ceil(reach * np.abs(np.linalg.inv(cell)).sum(axis=0)).astype(int) + 1
    images = np.indices(2 * counts + 1).reshape(3, -1).T - counts
    places = (positions[:, None] + (images @ cell)[None]).reshape(-1, 3)
    inside = np.flatnonzero((np.abs(places) < reach).all(axis=1))
    channels = site.channels[inside // len(images)]
    axis = (np.arange(POINTS) + 0.5) * BOX / POINTS - BOX / 2.0
    waves = np.exp(-((places[inside][:, :, None] - axis) ** 2) / (2.0 * WIDTH**2))
    x, y, z = (waves[:, k].astype(np.float32) for k in range(3))
    left = (channels.astype(np.float32)[:, :, None] * x[:, None]).reshape(len(x), -1)
    right = (y[:, :, None] * z[:, None]).reshape(len(x), -1)  # (atoms, 24 x 24)
    # NumPy's product: torch makes a kernel anew for every number of atoms.
    return torch.from_numpy((left.T @ right).reshape(CHANNELS, POINTS, POINTS, POINTS))


def voxel_network() -> nn.Module:
    """Return the network: 5 -> 16 -> 32 -> 64 channels, mean over the box, 51 points >= 0."""
    layers: list[nn.Module] = []
    before = CHANNELS
    for after in (16, 32, 64):
        layers += [
            nn.Conv3d(before, after, 3, padding=1), nn.BatchNorm3d(after), nn.ReLU(),
            nn.AvgPool3d(2),
        ]  # fmt: skip
        before = after
    head = [nn.Linear(before, 128), nn.ReLU(), nn.Linear(128, 51), nn.Softplus()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), *head)


def turned(site: Site, rng: np.random.Generator) -> Tensor:
    """Return the densities about a random atom in a random orientation."""
    return voxels(site, int(rng.integers(len(site.positions))), random_rotation(rng))


def stacked(grids: Iterable[Tensor]) -> Tensor:
    """Return (n, 5, 24, 24, 24) grids in the layout that convolutions on a CPU are quickest in."""
    return torch.stack(list(grids)).contiguous(memory_format=torch.channels_last_3d)


def train_voxels(
    sites: list[Site],
    targets: Tensor,
    *,
    epochs: int,
    rotate: bool,
    seed: int,
    after: Callable[[nn.Module, float], None] | None = None,
) -> nn.Module:
    """Return a network trained on crystals and (n, 51) targets.

    `after` gets the network and the mean training error of a pass when the pass is over.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = voxel_network().to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * math.ceil(len(sites) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    still = None if rotate else stacked(voxels(site) for site in sites)
    for _ in range(epochs):
        total = 0.0
        for picked in np.array_split(rng.permutation(len(sites)), math.ceil(len(sites) / BATCH)):
            grids = (
                stacked(turned(sites[k], rng) for k in picked)
                if still is None
                else still[torch.from_numpy(picked)]
            )
            optimizer.zero_grad()
            wanted = targets[torch.from_numpy(picked)]
            loss = functional.mse_loss(normalise(network(grids)), wanted)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(picked)
        if after is not None:
            after(network.eval(), total / len(sites))
            network.train()
    return network.eval()


@torch.no_grad()
def spectra(network: nn.Module, grids: Tensor) -> Tensor:
    """Return the (n, 51) own-maximum spectra of (n, 5, 24, 24, 24) grids."""
    return torch.cat([normalise(network(part)) for part in grids.split(BATCH)])


class Valid:
    """Crystals of valid as stored, turned once, and turned a number of times for a mean."""

    def __init__(self, sites: list[Site], targets: Tensor) -> None:
        rng = np.random.default_rng(DRAWS_SEED)
        self.sites, self.targets = sites, targets
        self.stored = stacked(voxels(site) for site in sites)
        self.turned = stacked(turned(site, rng) for site in sites)

    def errors(self, network: nn.Module) -> tuple[float, float]:
        """Return the mean squared errors as the cells are stored, and turned at random."""
        stored, drawn = (
            float(functional.mse_loss(spectra(network, grids), self.targets))
            for grids in (self.stored, self.turned)
        )
        return stored, drawn

    def error_of_mean(self, network: nn.Module, draws: int) -> float:
        """Return the mean squared error of the mean spectrum over `draws` orientations."""
        rng = np.random.default_rng(DRAWS_SEED)
        total = torch.zeros_like(self.targets)
        for _ in range(draws):
            total += spectra(network, stacked(turned(site, rng) for site in self.sites))
        return float(functional.mse_loss(normalise(total), self.targets))


def valid_errors(network: nn.Module, sites: list[Site], targets: Tensor) -> tuple[float, float]:
    """Return the mean squared errors as the cells are stored, and turned at random."""
    return Valid(sites, targets).errors(network)


class Record:
    """The errors of every pass, one JSON line each, and the weights of the best on valid."""

    def __init__(self, valid: Valid, folder: Path, name: str) -> None:
        self.valid, self.folder, self.name = valid, folder, name
        self.rows: list[dict[str, float]] = []
        self.start = time.process_time()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jsonl").write_text("")

    def __call__(self, network: nn.Module, train: float) -> None:
        stored, drawn = self.valid.errors(network)
        if all(drawn < row["turned"] for row in self.rows):
            weights = {key: value.contiguous() for key, value in network.state_dict().items()}
            save_file(weights, self.folder / f"{self.name}.safetensors")
        spent = round(time.process_time() - self.start)
        row = {"pass": len(self.rows) + 1, "train": train, "stored": stored, "turned": drawn}
        self.rows.append(row)
        with (self.folder / f"{self.name}.jsonl").open("a") as log:
            log.write(json.dumps({**row, "cpu_s": spent}) + "\n")

    def best(self) -> tuple[dict[str, float], nn.Module]:
        """Return the row of the pass that is best on valid, turned, and its network."""
        network = voxel_network()
        network.load_state_dict(load_file(self.folder / f"{self.name}.safetensors"))
        return min(self.rows, key=lambda row: row["turned"]), network.eval()


def read_part(dataset: Dataset, ids: tuple[str, ...]) -> tuple[list[Site], Tensor]:
    """Return the crystals and (n, 51) targets of some records."""
    chosen = dataset.select(ids)
    targets = torch.from_numpy(chosen.targets).float()
    return [sites_of(crystal) for crystal in chosen.crystals()], targets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", type=Path, nargs="?", help="Parquet data set (phonodos data)")
    parser.add_argument("split", type=Path, nargs="?", help="JSON file with the ids of every part")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--rotations", choices=("with", "without"), help="one of the two only")
    parser.add_argument("--folder", type=Path, help="errors of every pass and best weights go here")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.split is None:  # `make bench` has no data
        print("skipped: it takes a data set and a split")
        return
    torch.set_num_threads(1)
    dataset, split = Dataset.open(given.dataset), Split.read(given.split)
    train, held = (read_part(dataset, split.parts[part]) for part in ("train", "valid"))
    mean = train[1].mean(dim=0, keepdim=True).expand_as(held[1])
    constant = float(functional.mse_loss(normalise(mean), held[1]))
    size = sum(p.numel() for p in voxel_network().parameters())
    print(f"voxel network of {size} parameters, {len(train[0])} training crystals, ", end="")
    print(f"{given.epochs} passes, seed {given.seed}; MSE on {len(held[0])} of valid, where the")
    print(f"mean spectrum of train has {constant:.4f}; best: the pass with the least error, turned")
    columns = ("rotations", "pass", "train", "as stored", "turned", f"mean of {DRAWS}", "CPU [s]")
    print(("{:>10}" + 6 * " {:>10}").format(*columns), flush=True)
    valid = Valid(*held)
    with tempfile.TemporaryDirectory() as place:
        for name in ("without", "with") if given.rotations is None else (given.rotations,):
            record = Record(valid, given.folder or Path(place), name)
            train_voxels(
                *train, epochs=given.epochs, rotate=name == "with", seed=given.seed, after=record
            )
            spent = time.process_time() - record.start
            row, network = record.best()
            errors = f"{row['train']:10.4f} {row['stored']:10.4f} {row['turned']:10.4f}"
            averaged = valid.error_of_mean(network, DRAWS)
            print(f"{name:>10} {row['pass']:10d} {errors} {averaged:10.4f} {spent:10.0f}")


if __name__ == "__main__":
    main()
