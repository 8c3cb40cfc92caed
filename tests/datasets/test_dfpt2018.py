"""dfpt2018 from archive or folder to data set: made-up records always, the real ones if there."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from phonodos.datasets import dfpt2018
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.dfpt2018 import prepare
from phonodos.errors import DataError
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.structures.archives import sha256_of


@pytest.fixture
def folder(tmp_path: Path, make_record, rock_salt, perovskite) -> Path:
    """Three records, the last without thermodynamics."""
    place = tmp_path / "phonon"
    place.mkdir()
    records = [
        make_record(rock_salt, "mp-22862"),
        make_record(perovskite, "mp-5229"),
        make_record(perovskite, "mp-443") | {"thermo": {}},
    ]
    for record in records:
        name = record["metadata"]["material_id"]
        (place / f"{name}.json").write_text(json.dumps(record))
    return place


def test_a_folder_becomes_a_data_set(folder, tmp_path):
    steps = []
    output = tmp_path / "new" / "d.parquet"
    report = prepare(folder, output, workers=1, progress=lambda done, _: steps.append(done))
    assert steps == [1, 2, 3]
    assert (report.output, report.written, report.failed) == (output, 3, {})
    dataset = Dataset.open(output)
    assert dataset.ids == ["mp-443", "mp-5229", "mp-22862"]  # by number
    assert dataset.formulas == ["SrTiO3", "SrTiO3", "NaCl"]
    assert dataset.column("thermo_entropy")[0] is None
    assert len(dataset.column("thermo_entropy")[1]) == 160
    known = dataset.provenance
    assert known["sources"] == [{"name": "phonon", "sha256": None, "kind": "dfpt2018"}]
    assert known["records"] == 3
    assert known["functional"] == "PBEsol"
    assert known["target"]["window"] == 101
    assert "Petretto" in known["citation"]
    assert [p.name for p in output.parent.iterdir()] == ["d.parquet"]


def test_processes_and_archives_give_the_same(folder, tmp_path):
    prepare(folder, tmp_path / "one.parquet", workers=1)
    archive = tmp_path / "phonon.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, "phonon")
    prepare(archive, tmp_path / "two.parquet", workers=2)
    one, two = (Dataset.open(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    for name in ("id", "target", "dos_densities", "born_charges", "cell", "thermo_free_energy"):
        assert one.column(name) == two.column(name)
    assert two.provenance["sources"][0]["sha256"] == sha256_of(archive)


def test_broken_records_are_named_and_left_out(folder, make_record, rock_salt, tmp_path):
    (folder / "mp-1.json").write_text('{"metadata": ')
    (folder / "mp-2.json").write_bytes(b"\xff\xfe\x00")
    (folder / "mp-3.json").write_text("")
    (folder / "mp-4.json").write_text("[" * 100_000)
    (folder / "mp-5.json").write_text("{}")
    (folder / "mp-6.json").write_text(json.dumps(make_record(rock_salt, "mp-443")))
    broken = make_record(rock_salt, "mp-7")
    del broken["phonon"]["ph_dos"]
    (folder / "mp-7.json").write_text(json.dumps(broken))
    report = prepare(folder, tmp_path / "d.parquet", workers=1)
    assert report.written == 3
    reasons = {f"mp-{i}": "not a JSON file" for i in range(1, 5)}
    reasons |= {
        "mp-5": "'metadata' is missing",
        "mp-6": "there is a record mp-443 already",
        "mp-7": "'ph_dos' is missing",
    }
    assert set(report.failed) == set(reasons)
    for name, reason in reasons.items():
        assert reason in report.failed[name]
    assert Dataset.open(report.output).provenance["failed"] == report.failed


def test_the_report_counts_masks_and_frames(folder, make_record, rock_salt, tmp_path):
    neutral = make_record(rock_salt, "mp-8")
    neutral["flags"]["large_cnsr_break"] = "False"
    garbage = make_record(rock_salt, "mp-9")
    garbage["flags"]["large_cnsr_break"] = "False"
    garbage["dielectric"]["becs"] = (500 * np.ones((2, 3, 3))).tolist()
    without = make_record(rock_salt, "mp-10") | {"dielectric": {}}
    for record in (neutral, garbage, without):
        name = record["metadata"]["material_id"]
        (folder / f"{name}.json").write_text(json.dumps(record))
    report = prepare(folder, tmp_path / "d.parquet", workers=1)
    assert report.sound == 1
    assert report.moved_in_cell_frame == 1
    assert report.frames["none"] == 1
    assert sum(report.frames.values()) == report.written == 6
    assert report.largest_residual < 1e-6  # garbage does not count
    text = "\n".join(report.lines())
    assert "none 1 (16.7%)" in text
    assert "sound by every mask: 1 (16.7%)" in text


def test_nothing_to_prepare(folder, tmp_path):
    for path in folder.iterdir():
        path.write_text("no JSON")
    with pytest.raises(DataError, match="no record of ") as caught:
        prepare(folder, tmp_path / "d.parquet", workers=1)
    assert all(name in caught.value.reason for name in ("mp-443", "mp-5229", "mp-22862"))
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(DataError) as caught:
        prepare(folder, tmp_path / "d.parquet", workers=1)
    assert "no .json files" in caught.value.reason
    with pytest.raises(DataError, match="it does not exist"):
        prepare(tmp_path / "missing", tmp_path / "d.parquet", workers=1)
    assert not (tmp_path / "d.parquet").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cut_off_archive_gives_no_data_set(workers, folder, tmp_path):
    archive = tmp_path / "phonon.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "phonon")
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(DataError, match="cannot be read as an archive"):
        prepare(archive, tmp_path / "d.parquet", workers=workers)
    assert not (tmp_path / "d.parquet").exists()


def test_an_output_that_cannot_be_written_is_noticed_before_the_work(folder, tmp_path):
    steps = []
    with pytest.raises(DataError, match="cannot be written"):
        prepare(folder, tmp_path, workers=1, progress=lambda done, _: steps.append(done))
    assert steps == []


def test_the_real_archive(prepared):
    """Counts of the shared archive; 842 are moved by our measure, 845 by a slightly other one."""
    assert (prepared.written, prepared.failed) == (1446, {})
    assert prepared.sound == 1336
    assert abs(prepared.moved_in_cell_frame - 845) <= 5
    assert prepared.largest_residual < 0.06
    assert prepared.frames == {"primitive standard": 1227, "cell": 219}
    dataset = Dataset.open(prepared.output)
    assert len(dataset) == len(set(dataset.ids)) == 1446
    assert dataset.mask("has_negative_frequencies").sum() == 264
    assert dataset.mask("large_asr_break").sum() == 76
    assert dataset.mask("large_cnsr_break").sum() == 109
    assert dataset.column("thermo_entropy").count(None) == 264
    n_atoms = np.array(dataset.column("n_atoms"))
    assert (n_atoms.min(), np.median(n_atoms), n_atoms.max()) == (2, 8, 40)
    assert len({s for sites in dataset.column("species") for s in sites}) == 64
    highest = [max(values) for values in dataset.column("band_frequencies")]
    assert sum(value > 1000 for value in highest) == 187
    assert round(max(highest)) == 3674


@pytest.mark.parametrize(
    ("name", "formula", "values"),
    [
        ("mp-1000", "BaTe", [0.0, 0.1603814665, 0.3662930164]),
        ("mp-1002124", "HfC", [0.0233773173, 0.0309106863]),
        ("mp-1002164", "GeC", [0.0, 0.0017221474, 0.0059812461]),
        ("mp-10044", "BAs", [0.0, 0.0022772930, 0.0078646583]),
        ("mp-1008223", "CaSe", [0.0, 0.2588709724, 0.5505201513]),
    ],
)
def test_real_targets_have_their_check_values(name, formula, values, prepared):
    record = Dataset.open(prepared.output).select([name])
    assert record.formulas == [formula]
    np.testing.assert_allclose(record.targets[0][: len(values)], values, atol=1e-9)
    assert record.targets.max() == 1.0


def test_real_targets_are_those_of_few_points_too(prepared):
    """CsAu has 94 points of the DOS, all within 100 cm^-1."""
    record = Dataset.open(prepared.output).select(["mp-2667"])
    assert len(record.column("dos_frequencies")[0]) == 94
    assert record.targets[0].max() == 1.0
    assert (record.targets[0][5:] == 0.0).all()


def test_real_heat_capacities_agree_with_the_source_per_formula_unit(prepared):
    """Ours, from the DOS, against the source's at 300 K; peroxides and N2 are among them."""
    dataset = Dataset.open(prepared.output)
    errors = []
    table = zip(
        dataset.column("thermo_temperatures"), dataset.column("thermo_heat_capacity"), strict=True
    )
    for index, (temperatures, theirs) in enumerate(table):
        if temperatures is not None:
            ours = thermal_properties(dataset.dos(index), [300.0]).per(
                "formula", dataset.crystal(index)
            )
            errors.append(ours.heat_capacity[0] / theirs[temperatures.index(300.0)] - 1.0)
    assert len(errors) == 1182
    assert np.abs(errors).max() < 1e-3  # found: 5e-5


