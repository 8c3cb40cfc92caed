"""Make a data set of predictions: what an ensemble says of crystals without a calculation.

    python tools/predicted_records.py TEACHER OUTPUT --like DATASET SPLIT [--like DATASET SPLIT]
        [--structures FILE] [--atoms 40] [--substituted 4000] [--small 12] [--shard K/N] [--seed 1]

Networks that are taught by it learn what those of TEACHER say together, where no calculation is
(distillation: Hinton, Vinyals and Dean, arXiv:1503.02531). Crystals are those of STRUCTURES (lines
of JSON: ``id``, ``lattice``, ``frac_coords``, ``species``, ``formula``; packed or not) that no
`--like` data set has, and small training crystals of these with one element in place of another of
its column, their bonds scaled by covalent radii. No formula of a valid or test part is among them.

A record holds frequencies at wave vectors spread over the zone and at long ones, branch by branch
the mean over members, a spectrum of them, and means of Born charges and dielectric tensors. OUTPUT
is a data set for `[[more]]` of a configuration, beside it OUTPUT.split.json. Its header says who
predicted it, so that the weights do not count these crystals as known (docs/training.md).
"""

import argparse
import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset, crystal_row, write_dataset
from phonodos.datasets.splits import Split
from phonodos.errors import DataError, PhonodosError
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.lattice import LatticeNetwork
from phonodos.model.weights import load_networks, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import dos_from_frequencies
from phonodos.physics.substitution import bond_scale
from phonodos.physics.target import target_of
from phonodos.prediction.lattice_dynamics import LatticeDynamics, lattice_dynamics
from phonodos.training.constant_waves import long_waves
from phonodos.training.lattice_losses import SPREAD
from phonodos.training.lattice_samples import UNSTABLE

