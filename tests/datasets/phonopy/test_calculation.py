"""The same calculation in every form phonopy keeps it in, and in other units."""

import bz2
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.datasets.phonopy.calculation import PhonopyCalculation, read_calculation
from phonodos.datasets.phonopy.files import read_conf
from phonodos.datasets.phonopy.folders import Calculation, find_calculations
from phonodos.datasets.preparation import prepare
from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.space_group import SpaceGroup, find_space_group
from phonodos.structures.reading import iter_crystals

BOHR, RYDBERG = 0.529177210903, 13.605693122994  # [A], [eV]


def read(folder: Path) -> PhonopyCalculation:
    (found,) = find_calculations(folder)
    return read_calculation(found.files(), found.name)


@pytest.fixture(scope="module")
def plain(spring_files: Path) -> PhonopyCalculation:
    return read(spring_files)


def with_parameters(phonon: Any, folder: Path) -> None:
    settings = {"force_sets": True, "displacements": True, "born_effective_charge": True}
    phonon.save(folder / "phonopy_params.yaml", settings=settings)
    for name in ("POSCAR-unitcell", "phonopy.conf", "FORCE_SETS", "BORN"):
        (folder / name).unlink()


def with_constants_inside(phonon: Any, folder: Path) -> None:
    phonon.save(folder / "phonopy_params.yaml", settings={"force_constants": True})
    for name in ("POSCAR-unitcell", "phonopy.conf", "FORCE_SETS"):
        (folder / name).unlink()


def with_displacements(phonon: Any, folder: Path) -> None:
    phonon.save(folder / "phonopy_disp.yaml", settings={"force_sets": False})
    (folder / "phonopy.conf").unlink()


def with_force_constants(phonon: Any, folder: Path) -> None:
    from phonopy.file_IO import write_FORCE_CONSTANTS

    write_FORCE_CONSTANTS(
        phonon.force_constants,
        filename=folder / "FORCE_CONSTANTS",
        p2s_map=phonon.primitive.p2s_map,
    )
    (folder / "FORCE_SETS").unlink()


def with_full_hdf5(phonon: Any, folder: Path) -> None:
    from phonopy.file_IO import write_force_constants_to_hdf5
    from phonopy.harmonic.force_constants import compact_fc_to_full_fc

    full = compact_fc_to_full_fc(phonon.primitive, phonon.force_constants)
    write_force_constants_to_hdf5(full, filename=folder / "force_constants.hdf5")
    (folder / "FORCE_SETS").unlink()


def compressed(_: Any, folder: Path) -> None:
    content = (folder / "FORCE_SETS").read_bytes()
    (folder / "FORCE_SETS.bz2").write_bytes(bz2.compress(content))
    (folder / "FORCE_SETS").unlink()


def automatic(_: Any, folder: Path) -> None:
    (folder / "phonopy.conf").write_text("dim = 2 0 0 0 2 0 0 0 2\nPRIMITIVE_AXES = AUTO\n")


@pytest.mark.parametrize(
    "change",
    [
        with_parameters,
        with_constants_inside,
        with_displacements,
        with_force_constants,
        with_full_hdf5,
        compressed,
        automatic,
    ],
)
def test_forms(
    change: Callable[[Any, Path], None],
    plain: PhonopyCalculation,
    spring_phonon: Any,
    spring_files: Path,
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(spring_files, tmp_path / "form")
    change(spring_phonon, folder)
    other = read(folder)
    assert other.crystal.symbols == plain.crystal.symbols
    np.testing.assert_allclose(other.crystal.cell, plain.crystal.cell, atol=1e-12)
    np.testing.assert_allclose(
        other.constants.constants, plain.constants.constants, atol=1e-7, rtol=0
    )
    assert other.born_charges == pytest.approx(plain.born_charges, abs=1e-7)
    assert other.dielectric == pytest.approx(plain.dielectric, abs=1e-7)


def external_link(file: Any, fc: np.ndarray, folder: Path) -> None:
    import h5py

    with h5py.File(folder / "other.h5", "w") as other:
        other["fc2"] = fc
    file["fc2"] = h5py.ExternalLink(str(folder / "other.h5"), "fc2")


def soft_link(file: Any, fc: np.ndarray, _: Path) -> None:
    import h5py

    file["elsewhere"] = fc
    file["fc2"] = h5py.SoftLink("/elsewhere")


def virtual(file: Any, fc: np.ndarray, folder: Path) -> None:
    import h5py

    with h5py.File(folder / "other.h5", "w") as other:
        other["fc2"] = fc
    layout = h5py.VirtualLayout(fc.shape, fc.dtype)
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "fc2", fc.shape)
    file.create_virtual_dataset("fc2", layout)


