"""Lattice dynamics with one network: structure to DOS and its parts, many crystals, 200 atoms.

Times are those of the processor (one thread), so that other work on the machine does not count.

    python benchmarks/lattice.py [WEIGHTS]
"""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from crystals import synthetic_crystals
from scipy.stats import wasserstein_distance

from phonodos.model.bonds import bond_crystal
from phonodos.model.dynamics import frequencies, settled
from phonodos.model.harmonic import harmonic_of
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import (
    MESH_LENGTH,
    QMesh,
    dos_from_frequencies,
    irreducible_mesh,
    refined,
)
from phonodos.physics.primitive import primitive_cell
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.phonopy_export import phonopy_basis, to_phonopy
from phonodos.prediction.predictor import Predictor, load
from phonodos.structures.reading import read_crystal

EXAMPLES = Path(__file__).parent.parent / "examples"
REPEATS = 20


def predictor() -> Predictor:
    """Return the weights of the command line, or a network of the default size at random."""
    if len(sys.argv) > 1:
        return load(sys.argv[1], members=1, check=False)
    network = LatticeNetwork.untrained(LatticeConfig()).to(dtype=np.float32)
    return Predictor([network], {"name": "random weights", "training_elements": {}})


def clock(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return processor time a call [ms], after one call to warm up."""
    work()
    start = time.process_time()
    for _ in range(repeats):
        work()
    return 1e3 * (time.process_time() - start) / repeats


def memory() -> float:
    """Return the largest memory held so far [GiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def shares(model: Predictor, crystal: Crystal) -> None:
    """Print the time of the parts of one prediction."""
    network, cutoff = model.networks[0], model.networks[0].config.cutoff
    assert isinstance(network, LatticeNetwork)
    cell = primitive_cell(crystal).crystal
    graph = bond_crystal(cell, cutoff)
    lattice = network(graph)
    harmonic = harmonic_of(graph, lattice, 0, graph)
    mesh = irreducible_mesh(cell, MESH_LENGTH)
    q = mesh.qpoints
    matrices = list(LatticeDynamics(cell, harmonic).equivalent_matrices(q))
    w = np.concatenate([frequencies(m) for m in matrices])
    parts = {
        "primitive cell": lambda: primitive_cell(crystal),
        "bonds": lambda: bond_crystal(cell, cutoff),
        "network": lambda: network(graph),
        "mesh (symmetry)": lambda: irreducible_mesh(cell, MESH_LENGTH),
        "sum rules": lambda: settled(harmonic),
        "these, matrices": lambda: list(LatticeDynamics(cell, harmonic).equivalent_matrices(q)),
        "diagonalisation": lambda: [frequencies(m) for m in matrices],
        "spectrum": lambda: spectrum_of(mesh, w),
    }
    times = {name: clock(work) for name, work in parts.items()}
    whole = clock(lambda: next(model.predict_many([crystal])))
    print(
        f"{crystal.label}: {cell.n_atoms} atoms, {len(graph.forward)} bonds, mesh "
        f"{'x'.join(map(str, mesh.divisions))} of which {len(q)} points; "
        f"structure to DOS {whole:.1f} ms"
    )
    for name, value in times.items():
        print(f"  {name:18s} {value:7.2f} ms {100 * value / whole:5.1f} %")


def spectrum_of(mesh: QMesh, w: np.ndarray) -> PhononDos:
    """Return the spectrum of frequencies at the irreducible points of a mesh."""
    finer = refined(mesh, w)
    finer = finer.reshape(-1, finer.shape[2])
    return dos_from_frequencies(finer, np.full(len(finer), 1.0 / len(finer)))


def many(model: Predictor) -> None:
    """Print crystals a second, of one size and of mixed sizes."""
    sizes = (2, 4, 5, 8, 8, 10, 14, 24)
    mixed = [synthetic_crystals(1, n_atoms=n, seed=10 * n + k)[0] for k in range(8) for n in sizes]
    for name, crystals in (("8 atoms", synthetic_crystals(64)), ("2 to 24 atoms", mixed)):
        each = clock(lambda c=crystals: list(model.predict_many(c)), 1) / len(crystals)
        print(f"predict_many, {name}: {1e3 / each:.0f} crystals a second of one processor")


def large(model: Predictor) -> None:
    """Print time and memory of 200 atoms."""
    crystal = synthetic_crystals(1, n_atoms=200)[0]
    before, start = memory(), time.process_time()
    prediction = next(model.predict_many([crystal]))
    seconds = time.process_time() - start
    points = len(prediction.lattice.mesh().qpoints)
    print(
        f"200 atoms: {seconds:.1f} s, {points} points, "
        f"peak {memory():.2f} GiB ({before:.2f} before)"
    )


def ensemble(crystals: list[Crystal]) -> None:
    """Print the time of all members of the weights of the command line, beside one."""
    one, every = load(sys.argv[1], members=1, check=False), load(sys.argv[1])
    for crystal in crystals:
        first = clock(lambda c=crystal: next(one.predict_many([c])), 5)
        whole = clock(lambda c=crystal: next(every.predict_many([c])), 5)
        print(
            f"{crystal.label}: {len(every.networks)} members {whole:.1f} ms, "
            f"one {first:.1f} ms (x {whole / first:.1f})"
        )


def against_phonopy(lattice: LatticeDynamics) -> None:
    """Print the time of phonopy for the same DOS from the same force constants."""
    mesh = lattice.mesh()
    phonon = to_phonopy(lattice)
    q = mesh.qpoints @ phonopy_basis(lattice.crystal.cell).T
    q -= np.rint(q)
    ours = clock(lambda: lattice.dos(mesh), 5)
    theirs = clock(lambda: phonon.run_qpoints(q), 5)
    export = clock(lambda: to_phonopy(lattice), 2)
    distance = np.abs(
        phonon.qpoints.frequencies / THZ_PER_WAVENUMBER - lattice.frequencies(mesh.qpoints)
    ).mean()
    print(
        f"{lattice.crystal.label}: DOS from force constants {ours:.1f} ms, phonopy at the same "
        f"points {theirs:.1f} ms (x {theirs / ours:.1f}; {distance:.3f} cm^-1 apart); "
        f"export to phonopy {export:.0f} ms"
    )


def convergence(lattice: LatticeDynamics) -> float:
    """Return the WD [cm^-1] of the default DOS from that of a mesh four times as dense an axis."""
    found = lattice.dos(), lattice.dos(lattice.mesh(4.0 * MESH_LENGTH))
    axes = [d.frequencies for d in found]
    return float(wasserstein_distance(*axes, *(np.clip(d.densities, 0, None) for d in found)))


def main() -> None:
    """Print everything."""
    model = predictor()
    print(f"{model.name}, one member, processor time of one thread")
    large(model)  # first: the largest memory is that of the whole run
    shares(model, synthetic_crystals(1)[0])
    shares(model, read_crystal(EXAMPLES / "SrTiO3.cif"))
    if len(sys.argv) > 1:
        ensemble([synthetic_crystals(1)[0], read_crystal(EXAMPLES / "SrTiO3.cif")])
    many(model)
    lattices = []
    for path in sorted(EXAMPLES.glob("*.cif")):
        crystal = read_crystal(path)
        if crystal.is_ordered:
            lattices.append(next(model.predict_many([crystal])).lattice)
    for lattice in lattices:
        if lattice.crystal.label in ("SrTiO3", "MgO", "Al2O3"):
            against_phonopy(lattice)
    for lattice in lattices:
        print(
            f"mesh of {MESH_LENGTH:g} A, {lattice.crystal.label}: "
            f"WD {convergence(lattice):.2f} cm^-1"
        )
    large(model)


if __name__ == "__main__":
    main()
