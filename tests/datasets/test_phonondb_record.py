"""Real entries of phonondb: rows give phonopy's frequencies and the reference density of states."""

import gzip
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from phonodos.datasets.columns import COLUMNS, OPTIONAL
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.force_constants import commensurate_points
from phonodos.datasets.phonondb import prepare
from phonodos.datasets.phonondb_record import calculated_dos
from phonodos.datasets.phonopy.calculation import PhonopyCalculation, read_calculation
from phonodos.datasets.phonopy.folders import Calculation, find_calculations
from phonodos.datasets.splits import Split
from phonodos.physics import mesh
from phonodos.physics.target import spectrum_target
from phonodos.physics.units import THZ_PER_WAVENUMBER

Frequencies = Callable[..., NDArray[np.float64]]

# Rock salt; tetragonal with antisymmetric Born charges (1.2 e); wurtzite.
IDS = ("mp-1000", "mp-10074", "mp-1039")


@pytest.fixture(scope="module")
def originals(shared: Path) -> dict[str, Calculation]:
    archive = shared / "phonondb2018" / "phonondb-2018-nac.tar"
    found: dict[str, Calculation] = {}
    for calculation in find_calculations(archive):
        if calculation.name in IDS:
            found[calculation.name] = calculation
        if len(found) == len(IDS):
            break
    return found