def external_bytes(file: Any, fc: np.ndarray, folder: Path) -> None:
    (folder / "bytes").write_bytes(fc.tobytes())
    file.create_dataset("fc2", fc.shape, fc.dtype, external=str(folder / "bytes"))


def never_written(shape: tuple[int, ...], name: str = "fc2", dtype: Any = float) -> Any:
    def make(file: Any, fc: np.ndarray, _: Path) -> None:
        if name != "fc2":
            file["fc2"] = fc
        size = tuple(n or len(fc) for n in shape)
        file.create_dataset(name, size, dtype, chunks=True, compression="gzip")

    return make


HDF5: dict[str, tuple[Callable[[Any, np.ndarray, Path], None], str]] = {
    "a link to another file": (external_link, "leads elsewhere"),
    "a link within": (soft_link, "leads elsewhere"),
    "an array of another file": (virtual, "leads to another file"),
    "bytes of another file": (external_bytes, "leads to another file"),
    "many atoms": (never_written((10**6, 0, 3, 3)), "supercell"),
    "a large supercell": (never_written((10**4, 10**4, 3, 3)), "supercell"),
    "a flat array": (never_written((10**9,)), "supercell"),
    "no atoms": (never_written((1, 0, 3, 3, 10**6)), "supercell"),
    "texts": (never_written((0, 0, 3, 3), dtype="S1000000"), "holds no numbers"),
    "a long map": (never_written((10**9,), "p2s_map", "i8"), "p2s_map has more numbers"),
    "a map of texts": (never_written((0,), "p2s_map", "S100000000"), "holds no numbers"),
    "a map that is a group": (
        lambda f, fc, _: f.update(fc2=fc) or f.create_group("p2s_map"),
        "no array",
    ),
    "nothing": (lambda *_: None, "not readable"),
}


@pytest.mark.parametrize("kind", HDF5)
def test_hdf5_that_claims_or_leads(
    kind: str, spring_phonon: Any, spring_files: Path, tmp_path: Path
) -> None:
    """Nothing of it is read: the arrays that are claimed would not fit into any memory."""
    import h5py
    from phonopy.harmonic.force_constants import compact_fc_to_full_fc

    make, message = HDF5[kind]
    folder = shutil.copytree(spring_files, tmp_path / "form")
    (folder / "FORCE_SETS").unlink()
    full = compact_fc_to_full_fc(spring_phonon.primitive, spring_phonon.force_constants)
    with h5py.File(folder / "force_constants.hdf5", "w") as file:
        make(file, full, tmp_path)
    with pytest.raises(DataError, match=message):
        read(folder)


