"""One finished phonopy calculation: its files in, force constants and tensors out."""

import contextlib
import io
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.force_constants import SupercellConstants
from phonodos.datasets.phonopy.files import CONSTANT_FILES, WHAT_IT_NEEDS, Parts, named, read_parts
from phonodos.datasets.soundness import sound_dielectric
from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dipole import COULOMB
from phonodos.physics.space_group import SpaceGroup
from phonodos.physics.units import THZ_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING
from phonodos.structures.objects import crystal_from_phonopy
from phonodos.structures.sites import number

UNIT_TOLERANCE = 0.02  # of e^2; 14.4 eV A is a usual way to write 14.39965
SYMMETRY_ROUNDS = 10  # alternating permutation and translation; one leaves 0.01 eV/A^2 of either
# Of 259 calculations of phonondb half are below 0.001, of all 4,085 ten above 0.2; of those read
# with the numbers of DIM in another order most are between 0.2 and 0.7.
LARGEST_ASYMMETRY = 0.2
_THZ = WAVENUMBER_PER_SQRT_SPRING * THZ_PER_WAVENUMBER  # sqrt(eV/(A^2 amu)) in THz


@dataclass(frozen=True, eq=False)
class PhonopyCalculation:
    """A calculation in phonopy's primitive cell, in A and eV.

    Parameters
    ----------
    crystal
        Primitive cell, atoms in phonopy's order.
    constants
        Total force constants of the supercell.
    born_charges, dielectric
        (n, 3, 3) [e], first index field, second displacement, and (3, 3); None without BORN.
    phonon
        The Phonopy object, in the units of its calculator; frequencies in THz, with the
        non-analytic term if the calculation `is_polar`.
    """

    crystal: Crystal
    constants: SupercellConstants
    born_charges: NDArray[np.float64] | None
    dielectric: NDArray[np.float64] | None
    phonon: Any

    @property
    def is_polar(self) -> bool:
        """Whether there is a dipole term: Born charges, in a dielectric tensor of an insulator."""
        return self.dielectric is not None and sound_dielectric(self.dielectric)

    @property
    def space_group(self) -> SpaceGroup:
        """The operations that phonopy (spglib) found, and where they send the atoms."""
        symmetry = self.phonon.primitive_symmetry
        found = symmetry.symmetry_operations
        return SpaceGroup(
            np.array(found["rotations"], dtype=np.int64),
            np.array(found["translations"], dtype=np.float64),
            permutations=np.array(symmetry.atomic_permutations, dtype=np.int64),
        )


def read_calculation(
    files: Mapping[str, bytes], name: str, *, known_sound: bool = False
) -> PhonopyCalculation:
    """Return the calculation in a set of files (name without folder -> content).

    Raises
    ------
    DataError
        If a file is missing or unreadable, or files do not belong together.
    """
    with quiet(), tempfile.TemporaryDirectory(prefix="phonodos-") as place:
        folder = Path(place)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        parts = read_parts(folder)
        phonon, scale = _build(parts, folder)
        _force_constants(phonon, parts, folder)
        symmetrise(phonon, known_sound=known_sound)
        per_spring = (float(phonon.unit_conversion_factor) / _THZ) ** 2
        coulomb = COULOMB / per_spring / scale**3  # e^2 in the calculator's units
        born, eps = _tensors(phonon, parts, folder, coulomb)
        _check_finite("force constants", phonon.force_constants)
        if born is not None and eps is not None and sound_dielectric(eps):
            phonon.nac_params = {
                "born": born,
                "dielectric": eps,
                "factor": coulomb,
                "method": "gonze",
            }
        return _calculation(phonon, born, eps, scale, per_spring, name)


