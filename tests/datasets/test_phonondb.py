"""phonopy calculations to rows: springs that are known come back, failures are named."""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from phonodos.datasets import phonondb
from phonodos.datasets.columns import COLUMNS, OPTIONAL
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.force_constants import commensurate_points
from phonodos.datasets.kinds import KINDS
from phonodos.datasets.phonondb import calculated_dos
from phonodos.datasets.phonopy.calculation import PhonopyCalculation, read_calculation
from phonodos.datasets.phonopy.folders import Calculation, find_calculations
from phonodos.datasets.preparation import prepare
from phonodos.datasets.splits import Split
from phonodos.errors import ConfigError, DataError
from phonodos.physics import cells, mesh
from phonodos.physics.target import spectrum_target
from phonodos.physics.units import THZ_PER_WAVENUMBER

Frequencies = Callable[..., NDArray[np.float64]]


@pytest.fixture(scope="module")
def springs(spring_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    output = tmp_path_factory.mktemp("springs") / "springs.parquet"
    report = prepare("phonondb", spring_files, output, workers=1, cutoff=7.0)
    assert report.written == report.facts["with_nac"] == report.facts["sound"] == 1
    return Dataset.open(output)


def test_the_springs_come_back(springs: Dataset) -> None:
    crystal, constants = springs.crystal(0), springs.force_constants(0)
    assert constants is not None
    assert springs.column("id") == ["rock-salt"]
    assert springs.column("source") == ["phonopy"]
    assert springs.column("formula") == ["NaCl"]
    assert crystal.symbols == ("Na", "Cl")
    i, j = constants.centres, constants.neighbours
    vectors = (crystal.frac_coords[j] - crystal.frac_coords[i] + constants.images) @ crystal.cell
    lengths = np.linalg.norm(vectors, axis=1)
    # Shells up to 7 A: 6 at 1/2 a, 12, 8, 6, 24, 24 at sqrt(6)/2 a = 6.91 A.
    assert np.bincount(i).tolist() == [80, 80]
    assert lengths.max() == pytest.approx(5.64 * np.sqrt(1.5))
    along = np.einsum("ea,eb->eab", vectors, vectors) / lengths[:, None, None] ** 2
    expected = np.where(lengths < 3.0, 1.0, 0.0)[:, None, None] * -(2.6 * along + 0.4 * np.eye(3))
    np.testing.assert_allclose(constants.tensors, expected, atol=2e-6)
    assert constants.supercell.tolist() == [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]
    assert constants.has_nac


def test_a_row_gives_phonopys_frequencies(
    springs: Dataset, spring_phonon: Any, frequencies_of: Frequencies, rng: np.random.Generator
) -> None:
    qpoints = rng.uniform(-0.5, 0.5, (6, 3))
    # The folded dipoles of the model are exact for our width only: phonopy is given it as well.
    eps, charge = 2.3, 1.1 * np.eye(3)
    spring_phonon.nac_params = {
        "born": np.array([charge, -charge]),
        "dielectric": eps * np.eye(3),
        "factor": 14.399645,
        "Lambda": 0.4 * np.sqrt(eps) / (2 * np.pi),
        "G_cutoff": 3.2 / (2 * np.pi),
    }
    spring_phonon.run_qpoints(qpoints)
    theirs = spring_phonon.qpoints.frequencies / 0.0299792458
    np.testing.assert_allclose(frequencies_of(springs, 0, qpoints), theirs, atol=0.02)


def test_longitudinal_optical_modes_split(springs: Dataset, frequencies_of: Frequencies) -> None:
    gamma, near = frequencies_of(springs, 0, [[0, 0, 0], [1e-4, 2e-4, 1e-4]])
    np.testing.assert_allclose(gamma[:3], 0.0, atol=0.05)
    volume, reduced = 5.64**3 / 4, 1 / (1 / 22.98976928 + 1 / 35.453)
    splitting = 4 * np.pi * 14.399645 * 1.1**2 / (volume * 2.3 * reduced)
    assert np.sqrt(near[5] ** 2 - gamma[5] ** 2) == pytest.approx(
        521.4709 * np.sqrt(splitting), rel=1e-4
    )


def test_density_of_states(springs: Dataset) -> None:
    dos = springs.dos(0)
    assert dos.integral == pytest.approx(6.0, abs=1e-9)
    steps = np.diff(dos.frequencies)
    assert steps[dos.frequencies[1:] > 10.5] == pytest.approx(1.0)
    assert steps.min() == pytest.approx(0.2)  # near zero, for a few K
    assert dos.projected is not None
    np.testing.assert_allclose(dos.projected.sum(axis=0), dos.densities, atol=1e-5)
    np.testing.assert_allclose(np.trapezoid(dos.projected, dos.frequencies), 3.0, atol=1e-4)
    assert springs.targets.shape == (1, 51)
    assert springs.targets.max() == 1.0


def test_without_born_charges_constants_are_total(
    neutral_phonon: Any, spring_files: Path, tmp_path: Path, frequencies_of: Frequencies
) -> None:
    from phonopy.file_IO import write_FORCE_SETS

    folder = shutil.copytree(spring_files, tmp_path / "neutral")
    (folder / "BORN").unlink()
    write_FORCE_SETS(neutral_phonon.dataset, filename=folder / "FORCE_SETS")
    report = prepare("phonondb", folder, tmp_path / "n.parquet", workers=1, cutoff=20.0, dos=False)
    dataset = Dataset.open(report.output)
    constants = dataset.force_constants(0)
    assert constants is not None
    assert not constants.has_nac
    assert dataset.mask("has_nac").tolist() == [False]
    assert report.facts["with_nac"] == report.facts["sound"] == 0
    assert dataset.born_charges(0) is None
    assert dataset.dielectric(0) is None
    with pytest.raises(DataError, match="no density of states"):
        dataset.dos(0)
    with pytest.raises(DataError, match="no target"):
        _ = dataset.targets
    optical = np.sqrt((3.0 * 2 + 0.4 * 4) * (1 / 22.98976928 + 1 / 35.453))
    expected = [0, 0, 0, *[521.4709 * optical] * 3]
    np.testing.assert_allclose(frequencies_of(dataset, 0, np.zeros(3))[0], expected, atol=0.05)
    assert dataset.provenance["mesh_length_A"] is None


def test_with_and_without_born_charges_what_fits_the_supercell_is_exact(
    springs: Dataset, spring_files: Path, tmp_path: Path, frequencies_of: Frequencies
) -> None:
    """There the forces hold the dipole term: the same numbers come from springs and charges."""
    folder = shutil.copytree(spring_files, tmp_path / "unknown")
    (folder / "BORN").unlink()
    report = prepare(
        "phonondb", folder, tmp_path / "unknown.parquet", workers=1, cutoff=7.0, dos=False
    )
    (points,) = Dataset.open(report.output).column("commensurate_qpoints")
    (found,) = Dataset.open(report.output).column("commensurate_frequencies")
    waves = np.reshape(points, (-1, 3))
    assert len(waves) == 20  # of 32, 8 are their own opposites
    assert not waves[0].any()
    expected = frequencies_of(springs, 0, waves)
    np.testing.assert_allclose(np.reshape(found, (-1, 6)), expected, atol=0.05)
    assert springs.column("commensurate_qpoints") == [points]
    (charged,) = springs.column("commensurate_frequencies")
    np.testing.assert_allclose(np.reshape(charged, (-1, 6)), expected, atol=0.05)


def broken(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return edit


def written(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (broken("FORCE_SETS"), "no forces: FORCE_SETS is missing"),
        (broken("phonopy.conf"), "no supercell: phonopy.conf is missing"),
        (edited("phonopy.conf", "2 2 2", "1 1 2"), "they are for 64 atoms, .* DIM has 16"),
        (edited("phonopy.conf", "2 2 2", "4 2 1"), "forces do not fit the supercell: .* symmetry"),
        (edited("phonopy.conf", "2 2 2", "2 2 x"), "DIM = 2 2 x is not"),
        (edited("phonopy.conf", "2 2 2", "2 2 0"), "DIM = 2 2 0 is not"),
        (edited("phonopy.conf", "DIM", "DIMENSION"), "phonopy.conf has no DIM"),
        (edited("phonopy.conf", "0 1/2 1/2", "0 1/0 1/2"), "PRIMITIVE_AXES = .* is not 9 numbers"),
        (edited("phonopy.conf", "0 1/2 1/2", "0 1/3 1/2"), "cannot build the supercell"),
        (written("FORCE_SETS", "64\n2\n\n1\n0.01 0 0\n"), "FORCE_SETS is not readable"),
        (edited("FORCE_SETS", "0.0000000000\n", "nan\n"), "forces that are not numbers"),
        (written("POSCAR-unitcell", "rubbish\n"), "POSCAR-unitcell is not readable"),
        (written("BORN", "14.4\n2 0 0 0 2 0 0 0 2\n1 0 0 0 1 0 0 0 1\n"), "BORN does not fit"),
        (written("BORN", "14.4\n" + "2 0 0 0 2 0 0 0 2\n" * 4), "BORN does not fit"),
        (edited("BORN", "2.30000000 0", "-2.3 0"), "dielectric tensor that is not positive"),
        (edited("BORN", "14.4", "2.0"), "units of another program: its factor is 2, .* 14.39"),
        (written("disp.yaml", "lattice:\n" + "- [ 5, 0, 0 ]\n" * 3), "DIM does not fit"),
        (written("force_constants.hdf5", "no"), "force_constants.hdf5 is not readable"),
        (written("FORCE_CONSTANTS", "2 2\n1 1\n"), "FORCE_CONSTANTS is not readable"),
        (written("phonopy_params.yaml", "a: [b"), "phonopy_params.yaml is not readable"),
        (written("phonopy.yaml.xz", "no xz"), "a damaged file"),
    ],
)
def test_broken_calculations_say_why(
    spring_files: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(shutil.copytree(spring_files, tmp_path / "bad"))
    (found,) = find_calculations(tmp_path / "bad")
    with pytest.raises(DataError) as caught:
        read_calculation(found.files(), found.name)
    assert re.search(reason, f"{caught.value.summary}: {caught.value.reason}"), caught.value
    assert caught.value.fix
    assert capsys.readouterr() == ("", "")


def test_broken_calculations_are_left_out(small_files: Path, tmp_path: Path) -> None:
    for name in ("first", "no-forces", "no-supercell", "third"):
        shutil.copytree(small_files, tmp_path / "in" / name)
    (tmp_path / "in" / "no-forces" / "FORCE_SETS").unlink()
    (tmp_path / "in" / "no-supercell" / "phonopy.conf").unlink()
    (tmp_path / "in" / "second.tar.xz").write_bytes(b"cut off")
    report = prepare("phonondb", tmp_path / "in", tmp_path / "out.parquet", workers=2, dos=False)
    assert report.written == 2
    wanted = {
        "no-forces": "no forces: FORCE_SETS is missing",
        "no-supercell": "no supercell: phonopy.conf is missing, and no phonopy.yaml is there "
        "either",
        "second.tar.xz": "second.tar.xz cannot be read: it is damaged, cut off, or neither tar "
        "nor zip (truncated header)",
    }
    assert report.failed.keys() == wanted.keys()
    for place, reason in wanted.items():
        assert report.failed[place].startswith(f"{reason} (")  # what to do follows
    dataset = Dataset.open(report.output)
    assert dataset.ids == ["first", "third"]
    assert dataset.provenance["failed"] == report.failed
    assert not (tmp_path / "out.parquet.parts").exists()


def test_nothing_but_broken_calculations(small_files: Path, tmp_path: Path) -> None:
    shutil.copytree(small_files, tmp_path / "in" / "bad")
    (tmp_path / "in" / "bad" / "FORCE_SETS").unlink()
    with pytest.raises(DataError, match=r"no calculation .* could be read") as caught:
        prepare("phonondb", tmp_path / "in", tmp_path / "out.parquet", workers=1)
    assert caught.value.reason.startswith("bad: no forces: FORCE_SETS is missing (")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("cutoff", [0.0, -1.0, float("nan"), 51.0])
def test_impossible_cutoffs(small_files: Path, tmp_path: Path, cutoff: float) -> None:
    with pytest.raises(ConfigError, match="cutoff"):
        prepare("phonondb", small_files, tmp_path / "out.parquet", cutoff=cutoff)


def test_a_killed_run_goes_on(
    small_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(small_files, tmp_path / "in" / name)
    (tmp_path / "in" / "a" / "BORN").unlink()

    def kill(done: int, _: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        prepare("phonondb", tmp_path / "in", output, workers=1, dos=False, progress=kill)
    assert not output.exists()
    converted: list[str] = []

    def watched(calculation: Calculation, **options: Any) -> dict[str, Any]:
        converted.append(calculation.name)
        return phonondb.convert(calculation, **options)

    monkeypatch.setitem(KINDS, "phonondb", replace(phonondb.KIND, convert=watched))
    steps: list[tuple[int, int | None]] = []
    report = prepare(
        "phonondb",
        tmp_path / "in",
        output,
        workers=1,
        dos=False,
        progress=lambda *s: steps.append(s),
    )
    assert converted == ["c"]
    assert steps == [(3, 3)]
    assert (report.written, report.resumed, report.facts["with_nac"]) == (3, 2, 2)
    assert Dataset.open(output).ids == ["a", "b", "c"]
    once = prepare("phonondb", tmp_path / "in", tmp_path / "once.parquet", workers=1, dos=False)
    for name in ("on_site", "force_constant_tensors", "born_charges"):
        assert Dataset.open(output).column(name) == Dataset.open(once.output).column(name)


def test_metals_have_no_dipole_term(small_files: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small_files, tmp_path / "metal")
    text = (folder / "BORN").read_text().replace("2.30000000", "230.0")
    (folder / "BORN").write_text(text)
    report = prepare("phonondb", folder, tmp_path / "out.parquet", workers=1, dos=False)
    dataset = Dataset.open(report.output)
    constants = dataset.force_constants(0)
    assert constants is not None
    assert not constants.has_nac
    assert dataset.mask("born_sound").tolist() == [True]
    assert dataset.mask("dielectric_sound").tolist() == [False]
    eps = dataset.dielectric(0)
    assert eps is not None
    np.testing.assert_allclose(eps, 230.0 * np.eye(3))


def test_provenance(springs: Dataset) -> None:
    known = springs.provenance
    assert known["dipole_lambda_1/A"] == 0.4
    assert known["cutoff_A"] == 7.0
    assert known["records"] == known["with_nac"] == 1
    assert known["functional"] is None  # a user's own calculation: not known
    assert known["target"]["points"] == 51


def test_what_failed_is_tried_again(small_files: Path, tmp_path: Path) -> None:
    """A run stopped, a calculation mended, the same call again: it is in, and nothing is lost."""
    for name in ("a", "b", "c"):
        shutil.copytree(small_files, tmp_path / "in" / name)
    forces = (tmp_path / "in" / "a" / "FORCE_SETS").read_text()
    (tmp_path / "in" / "a" / "FORCE_SETS").unlink()

    def kill(done: int, _: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        prepare("phonondb", tmp_path / "in", output, workers=1, dos=False, progress=kill)
    with pytest.raises(ConfigError, match="other settings"):
        prepare("phonondb", tmp_path / "in", output, workers=1, dos=False, cutoff=6.0)
    (tmp_path / "in" / "a" / "FORCE_SETS").write_text(forces)
    report = prepare("phonondb", tmp_path / "in", output, workers=1, dos=False)
    assert (report.written, report.resumed, report.failed) == (3, 2, {})
    assert sorted(Dataset.open(output).ids) == ["a", "b", "c"]


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
    report = prepare("phonondb", folder / "in", folder / "out.parquet", workers=1, cutoff=40.0)
    assert report.written == report.facts["sound"] == len(originals)
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
    report = prepare(
        "phonondb", source, tmp_path / "out.parquet", workers=1, cutoff=40.0, dos=False
    )
    dataset = Dataset.open(report.output)
    assert dataset.ids == ["mp-209"]
    assert (report.written, report.facts["with_nac"]) == (1, 0)
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
    turns: np.ndarray, divisions: tuple[int, int, int], shift: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stand in for the reduction by symmetry: every point of the mesh is the only one."""
    count = np.arange(np.prod(divisions))
    itself = int(np.abs(turns - np.eye(3)).sum(axis=(1, 2)).argmin())
    points = 2 * np.stack(np.unravel_index(count, divisions), axis=1) + shift
    return points, count, np.full_like(count, itself)


def test_symmetry_changes_nothing(
    rock_salt_springs: PhonopyCalculation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = calculated_dos(rock_salt_springs, 14.0)
    few = len(rock_salt_springs.phonon.qpoints.frequencies)
    for room in (mesh, cells):  # neither wave vectors nor cells between them are reduced
        monkeypatch.setattr(room, "orbits_of", each_by_itself)
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
