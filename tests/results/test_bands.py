"""Band structures out: phonopy reads what we write."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from phonodos.physics.crystal import Crystal
from phonodos.physics.path import BandStructure, band_path
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.results.bands import (
    band_text,
    bands_record,
    bands_table,
    eigenvector_arrays,
    path_text,
)
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance


@pytest.fixture
def bands(rock_salt: Crystal) -> BandStructure:
    path = band_path(rock_salt, 0.1)
    modes = [np.sort(np.outer(s.distances, np.arange(1, 7)) - 3.0, axis=1) for s in path.segments]
    return BandStructure(path, tuple(modes))


def test_band_yaml_is_phonopys(bands: BandStructure, rock_salt: Crystal) -> None:
    found = yaml.safe_load(band_text(bands, rock_salt))
    counts = [len(w) for w in bands.frequencies]
    assert found["segment_nqpoint"] == counts
    assert found["nqpoint"] == sum(counts) == len(found["phonon"])
    assert found["labels"][1] == [r"$\mathrm{X}$", r"$\mathrm{U}$"]
    assert found["natom"] == 2
    np.testing.assert_allclose(
        np.array(found["reciprocal_lattice"]) @ np.array(found["lattice"]).T, np.eye(3), atol=1e-6
    )
    w = np.array([[b["frequency"] for b in q["band"]] for q in found["phonon"]])
    np.testing.assert_allclose(w, np.concatenate(bands.frequencies) * THZ_PER_WAVENUMBER, atol=1e-9)
    first = found["phonon"][counts[0] - 1]
    assert first["distance"] == pytest.approx(1 / 5.64, abs=1e-6)  # without 2 pi, as phonopy's


def test_phonopys_plot_program_reads_it(
    bands: BandStructure, rock_salt: Crystal, tmp_path: Path
) -> None:
    origin = Provenance("w", "ab" * 32, ("one: of two",))
    Results(tmp_path, origin).yaml("band.yaml", band_text(bands, rock_salt))
    run = "from phonopy.scripts.phonopy_bandplot import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", run, "--gnuplot", "band.yaml"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert "Traceback" not in done.stderr  # it ends with status 1 whatever it did
    rows = [line.split() for line in done.stdout.splitlines() if line and line[0] != "#"]
    printed = sorted(float(row[1]) for row in rows if len(row) == 2)
    wanted = np.sort(np.concatenate(bands.frequencies).ravel()) * THZ_PER_WAVENUMBER
    np.testing.assert_allclose(printed, wanted, atol=1e-5)


def test_mixed_sites_have_a_name(bands: BandStructure, rock_salt: Crystal) -> None:
    sites = ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0})
    alloy = Crystal(rock_salt.cell, rock_salt.frac_coords, sites)
    found = yaml.safe_load(band_text(bands, alloy))
    assert [p["symbol"] for p in found["points"]] == ["Na0.5K0.5", "Cl"]
    assert found["points"][0]["mass"] == pytest.approx(alloy.masses[0])


def test_table_names_its_units(bands: BandStructure) -> None:
    head, rows = bands_table(bands, "meV")
    assert head[:2] == ["segment", "distance [1/A]"]
    assert head[-1] == "mode 6 [meV]"
    assert len(rows) == sum(len(w) for w in bands.frequencies)
    assert float(rows[-1][-1]) == pytest.approx(bands.frequencies[-1][-1, -1] * 0.1239841984)
    assert [rows[0][0], rows[-1][0]] == [1, 6]


def test_record_and_words(bands: BandStructure) -> None:
    record = bands_record(bands, "THz")
    assert record["frequency_unit"] == "THz"
    assert record["segments"][2]["labels"] == ["K", "GAMMA"]
    assert np.shape(record["segments"][0]["frequencies"])[1] == 6
    assert path_text(bands) == "Gamma-X-U | K-Gamma-L-W-X"


Vectors = tuple[np.ndarray, ...]


@pytest.fixture
def vectors(bands: BandStructure, rng: np.random.Generator) -> Vectors:
    """Any unitary matrices, one a wave vector."""
    shapes = [(len(w), 6, 6) for w in bands.frequencies]
    return tuple(np.linalg.qr(rng.normal(size=s) + 1j * rng.normal(size=s))[0] for s in shapes)


def test_eigenvectors_in_band_yaml(
    bands: BandStructure, rock_salt: Crystal, vectors: Vectors
) -> None:
    found = yaml.safe_load(band_text(bands, rock_salt, vectors))
    band = found["phonon"][3]["band"][4]["eigenvector"]
    assert np.shape(band) == (2, 3, 2)
    parts = np.array(band)
    np.testing.assert_allclose(
        (parts[..., 0] + 1j * parts[..., 1]).ravel(), vectors[0][3, :, 4], atol=1e-13
    )


def test_eigenvectors_as_arrays(
    bands: BandStructure, rock_salt: Crystal, vectors: Vectors, tmp_path: Path
) -> None:
    Results(tmp_path, Provenance("w", "ab" * 32)).arrays(
        "e.npz", eigenvector_arrays(bands, rock_salt, vectors, rock_salt.masses)
    )
    found = np.load(tmp_path / "e.npz")
    points = sum(len(w) for w in bands.frequencies)
    assert found["eigenvectors"].shape == (points, 6, 2, 3)
    np.testing.assert_array_equal(found["eigenvectors"][3, 4].ravel(), vectors[0][3, :, 4])
    assert found["frequencies"].shape == (points, 6)
    assert found["segment"].tolist() == [
        k + 1 for k, w in enumerate(bands.frequencies) for _ in range(len(w))
    ]
    assert found["symbols"].tolist() == ["Na", "Cl"]
    assert "real and positive" in str(found["convention"])
    assert "weights w" in str(found["provenance"][0])
