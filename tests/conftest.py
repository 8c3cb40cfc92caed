"""Shared fixtures: the real data if it is there, small textbook crystals always."""

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import WAVENUMBER_PER_EV

if TYPE_CHECKING:
    from phonodos.model.lattice import LatticeNetwork
    from phonodos.prediction.lattice_dynamics import LatticeDynamics
    from phonodos.prediction.prediction import Prediction


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real data sets; the test skips, and says so, where it is absent."""
    folder = os.environ.get("PHONODOS_SHARED")
    if not folder:
        pytest.skip("real data absent: set PHONODOS_SHARED to the folder that holds dfpt2018/")
    path = Path(folder)
    if not (path / "dfpt2018").is_dir():
        pytest.skip(f"real data absent: no dfpt2018/ in PHONODOS_SHARED={folder}")
    return path


@pytest.fixture(scope="session")
def examples() -> Path:
    """Folder of the example structures that come with the repository."""
    return Path(__file__).parent.parent / "examples"


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers, the same in every test."""
    return np.random.default_rng(20210601)


@pytest.fixture
def rock_salt() -> Crystal:
    """Primitive cell of NaCl, a = 5.64 A."""
    cell = 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"], name="NaCl")


@pytest.fixture
def perovskite() -> Crystal:
    """Cubic SrTiO3, a = 3.905 A."""
    coords = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Crystal.ordered(3.905 * np.eye(3), coords, ["Sr", "Ti", "O", "O", "O"], name="SrTiO3")


@pytest.fixture
def symmetric() -> dict[str, Crystal]:
    """Crystals with two orbits of atoms: quartz (P3_121, no centre), rutile (P4_2/mnm, one)."""
    half, third = 0.5, 1.0 / 3.0
    x, y, z, u = 0.4135, 0.2669, 0.1191, 0.4697
    silicon = [[u, 0, third], [0, u, 2 * third], [-u, -u, 0]]
    oxygen = [
        [x, y, z], [-y, x - y, z + third], [y - x, -x, z + 2 * third],
        [y, x, -z], [x - y, -y, 2 * third - z], [-x, y - x, third - z],
    ]  # fmt: skip
    hexagonal = np.array([[4.913, 0, 0], [-4.913 * half, 4.913 * 0.75**0.5, 0], [0, 0, 5.405]])
    v = 0.3053
    metal = [[0, 0, 0], [half, half, half]]
    anion = [[v, v, 0], [-v, -v, 0], [half + v, half - v, half], [half - v, half + v, half]]
    kinds = ["Si"] * 3 + ["O"] * 6, ["Ti"] * 2 + ["O"] * 4
    return {
        "quartz": Crystal.ordered(hexagonal, silicon + oxygen, kinds[0], name="quartz"),
        "rutile": Crystal.ordered(
            np.diag([4.594, 4.594, 2.959]), metal + anion, kinds[1], name="rutile"
        ),
    }


def dfpt2018_record(crystal: Crystal, material_id: str = "mp-1") -> dict[str, Any]:
    """Return a record in the form of dfpt2018, with its quirks; the last element is the anion."""
    n = crystal.n_atoms
    lengths = np.linalg.norm(crystal.cell, axis=1)
    a, b, c = crystal.cell / lengths[:, None]
    angles = np.degrees(np.arccos([b @ c, a @ c, a @ b]))
    cell = [f"_cell_length_{k} {v:.8f}" for k, v in zip("abc", lengths, strict=True)]
    cell += [
        f"_cell_angle_{k} {v:.8f}" for k, v in zip(("alpha", "beta", "gamma"), angles, strict=True)
    ]
    sites = [
        f" {s} {s}{i} 1 {x:.6f} {y:.6f} {z:.6f} 1"
        for i, (s, (x, y, z)) in enumerate(zip(crystal.symbols, crystal.frac_coords, strict=True))
    ]
    keys = ("type_symbol", "label", "symmetry_multiplicity", *(f"fract_{k}" for k in "xyz"))
    loop = ["loop_", *(f"_atom_site_{key}" for key in (*keys, "occupancy")), *sites]
    space_group = ["_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1"]
    w = np.arange(-0.5, 321.0)
    g = np.where(w > 0, w**2 * np.exp(-(((w - 180) / 60) ** 2)), 0.0)
    g *= 3 * n / np.trapezoid(g, w)
    t = np.arange(5.0, 801.0, 5.0)
    thermal = thermal_properties(PhononDos(w, g, n), t).per("formula", crystal)
    last = np.array([symbol == crystal.symbols[-1] for symbol in crystal.symbols])
    charges = np.where(last, -2.0 * (n - last.sum()) / last.sum(), 2.0)
    return {
        "metadata": {
            "material_id": material_id,
            "nsites": n,
            "structure": "\n".join(["data_x", *space_group, *cell, *loop, ""]),
        },
        "phonon": {
            "dos_frequencies": w.tolist(),
            "ph_dos": (g * WAVENUMBER_PER_EV).tolist(),
            "qpts": [[0.0, 0.0, 0.0], [0.25, 0.0, 0.25], [0.5, 0.0, 0.5]],
            "ph_bandstructure": np.linspace(0, 300, 9 * n).reshape(3, 3 * n).tolist(),
        },
        "dielectric": {
            "becs": (charges[:, None, None] * np.eye(3)).tolist(),
            "eps_electronic": (2.5 * np.eye(3)).tolist(),
            "eps_total": (6.0 * np.eye(3)).tolist(),
        },
        "thermo": {
            "temperature": t.tolist(),
            "C_v": thermal.heat_capacity.tolist(),
            "entropy": thermal.entropy.tolist(),
            "internal": thermal.internal_energy.tolist(),
            "helmholtz_energy": thermal.free_energy.tolist(),
        },
        "flags": {
            "has_neg_fr": False,
            "small_q_neg_fr": False,
            "large_asr_break": "False",
            "large_cnsr_break": "True",
        },
    }