@pytest.fixture(scope="module")
def rows(originals: dict[str, Calculation], tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("phonondb")
    (folder / "in").mkdir()
    for name, calculation in originals.items():
        number = name.removeprefix("mp-")
        content = calculation.archive
        assert content is not None
        (folder / "in" / f"materials-id-{number}-x-y-1.tar.lzma").write_bytes(content)
    report = prepare(folder / "in", folder / "out.parquet", workers=1, cutoff=40.0)
    assert report.written == report.sound == len(originals)
    return Dataset.open(report.output)


@pytest.fixture(scope="module")
def phonons(originals: dict[str, Calculation]) -> dict[str, Any]:
    return {name: read_calculation(c.files(), name).phonon for name, c in originals.items()}


def theirs(phonon: Any, qpoints: Any) -> NDArray[np.float64]:
    phonon.run_qpoints(qpoints)
    frequencies: NDArray[np.float64] = phonon.qpoints.frequencies / THZ_PER_WAVENUMBER
    return frequencies


@pytest.mark.parametrize("index", range(len(IDS)))
def test_rows_give_phonopys_frequencies(
    rows: Dataset,
    phonons: dict[str, Any],
    frequencies_of: Frequencies,
    rng: np.random.Generator,
    index: int,
) -> None:
    phonon, constants = phonons[rows.ids[index]], rows.force_constants(index)
    assert constants is not None
    # Atomic masses of phonopy are older in the fifth digit (Se 78.96).
    waves = commensurate_points(constants.supercell)
    waves = (waves - np.rint(waves))[(waves > 0.0).any(axis=1)]
    np.testing.assert_allclose(
        frequencies_of(rows, index, waves), theirs(phonon, waves), rtol=1e-4, atol=0.01
    )
    between = rng.uniform(-0.5, 0.5, (8, 3))  # phonopy's own width interpolates a bit differently
    found = frequencies_of(rows, index, between)
    np.testing.assert_allclose(found, theirs(phonon, between), atol=0.5)
    eps = rows.dielectric(index)
    assert eps is not None
    mean = float(np.trace(eps)) / 3.0
    farthest = 3.5 * np.sqrt(mean / np.linalg.eigvalsh(eps)[0])  # [1/A], of G
    width = {"Lambda": 0.4 * np.sqrt(mean) / (2 * np.pi), "G_cutoff": farthest / (2 * np.pi)}
    own = phonon.nac_params
    phonon.nac_params = {**own, **width}
    np.testing.assert_allclose(found, theirs(phonon, between), rtol=1e-4, atol=0.01)
    phonon.nac_params = own
    gamma = frequencies_of(rows, index, np.zeros(3))[0]
    np.testing.assert_allclose(np.sort(np.abs(gamma))[:3], 0.0, atol=0.1)  # single precision


def test_order_of_born_indices(
    rows: Dataset, phonons: dict[str, Any], frequencies_of: Frequencies
) -> None:
    """(K.Z)_b = sum_a K_a Z_ab is phonopy's order: with the other one LO modes would move."""
    index = rows.ids.index("mp-10074")
    born = rows.born_charges(index)
    assert born is not None
    assert np.abs(born - born.transpose(0, 2, 1)).max() > 1.0
    near = [[0.01, 0.004, -0.007], [0.0, 0.02, 0.01]]
    expected = theirs(phonons["mp-10074"], near)
    np.testing.assert_allclose(frequencies_of(rows, index, near), expected, atol=0.1)
    other = frequencies_of(rows, index, near, born.transpose(0, 2, 1))
    assert np.abs(other - expected).max() > 5.0


def test_density_of_states_is_the_reference(rows: Dataset, shared: Path) -> None:
    with gzip.open(shared / "phonondb2018" / "reference_dos.jsonl.gz", "rt") as lines:
        known = {r["id"]: r for r in map(json.loads, islice(lines, 4085)) if r["id"] in IDS}
    assert set(known) == set(IDS)
    for index, name in enumerate(rows.ids):
        dos, record = rows.dos(index), known[name]
        axis = np.arange(-10.0, 1500.0)
        reference = np.interp(
            axis,
            record["f0"] + np.arange(len(record["dos"])),
            record["dos"],
            left=0.0,
            right=0.0,
        )
        reference *= dos.integral / reference.sum()
        ours = np.interp(axis, dos.frequencies, dos.densities, left=0.0, right=0.0)
        distance = np.abs(np.cumsum(ours - reference)).sum() / dos.integral  # [cm^-1]
        assert distance < 1.0  # theirs is of 60 A and not smoothed
        target = rows.targets[index]
        assert np.mean((target - spectrum_target(axis, reference)) ** 2) < 1e-3


def test_rows_of_the_shared_archive(rows: Dataset, shared: Path) -> None:
    split = Split.read(shared / "phonondb2018" / "split.json")
    assert set(rows.ids) <= {name for ids in split.parts.values() for name in ids}
    assert rows.column("source") == ["phonondb2018"] * 3
    assert rows.formulas == ["BaTe", "GeSe2", "MgTe"]
    assert rows.column("n_atoms") == [2, 6, 4]
    assert rows.provenance["functional"] == "PBEsol"
    assert "nims" in rows.provenance["citation"]
    assert rows.column("band_qpoints") == [None] * 3
    for index in range(3):
        born = rows.born_charges(index)
        assert born is not None
        np.testing.assert_allclose(born.sum(axis=0), 0.0, atol=0.02)
        dos = rows.dos(index)
        assert dos.projected is not None
        np.testing.assert_allclose(np.trapezoid(dos.projected, dos.frequencies), 3.0, atol=1e-4)


def test_entries_without_born_charges(
    shared: Path, tmp_path: Path, frequencies_of: Frequencies, rng: np.random.Generator
) -> None:
    archive = shared / "phonondb2018" / "phonondb-2018-nonac.tar"
    entry = next(find_calculations(archive))
    assert entry.archive is not None
    (tmp_path / "materials-id-209-er2se3-fddd-70.tar.lzma").write_bytes(entry.archive)
    source = tmp_path / "materials-id-209-er2se3-fddd-70.tar.lzma"
    report = prepare(source, tmp_path / "out.parquet", workers=1, cutoff=40.0, dos=False)
    dataset = Dataset.open(report.output)
    assert dataset.ids == ["mp-209"]
    assert (report.written, report.with_nac) == (1, 0)
    phonon = read_calculation(entry.files(), "mp-209").phonon
    between = rng.uniform(-0.5, 0.5, (3, 3))
    np.testing.assert_allclose(
        frequencies_of(dataset, 0, between), theirs(phonon, between), rtol=1e-4, atol=0.01
    )


def test_data_sets_written_before_still_open(rows: Dataset, tmp_path: Path) -> None:
    """Force constants came later: what has none of their columns opens, and says None."""
    table = pq.read_table(rows.path)
    old = table.select([name for name in COLUMNS if name not in OPTIONAL])
    pq.write_table(old, tmp_path / "old.parquet")
    dataset = Dataset.open(tmp_path / "old.parquet").select(["mp-1039", "mp-1000"])
    assert dataset.force_constants(0) is None
    assert dataset.column("force_constant_tensors") == [None, None]
    assert dataset.mask("has_nac").tolist() == [False, False]
    assert dataset.present("projected_densities") == 0
    assert dataset.dos(1).projected is None


@pytest.fixture(scope="module")
def rock_salt_springs(spring_files: Path) -> PhonopyCalculation:
    return read(spring_files)


def read(folder: Path) -> PhonopyCalculation:
    (found,) = find_calculations(folder)
    return read_calculation(found.files(), found.name)


def each_by_itself(
    _: object, divisions: tuple[int, int, int], shift: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Stand in for the reduction by symmetry: every point of the mesh is the only one."""
    count = np.arange(np.prod(divisions))
    return 2 * np.stack(np.unravel_index(count, divisions), axis=1) + shift, count


def test_symmetry_changes_nothing(
    rock_salt_springs: PhonopyCalculation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = calculated_dos(rock_salt_springs, 14.0)
    few = len(rock_salt_springs.phonon.qpoints.frequencies)
    monkeypatch.setattr(mesh, "_orbits_of", each_by_itself)
    plain = calculated_dos(rock_salt_springs, 14.0)
    assert len(rock_salt_springs.phonon.qpoints.frequencies) > 4 * few
    np.testing.assert_allclose(whole.frequencies, plain.frequencies)
    np.testing.assert_allclose(whole.densities, plain.densities, atol=1e-6)
    # Eigenvectors of equal frequencies are any of their space: shares agree in the mean only.
    assert whole.projected_distance(plain) < 0.5


def test_axis_leaves_room_for_smoothing(rock_salt_springs: PhonopyCalculation) -> None:
    dos = calculated_dos(rock_salt_springs)
    assert dos.integral == pytest.approx(6.0, abs=1e-9)
    assert dos.frequencies[0] == -2.0
    highest = rock_salt_springs.phonon.qpoints.frequencies.max() / 0.0299792458
    assert highest + 100.0 <= dos.frequencies[-1] < highest + 110.0
    assert dos.imaginary_fraction == 0.0


def test_mean_square_frequency_is_exact(rock_salt_springs: PhonopyCalculation) -> None:
    """The second moment is the trace of the dynamical matrix on average, whatever the mesh."""
    dos = calculated_dos(rock_salt_springs)
    mean = np.trapezoid(dos.densities * dos.frequencies**2, dos.frequencies)
    itself = rock_salt_springs.constants.constants[[0, 1], [0, 32]]  # constants of an atom itself
    assert rock_salt_springs.constants.kinds[[0, 32]].tolist() == [0, 1]
    masses = rock_salt_springs.crystal.masses
    trace = np.trace(itself, axis1=1, axis2=2) / masses
    assert mean == pytest.approx(521.4709**2 * trace.sum(), rel=5e-3)


def test_imaginary_modes_lie_below_zero(spring_files: Path) -> None:
    calculation = read(spring_files)
    calculation.phonon.force_constants = -calculation.phonon.force_constants
    dos = calculated_dos(calculation, 12.0)
    assert dos.imaginary_fraction > 0.9
    assert dos.is_unstable
    assert dos.integral == pytest.approx(6.0, abs=1e-9)


def test_every_atom_has_three_modes(shared: Path) -> None:
    """GeSe2: equivalent atoms trade places, and the mean over their orbit keeps their number."""
    found = next(
        c
        for c in find_calculations(shared / "phonondb2018" / "phonondb-2018-nac.tar")
        if c.name == "mp-10074"
    )
    dos = calculated_dos(read_calculation(found.files(), found.name), 16.0)
    assert dos.projected is not None
    np.testing.assert_allclose(np.trapezoid(dos.projected, dos.frequencies), 3.0, atol=1e-9)