def test_real_born_charges_are_symmetric_in_the_frame_of_the_cell(prepared):
    """Charges of polar cubic crystals are multiples of the identity; those of anions negative."""
    dataset = Dataset.open(prepared.output).select(["mp-1000", "mp-1008223"])
    for index in range(2):
        cation, anion = dataset.born_charges(index)
        np.testing.assert_allclose(cation, cation[0, 0] * np.eye(3), atol=1e-3)
        assert cation[0, 0] > 1.5 > -1.5 > anion[0, 0]


@pytest.mark.parametrize(
    "kind", [ZeroDivisionError, MemoryError, RecursionError, KeyError, OSError]
)
def test_whatever_a_record_raises_names_it(kind, folder, tmp_path, monkeypatch):
    def broken(data):
        if data["metadata"]["material_id"] == first:
            raise kind
        return read(data)

    read = dfpt2018.read_record
    names = sorted(p.stem for p in folder.glob("*.json"))
    first = json.loads((folder / f"{names[0]}.json").read_text())["metadata"]["material_id"]
    (folder / "digits.json").write_text('{"metadata": ' + "9" * 5000 + "}")
    monkeypatch.setattr(dfpt2018, "read_record", broken)
    report = prepare(folder, tmp_path / "out.parquet", workers=1)
    assert set(report.failed) == {names[0], "digits"}
    assert report.written == len(names) - 1
