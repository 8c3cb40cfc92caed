"""One road to a spectrum: the same springs, predicted or read from phonopy, give the same DOS."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.preparation import prepare
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import target_of

if TYPE_CHECKING:
    from phonodos.prediction.lattice_dynamics import LatticeDynamics

APART = 0.2  # [cm^-1], of two spectra of the same force constants
# Rock salt; tetragonal; wurtzite, whose polar modes depend on the direction.
IDS = ("1000", "10074", "1039")


def hexagonal() -> Crystal:
    cell = np.array([[3.25, 0, 0], [-1.625, 2.8146, 0], [0, 0, 5.21]])
    sites = [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.38], [2 / 3, 1 / 3, 0.88]]
    return Crystal.ordered(cell, sites, ["Zn", "Zn", "O", "O"], name="ZnO")


@pytest.mark.parametrize("name", ["rock salt", "hexagonal", "perovskite"])
def test_predicted_springs_prepared_as_a_data_set(
    name: str,
    lattice_of: Callable[[Crystal], "LatticeDynamics"],
    rock_salt: Crystal,
    perovskite: Crystal,
    tmp_path: Path,
) -> None:
    from phonodos.prediction.phonopy_export import write_phonopy
    from phonodos.results.desk import Results
    from phonodos.results.provenance import Provenance

    crystal = {"rock salt": rock_salt, "hexagonal": hexagonal(), "perovskite": perovskite}[name]
    lattice = lattice_of(crystal)
    (tmp_path / "in").mkdir()
    write_phonopy(Results(tmp_path / "in", Provenance("springs")), lattice)
    report = prepare("phonondb", tmp_path / "in", tmp_path / "out.parquet", workers=1)
    assert report.written == 1
    reference, predicted = Dataset.open(report.output).dos(0), lattice.dos(projected=True)
    assert reference.distance(predicted) <= APART
    assert reference.projected_distance(predicted) <= 5.0 * APART
    assert np.mean((target_of(reference) - target_of(predicted)) ** 2) < 1e-5
    assert np.abs(reference.frequencies[[0, -1]] - predicted.frequencies[[0, -1]]).max() <= 2.0


def lattice_of_record(records: Dataset, index: int) -> "LatticeDynamics":
    """Return the lattice dynamics of the springs, charges and masses of a record."""
    from phonodos.model.harmonic import HarmonicCrystals
    from phonodos.prediction.lattice_dynamics import LatticeDynamics

    crystal, constants = records.crystal(index), records.force_constants(index)
    born, eps = records.born_charges(index), records.dielectric(index)
    assert constants is not None
    assert born is not None
    assert eps is not None
    i, j, images = constants.centres, constants.neighbours, constants.images
    coords = crystal.frac_coords
    vectors = (coords[j] - coords[i] + images) @ crystal.cell
    tensors = constants.tensors.astype(np.float64) / 2.0  # both directions count
    lengths = np.linalg.norm(vectors, axis=1)

    def alone(values: np.ndarray) -> np.ndarray:
        return np.array(values)[None]

    harmonic = HarmonicCrystals(
        cells=alone(crystal.cell),
        positions=alone(crystal.positions),
        masses=alone(crystal.masses),
        owners=np.zeros(len(i), dtype=np.int64),
        firsts=i,
        seconds=j,
        vectors=vectors,
        force_constants=tensors,
        stiffness=np.exp(-1.6 * lengths),
        born=alone(born - born.mean(axis=0)),
        dielectric=alone(eps),
    )
    return LatticeDynamics(crystal, harmonic)


def test_real_calculations(shared: Path, tmp_path: Path) -> None:
    import tarfile

    (tmp_path / "in").mkdir()
    with tarfile.open(shared / "phonondb2018" / "phonondb-2018-nac.tar") as archive:
        for member in archive:
            name = Path(member.name).name
            if any(name.startswith(f"materials-id-{k}-") for k in IDS):
                content = archive.extractfile(member)
                assert content is not None
                (tmp_path / "in" / name).write_bytes(content.read())
    report = prepare("phonondb", tmp_path / "in", tmp_path / "out.parquet", workers=1, cutoff=50.0)
    records = Dataset.open(report.output)
    assert len(records.ids) == len(IDS)
    for index in range(len(IDS)):
        predicted = lattice_of_record(records, index).dos()
        assert records.dos(index).distance(predicted) <= APART, records.ids[index]
        difference = target_of(records.dos(index)) - target_of(predicted)
        assert np.mean(difference**2) < 3e-5, records.ids[index]