def symmetrise(phonon: Any, *, known_sound: bool = False) -> None:
    """Make the force constants obey Phi_ij = Phi_ji^T and the sum rule; refuse what is far off.

    Forces that were calculated in a supercell of another shape and as many atoms are read without
    complaint, but the constants that come of them are not symmetric.

    Parameters
    ----------
    phonon
        Phonopy object with compact force constants, which are changed.
    known_sound
        Whether the supercell is beyond doubt, as in a published data base.

    Raises
    ------
    DataError
        If more than a fifth of them (root of the sum of squares, on-site terms left out) changes.
    """
    raw = phonon.force_constants.copy()
    with named("the force constants cannot be symmetrised", "check the forces"):
        phonon.symmetrize_force_constants(level=SYMMETRY_ROUNDS, show_drift=False)
    change = phonon.force_constants - raw
    itself = phonon.primitive.p2s_map
    for values in (raw, change):  # the on-site terms are large, and are made to fit the sum rule
        values[np.arange(len(itself)), itself] = 0.0
    share = float(np.linalg.norm(change)) / max(float(np.linalg.norm(raw)), 1e-12)
    if share > LARGEST_ASYMMETRY and not known_sound:
        raise DataError(
            "the forces do not fit the supercell",
            f"{share:.0%} of their force constants break the symmetry Phi_ij = Phi_ji^T or the sum "
            f"rule, more than {LARGEST_ASYMMETRY:.0%}",
            "check DIM, the order of its numbers too, and that FORCE_SETS is of this cell; if all "
            "is right, let phonopy write symmetric FORCE_CONSTANTS and give those",
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep phonopy's prints and warnings from the user: they name no entry."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _build(parts: Parts, folder: Path) -> tuple[Any, float]:
    from phonopy import Phonopy

    with named("phonopy cannot build the supercell", "check DIM and PRIMITIVE_AXES"):
        phonon = Phonopy(
            parts.unit_cell,
            supercell_matrix=parts.supercell,
            primitive_matrix=parts.primitive,
            calculator=parts.calculator,
        )
    listed = folder / "disp.yaml"
    if listed.is_file():
        row = r"^- \[([^\]\n]{1,400})\]"
        text = listed.read_text(encoding="utf-8", errors="replace")
        found = [match[1] for match in islice(re.finditer(row, text, re.MULTILINE), 3)]
        with named("disp.yaml is not readable", "write it again with phonopy -d, or leave it out"):
            cell = [[number(v) for v in line.split(",")] for line in found if line.count(",") == 2]
        if len(cell) == 3 and not np.allclose(cell, phonon.supercell.cell, atol=1e-3):
            raise DataError(
                "DIM does not fit the calculation",
                "the supercell of phonopy.conf is not that of disp.yaml",
                "correct DIM in phonopy.conf",
            )
    return phonon, parts.scale


def _force_constants(phonon: Any, parts: Parts, folder: Path) -> None:
    """Give the Phonopy object compact force constants from what there is."""
    from phonopy.file_IO import parse_FORCE_SETS

    n_supercell = len(phonon.supercell)
    constants = parts.constants
    if constants is None:
        file = next((f for f in CONSTANT_FILES if (folder / f).is_file()), None)
        if file is not None:
            with named(f"{file} is not readable", "write it again with phonopy"):
                constants = _read_constants(folder / file, phonon)
    if constants is not None:
        if constants.shape[1:] != (n_supercell, 3, 3) or len(constants) not in (
            n_supercell,
            len(phonon.primitive),
        ):
            raise _wrong_supercell("force constants", constants.shape[1], n_supercell)
        if len(constants) == n_supercell and n_supercell != len(phonon.primitive):
            constants = constants[phonon.primitive.p2s_map]
        phonon.force_constants = np.array(constants, dtype="double", order="C")
    else:
        dataset = parts.dataset
        if not _has_forces(dataset):
            if not (folder / "FORCE_SETS").is_file():
                raise DataError("no forces", "FORCE_SETS is missing", WHAT_IT_NEEDS)
            with named("FORCE_SETS is not readable", "write it again with phonopy -f"):
                text = _plain_numbers(folder / "FORCE_SETS")
                first = text.lstrip().split("\n", 1)[0]
                listed = int(first) if len(first.split()) == 1 else n_supercell
                dataset = parse_FORCE_SETS(natom=listed, filename=str(folder / "FORCE_SETS"))
        _produce(phonon, dataset)


def _read_constants(path: Path, phonon: Any) -> Any:
    """Return force constants of a file, once it holds as many as it claims."""
    from phonopy.file_IO import parse_FORCE_CONSTANTS, read_force_constants_hdf5

    order = phonon.primitive.p2s_map
    if path.name == "FORCE_CONSTANTS":
        text = _plain_numbers(path)
        sizes = [int(word) for word in text.split("\n", 1)[0].split()]
        if 4 * sizes[0] * sizes[-1] > text.count("\n") + 1:
            raise ValueError(f"it ends before {sizes[0]} times {sizes[-1]} tensors")
        return parse_FORCE_CONSTANTS(filename=str(path), p2s_map=order)
    _check_hdf5(path, len(phonon.supercell))
    return read_force_constants_hdf5(filename=str(path), p2s_map=order)


def _check_hdf5(path: Path, n_supercell: int) -> None:
    """Refuse what claims more numbers than the supercell has, and what lies in other files.

    A few kilobytes, compressed or never written, stand for arrays of any size.
    """
    import h5py

    with h5py.File(path, "r") as file:
        key = "fc2" if "fc2" in file else "force_constants"
        for name in {key, "p2s_map"} & set(file):
            entry, link = file[name], file.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink) or not isinstance(entry, h5py.Dataset):
                raise ValueError(f"{name} leads elsewhere, or is no array")
            if entry.is_virtual or entry.external:
                raise ValueError(f"{name} leads to another file")
            if entry.dtype.kind not in "fiu":
                raise ValueError(f"{name} holds no numbers")
        shape = file[key].shape
        if shape[1:] != (n_supercell, 3, 3) or not 0 < shape[0] <= n_supercell:
            raise _wrong_supercell("force constants", shape[1] if shape[1:] else 0, n_supercell)
        listed = file["p2s_map"].shape if "p2s_map" in file else (0,)
        if len(listed) != 1 or listed[0] > n_supercell:
            raise ValueError("p2s_map has more numbers than the supercell has atoms")