POINTS, STATES = 24, 240  # wave vectors of a crystal: so many, and for so many atoms times them
LEAST, MOST = -250.0, 5000.0  # [cm^-1], frequencies beyond are no crystal's
KEPT = 4  # one of so many unstable crystals is kept: far more are than among calculations
TRIES = 6  # substitutions tried in a crystal
NAME = "predicted/"  # before the id of a structure: what is known of it is not a calculation
COLUMNS = (
    "Li Na K Rb Cs", "Be Mg Ca Sr Ba", "Sc Y La", "Ti Zr Hf", "V Nb Ta", "Cr Mo W", "Cu Ag Au",
    "Zn Cd Hg", "B Al Ga In Tl", "C Si Ge Sn Pb", "N P As Sb Bi", "O S Se Te", "F Cl Br I",
    "Ni Pd Pt", "Co Rh Ir", "La Nd Sm Tb Dy Ho Er Tm Lu",
)  # fmt: skip
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What the data sets hold: crystals to substitute in, ids, and formulas that are judged."""

    parents: tuple[Crystal, ...]
    ids: frozenset[str]
    formulas: frozenset[str]
    judged: frozenset[str]
    valid: tuple[str, ...]
    test: tuple[str, ...]


def known_of(likes: Sequence[Sequence[str]], small: int) -> Known:
    """Return what (data set, split) files hold; valid and test ids are those of the first.

    Raises
    ------
    DataError
        If the formula of a material in valid or test is in none of the data sets.
    """
    parents: list[Crystal] = []
    formula: dict[str, str] = {}
    judges: set[str] = set()
    parts: dict[str, tuple[str, ...]] = {}
    for data, divided in likes:
        records, split = Dataset.open(data), Split.read(divided)
        parts = parts or dict(split.parts)
        formula |= dict(zip(records.ids, records.formulas, strict=True))
        judges |= {*split.parts["valid"], *split.parts["test"]}
        taught = records.select(split.parts["train"]).crystals()
        parents += [c for c in taught if c.n_atoms <= small]
    if unknown := sorted(judges - formula.keys()):
        raise DataError(
            f"the formulas of {len(unknown)} materials in valid or test are not known",
            "they are in no data set that was given: " + ", ".join(unknown[:5]),
            "give the data set that holds them as a further --like",
        )
    judged = frozenset(formula[name] for name in judges)
    parents = [c for c in parents if c.formula not in judged]
    return Known(
        tuple(parents), frozenset(formula), frozenset(formula.values()), judged,
        parts["valid"], parts["test"],
    )  # fmt: skip


def structures_of(path: Path, known: Known, most: int) -> Iterator[Crystal]:
    """Yield the crystals of a file of structures that no data set has and nobody is judged by."""
    packed = path.read_bytes()
    text = gzip.decompress(packed) if path.suffix == ".gz" else packed
    for line in text.splitlines():
        record = json.loads(line)
        if record["id"] in known.ids or len(record["species"]) > most:
            continue
        crystal = Crystal.ordered(
            np.array(record["lattice"]), np.array(record["frac_coords"]), record["species"],
            name=NAME + record["id"],
        )  # fmt: skip
        if crystal.formula not in known.judged:
            yield crystal


def partners(symbol: str) -> list[str]:
    """Return the next elements of a column: those farther are too different to stand in."""
    found: dict[str, None] = {}
    for column in COLUMNS:
        symbols = column.split()
        if symbol in symbols:
            k = symbols.index(symbol)
            found |= dict.fromkeys(symbols[max(0, k - 1) : k] + symbols[k + 1 : k + 2])
    return list(found)


def substituted(known: Known, count: int, seed: int) -> Iterator[Crystal]:
    """Yield crystals of training with an element in place of another of its column.

    Their formulas are in no data set, and are all different.
    """
    rng, made = np.random.default_rng(seed), set(known.formulas | known.judged)
    for k in rng.permutation(len(known.parents) * TRIES):
        if count == 0:
            return
        parent = known.parents[k % len(known.parents)]
        old = str(rng.choice(sorted(set(parent.symbols))))
        others = [s for s in partners(old) if s not in parent.symbols]
        if not others:
            continue
        new = str(rng.choice(others))
        crystal = replaced(parent, old, new)
        if crystal.formula not in made:
            made.add(crystal.formula)
            count -= 1
            yield crystal


def replaced(parent: Crystal, old: str, new: str) -> Crystal:
    """Return the crystal with `new` in place of `old`, bonds scaled by covalent radii."""
    symbols = [new if s == old else s for s in parent.symbols]
    made = Crystal.ordered(parent.cell, parent.frac_coords, symbols)
    cell = bond_scale(parent, made) * parent.cell
    return Crystal.ordered(cell, parent.frac_coords, symbols, f"{NAME}{parent.name}:{old}={new}")


def waves_of(crystal: Crystal) -> Array:
    """Return (k, 3) fractional wave vectors: spread evenly from a random one on, and long ones."""
    rng = np.random.default_rng(zlib.crc32(crystal.name.encode()))
    count = max(POINTS, STATES // crystal.n_atoms)
    spread = np.mod(rng.random(3) + np.arange(count)[:, None] * SPREAD, 1.0) - 0.5
    return np.concatenate([spread, long_waves(crystal.reciprocal_cell, rng)])


def members_of(crystal: Crystal, networks: Sequence[LatticeNetwork]) -> list[LatticeDynamics]:
    """Return what every network says of a crystal."""
    graph = bond_crystal(crystal, networks[0].config.cutoff, by_symmetry=True)
    batch = collate_bonded([graph]).to(dtype=networks[0].dtype)
    return [lattice_dynamics(crystal, batch, network(batch), 0, graph) for network in networks]


def record_of(crystal: Crystal, networks: Sequence[LatticeNetwork]) -> dict[str, Any] | None:
    """Return the record of a crystal; None where the networks give nothing sensible.

    And of three quarters of those that they call unstable.
    """
    members, q = members_of(crystal, networks), waves_of(crystal)
    w = np.mean([m.frequencies(q) for m in members], axis=0)
    born = np.mean([m.born_charges for m in members], axis=0)
    dielectric = np.mean([m.dielectric for m in members], axis=0)
    numbers = (w, born, dielectric)
    if not all(np.isfinite(x).all() for x in numbers) or not LEAST < w.min() <= w.max() < MOST:
        return None
    if w.min() < UNSTABLE and zlib.crc32(crystal.name.encode()) % KEPT:
        return None
    spread = w[: max(POINTS, STATES // crystal.n_atoms)]
    dos = dos_from_frequencies(spread, np.full(len(spread), 1.0 / len(spread)))
    return crystal_row(crystal, crystal.name, "predicted") | {
        "dos_frequencies": dos.frequencies.tolist(),
        "dos_densities": dos.densities.tolist(),
        "target": target_of(dos).tolist(),
        "band_qpoints": q.ravel().tolist(),
        "band_frequencies": w.ravel().tolist(),
        "born_charges": born.ravel().tolist(),
        "dielectric": dielectric.ravel().tolist(),
        "born_sound": True,
        "dielectric_sound": True,
    }


def records_of(
    crystals: Iterable[Crystal], networks: Sequence[LatticeNetwork]
) -> Iterator[dict[str, Any]]:
    """Yield the records of crystals; what fails is left out, and said."""
    for crystal in crystals:
        try:
            record = record_of(crystal, networks)
        except PhonodosError as err:
            print(f"{crystal.label} left out: {err}", file=sys.stderr)
            continue
        if record is not None:
            yield record


def main() -> None:
    """Write the data set and its split."""
    parser = argparse.ArgumentParser()
    parser.add_argument("teacher")
    parser.add_argument("output", type=Path)
    parser.add_argument("--like", nargs=2, action="append", required=True)
    parser.add_argument("--structures", type=Path)
    parser.add_argument("--atoms", type=int, default=40)
    parser.add_argument("--substituted", type=int, default=4000)
    parser.add_argument("--small", type=int, default=12)
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    path = weights_path(asked.teacher)
    networks, header = load_networks(path)
    lattices = [network for network in networks if isinstance(network, LatticeNetwork)]
    if len(lattices) < len(networks):
        parser.error(f"{asked.teacher} predicts spectra and no lattice dynamics")
    try:
        known = known_of(asked.like, asked.small)
    except PhonodosError as err:
        parser.error(str(err))
    crystals = list(substituted(known, asked.substituted, asked.seed))
    if asked.structures is not None:
        crystals += structures_of(asked.structures, known, asked.atoms)
    k, n = map(int, asked.shard.split("/"))
    rows = list(records_of(crystals[k - 1 :: n], lattices))
    teacher = {"weights": header.name, "members": header.held}
    if header.checksum is not None:
        teacher["tensors_sha256"] = header.checksum.tensors
    write_dataset(asked.output, rows, {"dataset": "predicted", "predicted_by": teacher})
    parts = {"train": tuple(row["id"] for row in rows), "valid": known.valid, "test": known.test}
    Split(parts).write(asked.output.with_suffix(".split.json"))
    print(f"{len(rows)} records of {len(crystals[k - 1 :: n])} crystals")


if __name__ == "__main__":
    main()
