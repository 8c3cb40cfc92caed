"""Time of building the crystal graph, ours (vesin) beside ASE's neighbour list, in one run."""

import statistics
import time

import ase
from ase.neighborlist import neighbor_list
from crystals import synthetic_crystals

from phonodos.model.graph import build_graph

CUTOFF = 5.0
REPEATS = 5


def main() -> None:
    print(f"{'atoms':>6} {'phonodos [ms]':>14} {'ASE [ms]':>9} {'ratio':>6}")
    for n_atoms in (2, 8, 32, 128, 512):
        crystals = synthetic_crystals(max(2, 64 // n_atoms), n_atoms)
        atoms = [
            ase.Atoms(c.symbols, cell=c.cell, scaled_positions=c.frac_coords, pbc=True)
            for c in crystals
        ]
        ours, theirs = [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            for crystal in crystals:
                build_graph(crystal, CUTOFF)
            middle = time.perf_counter()
            for a in atoms:
                neighbor_list("ijD", a, CUTOFF)
            ours.append((middle - start) / len(crystals) * 1e3)
            theirs.append((time.perf_counter() - middle) / len(crystals) * 1e3)
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{n_atoms:6d} {a:14.3f} {b:9.3f} {b / a:6.1f}")


if __name__ == "__main__":
    main()