@pytest.fixture(scope="session")
def make_record() -> Callable[..., dict[str, Any]]:
    """Function (crystal, id) -> a record in the form of dfpt2018."""
    return dfpt2018_record


@contextmanager
def _full_disk(room: int = 0) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full_disk() -> Callable[..., AbstractContextManager[None]]:
    """Function (room=0): in its block no file of this process grows beyond `room` bytes."""
    return _full_disk


class Server(ThreadingHTTPServer):
    """A web server on this machine whose answer a test chooses."""

    daemon_threads = True
    content = b""
    status = 200
    kind = "application/octet-stream"
    ranges = True
    etag: str | None = '"one"'
    cut_after: int | None = None  # bytes, then the connection breaks
    announce = True  # the length of the content

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str | None] = []  # Range header of every request

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/archive"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        start, status = 0, server.status
        if wanted and server.ranges and self.headers.get("If-Range") == server.etag:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(server.content):
                start, status = len(server.content), 416
        body = server.content[start:]
        self.send_response(status)
        self.send_header("Content-Type", server.kind)
        if server.announce:
            self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        if status == 206:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(body if server.cut_after is None else body[: server.cut_after])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A running `Server`."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def low_symmetry() -> Crystal:
    """Triclinic, polar, without any symmetry, four kinds of atoms."""
    cell = np.array([[4.1, 0.3, -0.2], [0.9, 4.6, 0.4], [-0.7, 0.5, 5.2]])
    coords = [[0.02, 0.01, 0.07], [0.48, 0.55, 0.41], [0.11, 0.52, 0.83], [0.62, 0.07, 0.65]]
    return Crystal.ordered(cell, coords, ["Ga", "As", "O", "Mg"], name="triclinic")


@pytest.fixture(scope="session")
def lattice_network() -> "LatticeNetwork":
    """A small network of lattice dynamics with random weights, in double precision."""
    import torch

    from phonodos.model.lattice import LatticeConfig, LatticeNetwork
    from phonodos.training.module import NetworkModule

    torch.manual_seed(20210601)
    config = LatticeConfig(
        learned=3, tabulated=4, bessel=4, gaussians=5, embedding=8, cutoff=5.0,
        hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+4x1e+4x2e"), radial_hidden=(12,), neighbours=30.0,
        head=(6, 3, 3), head_hidden=(12,), head_mixed=3, charge_hidden=8,
    )  # fmt: skip
    network = NetworkModule(LatticeNetwork, config).double().frozen()
    assert isinstance(network, LatticeNetwork)
    # Random weights make spheres: charges of order one and tensors away from them are wanted.
    for name, weight in network.parameters.items():
        if name == "charges.mlp.2.weight":
            weight *= 30.0
        if name.startswith(("charges.tensors", "springs.ends")) and not name.endswith("0e"):
            weight *= 300.0
    return network


@pytest.fixture(scope="session")
def lattice_of(lattice_network: "LatticeNetwork") -> Callable[[Crystal], "LatticeDynamics"]:
    """Function (crystal) -> its lattice dynamics as the random network has them."""
    from phonodos.model.bonds import bond_crystal
    from phonodos.prediction.lattice_dynamics import lattice_dynamics

    def find(crystal: Crystal) -> "LatticeDynamics":
        bonded = bond_crystal(crystal, lattice_network.config.cutoff)
        return lattice_dynamics(crystal, bonded, lattice_network(bonded))

    return find


@pytest.fixture(scope="session")
def sprung() -> Callable[..., "LatticeDynamics"]:
    """Function (crystal, born, dielectric, stiffness) -> a crystal of central springs.

    Springs of k exp(-(r - 2 A) / 0.6 A) between atoms up to 5 A apart, `stiffness` k [eV/A^2].
    """
    from phonodos.model.bonds import bond_crystal
    from phonodos.model.harmonic import harmonic_of
    from phonodos.model.lattice import Lattice
    from phonodos.prediction.lattice_dynamics import LatticeDynamics

    def find(
        crystal: Crystal, born: Any = None, dielectric: Any = None, stiffness: float = 5.0
    ) -> LatticeDynamics:
        bonded = bond_crystal(crystal, 5.0)
        r = np.asarray(bonded.vectors)
        length = np.linalg.norm(r, axis=1)
        k = stiffness * np.exp(-(length - 2.0) / 0.6) / length**2
        n = crystal.n_atoms
        charges = np.zeros((n, 3, 3)) if born is None else np.asarray(born, dtype=np.float64)
        eps = np.eye(3) if dielectric is None else np.asarray(dielectric, dtype=np.float64)
        lattice = Lattice(
            force_constants=-k[:, None, None] * r[:, :, None] * r[:, None, :],
            born=charges,
            dielectric=eps[None],
            stiffness=np.ones(len(r)),
        )
        return LatticeDynamics(crystal, harmonic_of(bonded, lattice, 0, bonded))

    return find


