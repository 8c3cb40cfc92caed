"""Make a teacher of strain: frequencies of strained training crystals by an interatomic potential.

    pip install '.[train,teacher]'
    python tools/strain_teacher.py DATASET SPLIT OUTPUT [--kinds isotropic uniaxial shear]
        [--size 0.02] [--atoms 24] [--supercell 160] [--displacements 40] [--shard K/N]
        [--time-limit SECONDS] [--potential 7net-l3i5]

OUTPUT grows by a line of JSON a crystal of the `train` part, in the form `phonodos train` reads
(`strain.teacher`); crystals that are there already are passed over, so a run goes on where it was
stopped. Atoms keep their fractional coordinates. Forces are those of displaced atoms in supercells
whose faces are 8.8 A apart, both signs; frequencies those at the waves that fit the supercell,
without a non-analytic term. A potential is soft, and of another functional: ratios of strained and
unstrained frequencies are the lesson, not values (docs/decisions/0015).

Strains: `isotropic` of both signs; `uniaxial` along the third lattice vector, of both signs;
`shear` of that direction against one at a right angle to it. A potential takes 10 s to minutes a
crystal of a dozen atoms and kind.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.force_constants import commensurate_points
from phonodos.datasets.splits import Split
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import strained
from phonodos.physics.units import THZ_PER_WAVENUMBER

REACH = 8.8  # [A], least distance of opposite faces of a supercell
DISPLACEMENT = 0.02  # [A]
KINDS = ("isotropic", "uniaxial", "shear")
Array = NDArray[np.float64]


class TooCostlyError(Exception):
    """A crystal whose frequencies would take too long."""


def strains_of(crystal: Crystal, kinds: Sequence[str], size: float) -> list[Any]:
    """Return the strains of a crystal, 0 first: numbers, and symmetric tensors as lists.

    Tensors are in the frame of the cell, and of the same size as a strain of `size` along one axis.
    """
    along = crystal.cell[2] / np.linalg.norm(crystal.cell[2])
    side = crystal.cell[0] - (crystal.cell[0] @ along) * along
    side /= np.linalg.norm(side)
    uniaxial = np.outer(along, along)
    shear = (np.outer(along, side) + np.outer(side, along)) / 2.0**0.5
    found: list[Any] = [0.0]
    for kind in kinds:
        if kind == "isotropic":
            found += [-size, size]
        elif kind == "uniaxial":
            found += [(-size * uniaxial).tolist(), (size * uniaxial).tolist()]
        else:
            found.append((size * shear).tolist())
    return found


def supercell_of(crystal: Crystal, most: int) -> NDArray[np.int64]:
    """Return the multiples of the cell's vectors; raises `TooCostlyError` beyond so many atoms."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
    times = np.maximum(1, np.ceil(REACH / heights)).astype(np.int64)
    if (atoms := int(times.prod()) * crystal.n_atoms) > most:
        raise TooCostlyError(f"its supercell has {atoms} atoms")
    return np.asarray(times)


def frequencies_of(
    crystal: Crystal, times: NDArray[np.int64], calculator: Any, most: int
) -> tuple[Array, Array]:
    """Return (k, 3) fractional wave vectors that fit the supercell, (k, 3n) frequencies [cm^-1].

    Raises `TooCostlyError` where more than `most` displacements are needed.
    """
    from ase import Atoms
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    atoms = PhonopyAtoms(
        symbols=list(crystal.symbols), cell=crystal.cell, scaled_positions=crystal.frac_coords
    )
    phonons = Phonopy(atoms, np.diag(times), primitive_matrix=np.eye(3), log_level=0)
    phonons.generate_displacements(distance=DISPLACEMENT, is_plusminus=True)
    cells = phonons.supercells_with_displacements
    if len(cells) > most:
        raise TooCostlyError(f"it needs {len(cells)} displacements")
    forces = []
    for cell in cells:
        displaced = Atoms(
            cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True
        )
        displaced.calc = calculator
        forces.append(displaced.get_forces())
    phonons.forces = np.array(forces)
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()
    points = commensurate_points(np.diag(times))
    phonons.run_qpoints(points)
    return points, np.asarray(phonons.qpoints.frequencies) / THZ_PER_WAVENUMBER