def _plain_numbers(path: Path, first: int = 0) -> str:
    text = path.read_text(encoding="utf-8")
    if any("_" in line for line in text.split("\n")[first:]):
        raise ValueError("an underscore stands in it, and no number has one")
    return text


def _has_forces(dataset: Any) -> bool:
    if not dataset:
        return False
    return "forces" in dataset or all("forces" in d for d in dataset.get("first_atoms", [{}]))


def _produce(phonon: Any, dataset: Any) -> None:
    n_supercell = len(phonon.supercell)
    at_random = "forces" in dataset  # all atoms displaced at once: only a fit gives constants
    moved = [dataset] if at_random else dataset["first_atoms"]
    forces = dataset["forces"] if at_random else [d["forces"] for d in moved]
    if any(len(of_atoms) != n_supercell for of_atoms in forces):
        raise _wrong_supercell("forces", len(forces[0]), n_supercell)
    _check_finite("forces", forces)
    _check_finite(
        "displacements", [d["displacements" if at_random else "displacement"] for d in moved]
    )
    with (
        named("no force constants from these forces", "check FORCE_SETS, DIM and the cell"),
        _deep_recursion(),
    ):
        phonon.dataset = dataset
        phonon.produce_force_constants(
            calculate_full_force_constants=False,
            fc_calculator="symfc" if at_random else None,
            show_drift=False,
        )