@pytest.fixture(scope="session")
def predicted() -> Callable[..., "Prediction"]:
    """Function (lattice, *members, **more) -> a prediction as a network would make it."""
    from phonodos.prediction.prediction import Prediction

    def make(lattice: "LatticeDynamics", *members: "LatticeDynamics", **more: Any) -> Prediction:
        dos = PhononDos(
            np.arange(4.0), np.full(4, lattice.crystal.n_atoms), lattice.crystal.n_atoms
        )
        crystal = more.pop("crystal", lattice.crystal)
        return Prediction(crystal, dos, lattice, "springs", (), member_lattices=members, **more)

    return make


@pytest.fixture
def header() -> dict[str, Any]:
    """A header of weights as training writes it, with made-up numbers."""
    valid = {"mse": 0.05, "mae": 0.1, "r2": 0.5, "wd": 40.0}
    curve = [
        {"epoch": k, "train_loss": 0.1 / (k + 1), "valid": {**valid, "mse": 0.06 - 0.005 * k}}
        for k in range(3)
    ]
    return {
        "format_version": 1,
        "name": "made-up",
        "network": {
            "kind": "spectrum",
            "cutoff": 5.0,
            "cutoff_width": 1.0,
            "hidden": ["32x0e+32x1o", "32x0e+32x1o+32x1e"],
            "readout": "sum",
        },
        "target": {"window": 101, "step_cm-1": 20.0},
        "split": {"train": ["a", "b", "c"], "valid": ["d"], "test": ["e", "f"]},
        "training_elements": {"Na": 40, "Cl": 41, "Tc": 2},
        "training_formulas": ["NaCl", "TcCl4"],
        "training": {
            "config": {"dtype": "float64", "epochs": 64, "optimizer": {"lr": 0.005}},
            "data": {"citation": "Nobody (2000)", "sources": [{"kind": "dfpt2018"}]},
            "epoch": 2,
            "curve": curve,
        },
        "versions": {"torch": "9.9"},
    }


@pytest.fixture
def metrics() -> dict[str, Any]:
    """The metrics of an evaluation as `evaluate` writes them, with made-up numbers."""
    numbers = {
        "spectrum": {"mse": 0.0123, "r2": 0.8, "wd": 20.0, "within_10_percent": 0.75},
        "full": {"heat_capacity_mae": 0.321, "imaginary": {"f1": None}},
        "features": {"gap_f1": 0.5},
    }
    return {
        "n": 7,
        "model": "made-up",
        "data": ["dfpt2018"],
        "part": "valid",
        "n_failed": 2,
        **numbers,
        "born": {"mae": 0.0625},
        "groups": {"hydrogen": {"n": 3, **numbers}, "error quartile 1": {"n": 2, **numbers}},
        "failed": {"x": "no neighbours"},
    }


@pytest.fixture(scope="session")
def lattice_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of a small random network of lattice dynamics."""
    from phonodos.model.lattice import LatticeConfig, LatticeNetwork
    from phonodos.model.weights import save_network

    config = LatticeConfig(
        learned=2, tabulated=3, bessel=3, gaussians=3, embedding=6, cutoff=4.5,
        hidden=("6x0e+2x1o+2x2e",), radial_hidden=(6,), head=(4, 2, 2), head_hidden=(6,),
        head_mixed=2, charge_hidden=4,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    header = {"name": "small", "target": {}, "split": {}, "training": {}, "training_elements": {}}
    save_network(path, LatticeNetwork.untrained(config, seed=1).to(dtype=np.float32), header)
    return path


@pytest.fixture
def taught() -> dict[str, Any]:
    """What headers of small networks say of a training that never was."""
    return {
        "target": {}, "split": {"train": ["a"], "valid": ["b"], "test": ["c"]}, "training": {},
        "training_elements": {"Na": 20, "Cl": 20}, "training_formulas": ["NaCl"],
    }  # fmt: skip


@pytest.fixture
def write_networks(tmp_path: Path, taught: dict[str, Any]) -> Callable[..., list[Path]]:
    """Return a function: the files of so many untrained networks of a configuration."""
    from phonodos.model.lattice import LatticeNetwork
    from phonodos.model.weights import save_network

    def write(config: Any, count: int) -> list[Path]:
        paths = [tmp_path / f"{seed}.safetensors" for seed in range(count)]
        for seed, path in enumerate(paths):
            network = LatticeNetwork.untrained(config, seed).to(dtype=np.float32)
            save_network(path, network, {"name": f"m{seed}", **taught})
        return paths

    return write