def line_of(
    crystal: Crystal, strains: Sequence[Any], calculator: Any, most_atoms: int, most: int
) -> dict[str, Any]:
    """Return the line of a crystal; raises `TooCostlyError` beyond what is given as most."""
    times = supercell_of(crystal, most_atoms)
    points, found = np.zeros((0, 3)), []
    for strain in strains:
        given = strain if isinstance(strain, float) else np.array(strain)
        points, w = frequencies_of(strained(crystal, given), times, calculator, most)
        found.append(w.round(2).tolist())
    return {
        "id": crystal.name,
        "formula": crystal.formula,
        "supercell": times.tolist(),
        "strains": list(strains),
        "qpoints": points.round(6).tolist(),
        "frequencies": found,
    }


def drawn(dataset: Path, split: Path, most_atoms: int, shard: tuple[int, int]) -> list[Crystal]:
    """Return the small ordered crystals of the part train, in an order that is always the same."""
    records = Dataset.open(dataset)
    ids = sorted(Split.read(split).parts["train"])
    records = records.select(ids)
    crystals = {c.name: c for c in records.crystals() if c.n_atoms <= most_atoms}
    order = np.random.default_rng(5).permutation(len(ids))[shard[0] - 1 :: shard[1]]
    return [crystals[ids[k]] for k in order if ids[k] in crystals]


def done(path: Path) -> set[str]:
    """Return the ids of a file that was begun; a line that was cut off is taken out."""
    if not path.exists():
        return set()
    whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    path.write_text("".join(whole))
    return {json.loads(line)["id"] for line in whole}


def lines(
    crystals: Sequence[Crystal], calculator: Any, asked: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield the lines of crystals until the time is over; says what is left out and why."""
    start = time.monotonic()
    for crystal in crystals:
        if time.monotonic() - start > asked.time_limit:
            return
        strains = strains_of(crystal, asked.kinds, asked.size)
        try:
            yield line_of(crystal, strains, calculator, asked.supercell, asked.displacements)
        except Exception as err:  # one crystal's failure, of phonopy or of the potential
            print(f"{crystal.label} left out: {err}", file=sys.stderr, flush=True)


def _shard(text: str) -> tuple[int, int]:
    k, n = map(int, text.split("/"))
    if not 1 <= k <= n:
        raise argparse.ArgumentTypeError("write the shard as K/N, K from 1 to N")
    return k, n


def main() -> None:
    """Append lines to the output."""
    parser = argparse.ArgumentParser()
    for name in ("dataset", "split", "output"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["isotropic"])
    parser.add_argument("--size", type=float, default=0.02)
    parser.add_argument("--atoms", type=int, default=24)
    parser.add_argument("--supercell", type=int, default=160)
    parser.add_argument("--displacements", type=int, default=40)
    parser.add_argument("--shard", type=_shard, default=(1, 1))
    parser.add_argument("--time-limit", type=float, default=np.inf)
    parser.add_argument("--potential", default="7net-l3i5")
    asked = parser.parse_args()
    try:
        from sevenn.calculator import SevenNetCalculator
    except ImportError:
        parser.error("the potential is missing: pip install '.[teacher]'")
    calculator = SevenNetCalculator(asked.potential, device="cpu")
    known = done(asked.output)
    crystals = drawn(asked.dataset, asked.split, asked.atoms, asked.shard)
    left = [c for c in crystals if c.name not in known]
    with asked.output.open("a") as file:
        for line in lines(left, calculator, asked):
            file.write(json.dumps(line) + "\n")
            file.flush()
            print(f"{line['id']} {line['formula']}", flush=True)


if __name__ == "__main__":
    main()