@contextlib.contextmanager
def _deep_recursion() -> Iterator[None]:
    """Allow symfc its recursion, and no longer: it raises the limit of the process for good.

    Afterwards a deeply nested file would overflow the stack instead of raising RecursionError.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _wrong_supercell(what: str, found: int, expected: int) -> DataError:
    return DataError(
        f"{what} do not fit the supercell",
        f"they are for {found} atoms, the supercell of DIM has {expected}",
        "correct DIM, or give the files of one and the same calculation",
    )


def _tensors(
    phonon: Any, parts: Parts, folder: Path, coulomb: float
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    from phonopy.file_IO import parse_BORN

    found = parts.nac
    if found is None and (folder / "BORN").is_file():
        fix = "write BORN again for this cell (phonopy-vasp-born, or by hand)"
        with named("BORN does not fit the cell", fix):
            _plain_numbers(folder / "BORN", first=1)  # a line of text is before the numbers
            found = parse_BORN(phonon.primitive, filename=str(folder / "BORN"))
    if found is None:
        return None, None
    # phonopy contracts the wave vector with the first index of a Born tensor, as we do: (K.Z)_b =
    # sum_a K_a Z_ab; a row of BORN is xx xy xz yx ..., first the field, then the displacement.
    born = np.array(found["born"], dtype=np.float64)
    eps = np.array(found["dielectric"], dtype=np.float64)
    n = len(phonon.primitive)
    if born.shape != (n, 3, 3) or eps.shape != (3, 3):
        raise DataError(
            "Born charges do not fit the cell",
            f"there are {len(born)} tensors for {n} atoms of the primitive cell",
            "give the tensors of the atoms of the primitive cell",
        )
    _check_finite("Born charges or dielectric tensor", [*born, eps])
    # phonopy multiplies by this number; ours follows from the units, and a file that asks for
    # another one is not in the units the forces were taken to be in.
    factor = found.get("factor")
    if factor is not None and abs(float(factor) / coulomb - 1.0) > UNIT_TOLERANCE:
        raise DataError(
            "BORN is in the units of another program",
            f"its factor is {float(factor):g}, that of cell and forces {coulomb:.6g}",
            "give the files of one program; of others than VASP with their phonopy.yaml",
        )
    eps = (eps + eps.T) / 2.0
    if (smallest := float(np.linalg.eigvalsh(eps)[0])) <= 0.0:
        raise DataError(
            "a dielectric tensor that is not positive",
            f"its smallest eigenvalue is {smallest:.3g}",
            "correct line 2 of BORN, or leave BORN out",
        )
    return born, eps


def _check_finite(what: str, values: Any) -> None:
    if not np.isfinite(values).all():
        raise DataError(
            f"{what} that are not numbers",
            "a NaN or an infinity is in the files",
            "look for a calculation that did not finish",
        )


def _calculation(
    phonon: Any,
    born: NDArray[np.float64] | None,
    eps: NDArray[np.float64] | None,
    scale: float,
    per_spring: float,
    name: str,
) -> PhonopyCalculation:
    primitive = phonon.primitive
    crystal = crystal_from_phonopy(primitive, name)
    cell = scale * np.array(primitive.cell, dtype=np.float64)
    crystal = Crystal(cell, crystal.frac_coords, crystal.occupancy, name=name)
    if not crystal.is_ordered or crystal.n_atoms != len(primitive):
        raise DataError("mixed sites", "force constants need one element a site", WHAT_IT_NEEDS)
    vectors, multiplicity = primitive.get_smallest_vectors()
    order = {int(atom): index for index, atom in enumerate(primitive.p2s_map)}
    shift = crystal.frac_coords - primitive.scaled_positions
    if np.abs(shift).max() > 1e-9:
        raise DataError("moved atoms", "the primitive cell was changed on reading", "report it")
    constants = SupercellConstants(
        cell=crystal.cell,
        frac_coords=crystal.frac_coords,
        supercell=np.rint(phonon.supercell.cell @ np.linalg.inv(primitive.cell)).astype(np.int64),
        constants=np.array(phonon.force_constants) * per_spring,
        kinds=np.array([order[int(atom)] for atom in primitive.s2p_map]),
        vectors=np.array(vectors),
        multiplicity=np.array(multiplicity),
    )
    return PhonopyCalculation(crystal, constants, born, eps, phonon)
