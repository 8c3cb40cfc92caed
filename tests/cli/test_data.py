"""`phonodos data`: what is printed and written, exit codes, errors a user can act on."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from phonodos.cli.main import app
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.growing import GrowingTable
from phonodos.datasets.splits import Split
from phonodos.model.weights import rewrite_header, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.structures.archives import sha256_of


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, words)])


@pytest.fixture
def records(tmp_path: Path, make_record, rock_salt, perovskite) -> Path:
    folder = tmp_path / "phonon"
    folder.mkdir()
    for crystal, name in ((rock_salt, "mp-22862"), (perovskite, "mp-5229")):
        (folder / f"{name}.json").write_text(json.dumps(make_record(crystal, name)))
    return folder


@pytest.fixture
def dataset(records: Path, tmp_path: Path) -> Path:
    path = tmp_path / "d.parquet"
    assert run("prepare", "dfpt2018", records, "-o", path, "--workers", 1).exit_code == 0
    return path


@pytest.fixture
def third() -> Crystal:
    """A crystal of a third formula."""
    return Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ["Cs", "Cl"])


def archive_of(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        archive.add(folder, "phonon")
    return stream.getvalue()


def test_help_names_the_commands():
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in ("fetch", "prepare", "pack", "split", "card"))


def test_prepare(records, tmp_path):
    output = tmp_path / "d.parquet"
    result = run("prepare", "dfpt2018", records, "-o", output, "--workers", 1)
    assert result.exit_code == 0
    assert f"2 records written to {output}, 0 failed" in result.stdout
    assert "frame the tensors were given in: " in result.stdout
    assert "sound by every mask: 0 (0.0%)" in result.stdout
    assert len(Dataset.open(output)) == 2


def test_a_broken_record_is_named_and_the_rest_is_written(records, tmp_path):
    (records / "mp-1.json").write_text("{")
    result = run("prepare", "dfpt2018", records, "-o", tmp_path / "d.parquet", "--workers", 1)
    assert result.exit_code == 3
    assert "2 records written" in result.stdout
    assert "1 failed" in result.stdout
    assert "failed: mp-1: not a JSON file" in result.stderr


def test_prepare_as_json(records, tmp_path):
    (records / "mp-1.json").write_text("{}")
    output = tmp_path / "d.parquet"
    result = run("prepare", "dfpt2018", records, "-o", output, "--workers", 1, "--json")
    assert result.exit_code == 3
    answer = json.loads(result.stdout)
    assert (answer["kind"], answer["output"], answer["written"]) == ("dfpt2018", str(output), 2)
    assert list(answer["failed"]) == ["mp-1"]
    assert answer["failed"]["mp-1"].endswith(")")  # what to do about it
    assert sum(answer["frames"].values()) == 2


def test_nothing_could_be_prepared(records, tmp_path):
    for path in records.iterdir():
        path.write_text("broken")
    output = tmp_path / "d.parquet"
    result = run("prepare", "dfpt2018", records, "-o", output, "--workers", 1, "--json")
    assert result.exit_code == 4
    assert "no record of" in json.loads(result.stdout)["error"]["summary"]
    assert "fix:" in result.stderr
    assert not output.exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("prepare", "dfpt", "x", "-o", "d"), 2, "'dfpt' is no kind of record"),
        (("prepare", "dfpt2018", "x"), 2, "--output"),
        (("prepare", "dfpt2018", "x", "-o", "d", "--workers", 0), 2, "--workers"),
        (("prepare", "dfpt2018", "x", "-o", "d", "--workers", 100_000), 2, "100000 workers"),
        (("prepare", "dfpt2018", "x", "-o", "d", "--timeout", 0), 2, "time limit"),
        (("prepare", "dfpt2018", "missing.tar", "-o", "d"), 4, "no archive missing.tar"),
        (("fetch", "mp2018"), 2, "no data set is called 'mp2018'"),
        (("split", "missing.parquet", "-o", "s"), 4, "no data set missing.parquet"),
        (("card", "missing.parquet"), 4, "no data set missing.parquet"),
    ],
)
def test_wrong_use(words, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == code
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_a_page_of_html_for_an_archive(tmp_path):
    page = tmp_path / "9850858"
    page.write_text("<!doctype html><title>Just a moment</title>")
    result = run("prepare", "dfpt2018", page, "-o", tmp_path / "d.parquet", "--workers", 1)
    assert result.exit_code == 4
    assert "page of HTML" in result.stderr


def test_fetch_then_prepare(server, records, tmp_path):
    server.content = archive_of(records)
    cache = tmp_path / "cache"
    result = run("fetch", "dfpt2018", "--cache", cache, "--address", server.address)
    assert result.exit_code == 0
    (archive,) = cache.glob("*.tar")
    for part in (server.address, str(archive), str(sha256_of(archive)), "pinned now", "Petretto"):
        assert part in result.stdout
    assert "download: 0.0 of 0.0 MB" in result.stderr  # it is small
    again = run("fetch", "dfpt2018", "--cache", cache, "--address", server.address, "--json")
    answer = json.loads(again.stdout)
    assert (answer["downloaded"], answer["pinned_now"]) == (False, False)
    assert answer["path"] == str(archive)
    result = run("prepare", "dfpt2018", archive, "-o", tmp_path / "d.parquet", "--workers", 1)
    assert result.exit_code == 0
    source = Dataset.open(tmp_path / "d.parquet").provenance["sources"][0]
    assert source["sha256"] == answer["sha256"]


def test_fetch_of_a_web_page_sends_to_the_browser(server, tmp_path):
    server.content, server.kind = b"<html>robots are not served</html>", "text/html"
    result = run("fetch", "phonondb", "--cache", tmp_path, "--address", server.address, "--json")
    assert result.exit_code == 4
    error = json.loads(result.stdout)["error"]
    assert "web page" in error["reason"]
    assert "https://github.com/WMD-group/phononDB" in error["fix"]
    assert "phonodos data prepare phonondb FILE" in error["fix"]


def test_the_cache_is_where_the_environment_says(server, records, tmp_path, monkeypatch):
    server.content = archive_of(records)
    monkeypatch.setenv("PHONODOS_CACHE", str(tmp_path / "elsewhere"))
    assert run("fetch", "phonondb", "--address", server.address).exit_code == 0
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2  # archive and checksum


def test_split(tmp_path, records, make_record, rock_salt, perovskite, third):
    for i, crystal in enumerate((rock_salt, perovskite, third)):
        name = f"mp-{i}"
        (records / f"{name}.json").write_text(json.dumps(make_record(crystal, name)))
    data, output = tmp_path / "d.parquet", tmp_path / "s.json"
    assert run("prepare", "dfpt2018", records, "-o", data, "--workers", 1).exit_code == 0
    options = ("--valid", 0.2, "--test", 0.2, "--seed", 5)
    result = run("split", data, "-o", output, *options)
    assert result.exit_code == 0
    assert "no formula in two parts" in result.stdout
    split = Split.read(output)
    assert sum(len(ids) for ids in split.parts.values()) == 5
    assert split.metadata["seed"] == 5
    same = run("split", data, "-o", tmp_path / "t.json", *options, "--json")
    assert json.loads(same.stdout)["parts"] == {p: len(i) for p, i in split.parts.items()}
    assert Split.read(tmp_path / "t.json").parts == split.parts
    assert run("split", data, "-o", output, "--valid", 0.9, "--test", 0.2).exit_code == 2
    assert run("split", data, "-o", tmp_path).exit_code == 4


def test_a_split_like_that_of_weights(tmp_path, records, make_record, third):
    """The ids in the header of a weight file, if the data set holds them all."""
    (records / "mp-1.json").write_text(json.dumps(make_record(third, "mp-1")))
    data, output = tmp_path / "d.parquet", tmp_path / "s.json"
    assert run("prepare", "dfpt2018", records, "-o", data, "--workers", 1).exit_code == 0
    parts = {"train": ["mp-5229"], "valid": ["mp-1"], "test": ["mp-22862"]}
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(weights_path("chen2021").read_bytes())
    rewrite_header(weights, {"split": parts})
    result = run("split", data, "-o", output, "--like", weights)
    assert result.exit_code == 0, result.output
    assert "train 1 (33.3%), valid 1" in result.stdout
    split = Split.read(output)
    assert {name: list(ids) for name, ids in split.parts.items()} == parts
    assert split.metadata["like"] == "chen2021"
    result = run("split", data, "-o", tmp_path / "t.json", "--like", "chen2021", "--json")
    assert result.exit_code == 4
    assert "1445 ids are not in" in result.stderr
    assert not (tmp_path / "t.json").exists()


def test_too_small_to_split(dataset, tmp_path):
    result = run("split", dataset, "-o", tmp_path / "s.json")
    assert result.exit_code == 4
    assert "2 formulas are too few" in result.stderr
    assert not (tmp_path / "s.json").exists()


def test_card(dataset, tmp_path):
    result = run("card", dataset)
    assert result.exit_code == 0
    assert result.stdout.startswith("# Data set d.parquet\n")
    assert "2 materials (2 formulas, 5 elements)" in result.stdout
    output = tmp_path / "cards" / "d.md"
    written = run("card", dataset, "-o", output)
    assert written.exit_code == 0
    assert output.read_text() == result.stdout
    assert str(output) in written.stdout
    answer = json.loads(run("card", dataset, "--json").stdout)
    assert answer["dataset"] == str(dataset)
    assert answer["records"] == 2
    assert run("card", dataset, "-o", tmp_path).exit_code == 4


@pytest.fixture
def calculations(tmp_path: Path) -> Path:
    """Two phonopy calculations of silicon in one cell, one of them without forces."""
    from phonopy import Phonopy
    from phonopy.file_IO import write_FORCE_SETS
    from phonopy.interface.vasp import write_vasp
    from phonopy.structure.atoms import PhonopyAtoms

    cell = 5.43 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    silicon = PhonopyAtoms(symbols=["Si", "Si"], cell=cell, scaled_positions=[[0] * 3, [0.25] * 3])
    phonon = Phonopy(silicon, supercell_matrix=np.eye(3, dtype=int))
    phonon.generate_displacements(distance=0.01)
    (move,) = [d["displacement"] for d in phonon.dataset["first_atoms"]]
    phonon.forces = np.array([[np.array(move) * -14.0, np.array(move) * 14.0]])
    folder = tmp_path / "mine"
    for name in ("good", "bad"):
        (folder / name).mkdir(parents=True)
        write_vasp(folder / name / "POSCAR", silicon)
        (folder / name / "phonopy.conf").write_text("DIM = 1 1 1\n")
    write_FORCE_SETS(phonon.dataset, filename=folder / "good" / "FORCE_SETS")
    return folder


def test_prepare_phonopy_calculations(calculations, tmp_path):
    output = tmp_path / "p.parquet"
    words = ("prepare", "phonondb", calculations, "-o", output, "--workers", 1)
    result = run(*words, "--cutoff", 3.0, "--no-dos")
    assert result.exit_code == 3
    assert f"1 records written to {output}, 1 failed" in result.stdout
    assert "failed: bad: no forces: FORCE_SETS is missing" in result.stderr
    assert "prepare: 2 of 2 records" in result.stderr
    made = Dataset.open(output)
    assert made.provenance["cutoff_A"] == 3.0
    assert len(made.column("force_constant_centres")[0]) == 8  # four bonds, from both ends
    assert made.present("dos_densities") == 0
    assert run(*words, "--cutoff", 99).exit_code == 2
    result = run(*words, "--pack", "--json")
    assert result.exit_code == 3
    packed = Dataset.open(output)
    assert json.loads(result.stdout)["packed"]["bytes_after"] == output.stat().st_size
    assert packed.provenance["packed"]
    assert packed.present("dos_densities") == 1


@pytest.mark.parametrize("kind", ["phonondb", "dfpt2018"])
def test_an_unfinished_run(kind, calculations, records, tmp_path, monkeypatch):
    """It goes on, is refused where settings differ, or is thrown away: for every kind alike."""
    output = tmp_path / "p.parquet"
    source = calculations if kind == "phonondb" else records
    (records / "mp-1.json").write_text("{")
    words = ("prepare", kind, source, "-o", output, "--workers", 1)
    monkeypatch.setattr(GrowingTable, "finish", stopped)
    assert run(*words).exit_code == 130
    monkeypatch.undo()
    parts = tmp_path / "p.parquet.parts"
    (part,) = parts.glob("*.parquet")
    result = run("prepare", kind, source.parent, "-o", output, "--workers", 1)
    assert result.exit_code == 2
    assert f"source: {source}, now {source.parent}" in result.stderr
    assert "--restart" in result.stderr
    assert part.exists()
    answer = json.loads(run(*words, "--json").stdout)
    assert (answer["written"], answer["resumed"]) == (
        pq.read_metadata(output).num_rows,
        answer["written"],
    )
    assert not parts.exists()
    monkeypatch.setattr(GrowingTable, "finish", stopped)
    assert run(*words).exit_code == 130
    monkeypatch.undo()
    result = run(*words, "--restart")
    assert result.exit_code == 3
    assert ("done before and kept: 0" in result.stdout) == (kind == "phonondb")
    assert not parts.exists()


def stopped(*_, **__):
    raise KeyboardInterrupt


def test_pack(dataset, tmp_path):
    output = tmp_path / "packed.parquet"
    result = run("pack", dataset, "-o", output, "--cutoff", 6)
    assert result.exit_code == 0
    assert f"2 records written to {output}\npacked: 0.0 MB, before 0." in result.stdout
    assert Dataset.open(output).ids == Dataset.open(dataset).ids
    answer = json.loads(run("pack", dataset, "-o", output, "--json").stdout)
    assert (answer["records"], answer["bytes_after"]) == (2, output.stat().st_size)
    assert answer["bytes_before"] == dataset.stat().st_size


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cutoff", 6), "dfpt2018 has no --cutoff"),
        (("--cutoff", 6, "--no-dos"), "dfpt2018 has no --cutoff, --dos"),
    ],
)
def test_settings_of_another_kind(words, says, records, tmp_path):
    result = run("prepare", "dfpt2018", records, "-o", tmp_path / "d.parquet", *words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "d.parquet").exists()
