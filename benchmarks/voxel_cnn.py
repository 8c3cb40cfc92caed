"""A small voxel network on the paper's split, without and with random rotations in training.

What a network must learn that does not know rotations by itself: atoms are Gaussians on a grid of
24 x 24 x 24 points in a box of 12 A around the first atom, one channel each for presence, mass,
period, group and electronegativity; three convolutions and the mean over the box give 51 points.
Spectra are own-maximum, the loss is their mean squared error, as for chen2021. The error on valid
is given twice: as the cells are stored, and turned at random about another atom.

    python benchmarks/voxel_cnn.py dfpt2018.parquet split_paper.json --epochs 24
"""

import argparse
import math
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
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
    # Images within the sphere around the box: the heights of the cell bound their numbers.
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    counts = np.ceil(math.sqrt(3.0) * reach / heights).astype(int) + 1
    images = np.indices(2 * counts + 1).reshape(3, -1).T - counts
    places = (positions[:, None] + (images @ cell)[None]).reshape(-1, 3)
    channels = np.repeat(site.channels, len(images), axis=0)
    inside = (np.abs(places) < reach).all(axis=1)
    axis = (np.arange(POINTS) + 0.5) * BOX / POINTS - BOX / 2.0
    waves = np.exp(-((places[inside][:, :, None] - axis) ** 2) / (2.0 * WIDTH**2))
    x, y, z = (torch.from_numpy(waves[:, k].astype(np.float32)) for k in range(3))
    weighted = torch.from_numpy(channels[inside].astype(np.float32))
    left = (weighted[:, :, None] * x[:, None]).flatten(1)  # (atoms, 5 x 24)
    right = (y[:, :, None] * z[:, None]).flatten(1)  # (atoms, 24 x 24)
    return (left.T @ right).reshape(CHANNELS, POINTS, POINTS, POINTS)


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


def train_voxels(
    sites: list[Site], targets: Tensor, *, epochs: int, rotate: bool, seed: int
) -> nn.Module:
    """Return a network trained on crystals and (n, 51) targets."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = voxel_network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * math.ceil(len(sites) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    still = None if rotate else torch.stack([voxels(site) for site in sites])
    for _ in range(epochs):
        for picked in np.array_split(rng.permutation(len(sites)), math.ceil(len(sites) / BATCH)):
            grids = (
                torch.stack([turned(sites[k], rng) for k in picked])
                if still is None
                else still[torch.from_numpy(picked)]
            )
            optimizer.zero_grad()
            wanted = targets[torch.from_numpy(picked)]
            functional.mse_loss(normalise(network(grids)), wanted).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def valid_errors(network: nn.Module, sites: list[Site], targets: Tensor) -> tuple[float, float]:
    """Return the mean squared errors as the cells are stored, and turned at random."""
    rng = np.random.default_rng(DRAWS_SEED)
    found = []
    for grids in ([voxels(s) for s in sites], [turned(s, rng) for s in sites]):
        rows = [normalise(network(part)) for part in torch.stack(grids).split(BATCH)]
        found.append(float(functional.mse_loss(torch.cat(rows), targets)))
    return found[0], found[1]


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
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.split is None:  # `make bench` has no data
        print("skipped: it takes a data set and a split")
        return
    torch.set_num_threads(1)
    dataset, split = Dataset.open(given.dataset), Split.read(given.split)
    train, valid = (read_part(dataset, split.parts[part]) for part in ("train", "valid"))
    mean = train[1].mean(dim=0, keepdim=True).expand_as(valid[1])
    constant = float(functional.mse_loss(normalise(mean), valid[1]))
    size = sum(p.numel() for p in voxel_network().parameters())
    print(f"voxel network of {size} parameters, {len(train[0])} training crystals, ", end="")
    print(f"{given.epochs} epochs, seed {given.seed}; MSE on {len(valid[0])} of valid")
    print(f"{'training':>18} {'as stored':>10} {'turned':>10} {'CPU [s]':>8}", flush=True)
    print(f"{'mean spectrum':>18} {constant:10.4f} {constant:10.4f} {'':>8}", flush=True)
    for rotate in (False, True):
        start = time.process_time()
        network = train_voxels(*train, epochs=given.epochs, rotate=rotate, seed=given.seed)
        spent = time.process_time() - start
        stored, drawn = valid_errors(network, *valid)
        name = "with rotations" if rotate else "without rotations"
        print(f"{name:>18} {stored:10.4f} {drawn:10.4f} {spent:8.0f}", flush=True)


if __name__ == "__main__":
    main()