def test_units_of_other_programs(
    plain: PhonopyCalculation, spring_phonon: Any, tmp_path: Path
) -> None:
    """Quantum ESPRESSO: bohr and Ry/bohr; phonopy keeps them, we turn them into A and eV."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    ours = spring_phonon.unitcell
    unit_cell = PhonopyAtoms(
        symbols=ours.symbols, cell=ours.cell / BOHR, scaled_positions=ours.scaled_positions
    )
    theirs = Phonopy(
        unit_cell,
        supercell_matrix=spring_phonon.supercell_matrix,
        primitive_matrix="F",
        calculator="qe",
    )
    theirs.force_constants = spring_phonon.force_constants * BOHR**2 / RYDBERG
    theirs.nac_params = {**spring_phonon.nac_params, "factor": 2.0}
    theirs.save(tmp_path / "phonopy_params.yaml", settings={"force_constants": True})
    found = read(tmp_path)
    np.testing.assert_allclose(found.crystal.cell, plain.crystal.cell, rtol=1e-8)
    np.testing.assert_allclose(
        found.constants.constants, plain.constants.constants, rtol=1e-6, atol=1e-6
    )
    qpoints = [[0.1, 0.2, 0.3], [0.01, 0.0, 0.0]]
    expected, frequencies = (_frequencies(c.phonon, qpoints) for c in (plain, found))
    np.testing.assert_allclose(frequencies, expected, rtol=1e-5)


def _frequencies(phonon: Any, qpoints: Any) -> Any:
    phonon.run_qpoints(qpoints)
    return phonon.qpoints.frequencies


def test_random_displacements(
    plain: PhonopyCalculation, spring_phonon: Any, spring_files: Path, tmp_path: Path
) -> None:
    """All atoms moved at once (the second form of FORCE_SETS): constants come from a fit."""
    from phonopy.harmonic.force_constants import compact_fc_to_full_fc

    full = compact_fc_to_full_fc(spring_phonon.primitive, spring_phonon.force_constants)
    moves = np.random.default_rng(0).normal(0.0, 0.01, (6, 64, 3))
    forces = -np.einsum("klab,dlb->dka", full, moves)
    folder = shutil.copytree(spring_files, tmp_path / "random")
    lines = np.concatenate([moves, forces], axis=2).reshape(-1, 6)
    np.savetxt(folder / "FORCE_SETS", lines, fmt="%18.12f")
    limit = sys.getrecursionlimit()
    found = read(folder)
    np.testing.assert_allclose(found.constants.constants, plain.constants.constants, atol=1e-5)
    assert sys.getrecursionlimit() == limit  # symfc raises it when it is loaded


@pytest.mark.parametrize(
    ("text", "supercell", "primitive"),
    [
        ("DIM = 2 3 4", np.diag([2, 3, 4]), "auto"),
        ("dim = 1 1 0 0 1 0 0 0 1\nprimitive_axes = F", [[1, 1, 0], [0, 1, 0], [0, 0, 1]], "F"),
        ("# no\nDIM=2 2 2 # yes\nPRIMITIVE_AXIS = auto", np.diag([2, 2, 2]), "auto"),
    ],
)
def test_conf(text: str, supercell: Any, primitive: str) -> None:
    matrix, axes = read_conf(text)
    assert matrix.tolist() == np.array(supercell).tolist()
    assert axes == primitive


def test_fractions_of_primitive_axes() -> None:
    axes = read_conf("DIM = 1 1 1\nPRIMITIVE_AXES = 2/3 -1/3 -1/3  1/3 1/3 -2/3  1/3 1/3 1/3")[1]
    np.testing.assert_allclose(3 * axes, [[2, -1, -1], [1, 1, -2], [1, 1, 1]])


@pytest.mark.parametrize("dim", ["", "2 2", "0 0 0", "-1 1 1", "2.5 2 2"])
def test_conf_without_a_supercell(dim: str) -> None:
    with pytest.raises(DataError, match="no supercell"):
        read_conf(f"DIM = {dim}\n")


@pytest.mark.parametrize("name", ["phonopy_params.yaml", "phonopy.yaml", "phonopy_disp.yaml"])
def test_yaml_with_tags_runs_nothing(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "ran"
    text = f"unit_cell: !!python/object/apply:os.system ['touch {mark}']\n"
    with pytest.raises(DataError, match="a tag"):
        read_calculation({name: text.encode()}, "x")
    assert not mark.exists()


@pytest.mark.parametrize("form", ["folder", "tar", "tar.xz", "zip", "file"])
def test_archives_of_yaml_with_tags_run_nothing(tmp_path: Path, form: str) -> None:
    mark, folder = tmp_path / "ran", tmp_path / "in" / "calc"
    folder.mkdir(parents=True)
    text = f"unit_cell: !!python/object/apply:os.system ['touch {mark}']\n"
    (folder / "phonopy_params.yaml").write_text(text)
    source = folder
    if form in ("tar", "tar.xz"):
        source = tmp_path / f"calc.{form}"
        with tarfile.open(source, "w:xz" if form == "tar.xz" else "w") as tar:
            tar.add(folder, "calc")
    elif form == "zip":
        source = tmp_path / "calc.zip"
        with zipfile.ZipFile(source, "w") as pack:
            pack.writestr("calc/phonopy_params.yaml", text)
    elif form == "file":
        source = folder / "phonopy_params.yaml"
    with pytest.raises(DataError, match="a tag"):
        prepare("phonondb", source, tmp_path / "out.parquet", workers=1)
    assert [c for c in iter_crystals(source) if isinstance(c, Crystal)] == []
    assert not mark.exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("FORCE_CONSTANTS", "99999 99999\n1 1\n", "it ends before"),
        ("phonopy.conf", "DIM = 9999 9999 9999\n", "a supercell of"),
        ("phonopy.conf", "DIM = 1_0 1 1\n", "no supercell"),
        ("POSCAR-unitcell", "x\n1\n5 0 0\n0 5 0\n0 0 5\nNa\n999999999\nDirect\n", "positions"),
        ("FORCE_SETS", "999999999\n1\n", "not readable"),
        ("FORCE_SETS", "\n" * 5000, "FORCE_SETS"),
        ("FORCE_SETS", "8\n1\n1\n0.0_1 0 0\n", "underscore"),
        ("BORN", "14.4\n1_0 0 0 0 1 0 0 0 1\n", "underscore"),
    ],
)
def test_absurd_sizes(small_files: Path, file: str, content: str, message: str) -> None:
    files = {p.name: p.read_bytes() for p in small_files.iterdir()}
    files[file] = content.encode()
    with pytest.raises(DataError) as caught:
        read_calculation(files, "x")
    assert message in str(caught.value)


@pytest.fixture
def odd(spring_files: Path, tmp_path: Path) -> Calculation:
    """A calculation whose DIM has the right number of atoms and the wrong shape."""
    folder = shutil.copytree(spring_files, tmp_path / "odd")
    conf = folder / "phonopy.conf"
    conf.write_text(conf.read_text().replace("2 2 2", "4 2 1"))
    (found,) = find_calculations(folder)
    return found


def test_a_supercell_of_another_shape_is_refused(odd: Calculation) -> None:
    with pytest.raises(DataError, match="do not fit the supercell") as caught:
        read_calculation(odd.files(), odd.name)
    assert "symmetric FORCE_CONSTANTS" in caught.value.fix


def test_published_supercells_are_believed(odd: Calculation) -> None:
    """Ten calculations of phonondb are as far from symmetric as this one."""
    constants = read_calculation(odd.files(), odd.name, known_sound=True).phonon.force_constants
    assert np.isfinite(constants).all()
    assert np.abs(constants.sum(axis=1)).max() < 1e-6


def test_symmetric_ones_pass(spring_files: Path) -> None:
    (found,) = find_calculations(spring_files)
    constants = read_calculation(found.files(), found.name).phonon.force_constants
    assert np.abs(constants.sum(axis=1)).max() < 1e-6


def operations(group: SpaceGroup) -> set[tuple[int, ...]]:
    """Return rotation, translation [1/1000] and permutation of every operation."""
    assert group.permutations is not None
    m = len(group.rotations)
    shifts = np.rint(1e3 * np.mod(group.translations, 1.0)).astype(int) % 1000
    whole = np.hstack([group.rotations.reshape(m, 9), shifts, group.permutations])
    return set(map(tuple, whole.tolist()))


def test_atoms_trade_places(shared: Path) -> None:
    """A zinc-blende-like site exchange: images of every operation are a permutation of equals."""
    found = next(
        c
        for c in find_calculations(shared / "phonondb2018" / "phonondb-2018-nac.tar")
        if c.name == "mp-10074"
    )
    calculation = read_calculation(found.files(), found.name)
    group = calculation.space_group
    kinds = [calculation.crystal.symbols.index(s) for s in calculation.crystal.symbols]
    ours = find_space_group(calculation.crystal.cell, calculation.crystal.frac_coords, kinds, 1e-5)
    assert group.permutations is not None
    assert operations(group) == operations(ours)
    symbols = np.array(calculation.crystal.symbols)
    for images in group.permutations:
        assert sorted(images) == list(range(6))
        assert (symbols[images] == symbols).all()
    assert len({tuple(row) for row in group.permutations.tolist()}) > 1
