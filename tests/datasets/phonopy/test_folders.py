"""Calculations are found in every kind of source, and named by their entry or their path."""

import bz2
import gzip
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phonodos.datasets.phonopy.folders import count_calculations, entry_name, find_calculations
from phonodos.errors import DataError

NAMES = ("POSCAR-unitcell", "phonopy.conf", "FORCE_SETS", "BORN")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the names of a calculation, and some that are of no use."""
    made = tmp_path / "mp-12-20180417"
    made.mkdir()
    for name in (*NAMES, "INCAR", "._BORN"):
        (made / name).write_text(f"content of {name}")
    return made


def packed(folder: Path, path: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, folder.name)
    return path


def lzma_alone(folder: Path, path: Path) -> Path:
    plain = packed(folder, path.with_suffix(".plain"), "w")
    path.write_bytes(lzma.compress(plain.read_bytes(), lzma.FORMAT_ALONE))
    plain.unlink()
    return path


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    return path


def collection(folder: Path) -> Path:
    inner = lzma_alone(folder, folder.parent / "materials-id-12-nacl-fm-3m-225.tar.lzma")
    with tarfile.open(folder.parent / "all.tar.gz", "w:gz") as archive:
        archive.add(inner, f"phonon_db_tarred/{inner.name}")
    return folder.parent / "all.tar.gz"


def folder_of_archives(folder: Path) -> Path:
    (folder.parent / "archives").mkdir()
    lzma_alone(folder, folder.parent / "archives" / "materials-id-12-x-y-1.tar.lzma")
    return folder.parent / "archives"


def tar_of_folders(folder: Path) -> Path:
    shutil.copytree(folder, folder.parent / "in" / folder.name)
    return packed(folder.parent / "in", folder.parent / "many.tar", "w")


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder,
        lambda folder: folder.parent,
        collection,
        folder_of_archives,
        tar_of_folders,
        lambda folder: lzma_alone(folder, folder.parent / "one.tar.lzma"),
        lambda folder: packed(folder, folder.parent / "one.tar.xz", "w:xz"),
        lambda folder: packed(folder, folder.parent / "one.tgz", "w:gz"),
        lambda folder: zipped(folder, folder.parent / "one.zip"),
    ],
)
def test_every_source_holds_the_calculation(folder: Path, make: Callable[[Path], Path]) -> None:
    source = make(folder)
    (found,) = find_calculations(source)
    packed_tar = source.is_file() and source.name.endswith(("gz", "xz", "lzma"))
    assert count_calculations(source) == (None if packed_tar else 1)
    assert found.name == "mp-12"
    assert found.published
    files = found.files()
    assert {name: data.decode() for name, data in files.items()} == {
        name: f"content of {name}" for name in NAMES
    }


def test_compressed_parameters(tmp_path: Path) -> None:
    for number in (7, 123456):
        (tmp_path / "db" / f"mp-{number}").mkdir(parents=True)
        content = lzma.compress(b"phonopy: {}")
        (tmp_path / "db" / f"mp-{number}" / "phonopy_params.yaml.xz").write_bytes(content)
    found = list(find_calculations(tmp_path / "db"))
    assert [c.name for c in found] == ["mp-123456", "mp-7"]
    assert not any(c.published for c in found)
    assert found[0].files() == {"phonopy_params.yaml": b"phonopy: {}"}
    single = tmp_path / "db" / "mp-7" / "phonopy_params.yaml.xz"
    (alone,) = find_calculations(single)
    assert alone.name == "mp-7"
    assert alone.files() == {"phonopy_params.yaml": b"phonopy: {}"}
    zips = tmp_path / "zips"
    zips.mkdir()
    with zipfile.ZipFile(zips / "mp-7-20180417.zip", "w") as archive:
        archive.write(single, "phonopy_params.yaml.xz")
    (of_zip,) = find_calculations(zips)
    assert of_zip.name == "mp-7"
    assert of_zip.files() == {"phonopy_params.yaml": b"phonopy: {}"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("phonon_db_tarred/materials-id-1000-bate-fm-3m-225", "mp-1000"),
        ("mp-1000-20180417", "mp-1000"),
        ("mp-1000/strained", "mp-1000/strained"),
        ("lamp-3", "lamp-3"),
        ("/data/mp-9/mine", "mine"),
        ("relaxed/NaCl", "relaxed/NaCl"),
        ("/data/me/NaCl", "NaCl"),
        ("temp-1.5", "temp-1.5"),
    ],
)
def test_names(path: str, name: str) -> None:
    assert entry_name(path) == name


def test_folders_in_folders_are_named_by_their_path(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "mine" / "a" / "salt")
    shutil.copytree(folder, folder.parent / "mine" / "b" / "salt")
    found = list(find_calculations(folder.parent / "mine"))
    assert [c.name for c in found] == ["a/salt", "b/salt"]


def test_sources_that_are_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        find_calculations(tmp_path / "absent")
    (tmp_path / "text.tar").write_text("no archive at all")
    with pytest.raises(DataError, match="neither tar nor zip"):
        list(find_calculations(tmp_path / "text.tar"))
    cut = packed(folder, tmp_path / "cut.tar.xz", "w:xz")
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(DataError, match="cut off"):
        list(find_calculations(cut))
    (tmp_path / "nothing").mkdir()
    assert list(find_calculations(tmp_path / "nothing")) == []


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_archives_beside_a_calculation_are_left_out(
    form: str, folder: Path, tmp_path: Path
) -> None:
    """Outputs packed away, as phonopy's own examples have them."""
    shutil.copytree(folder, tmp_path / "set" / "a")
    (tmp_path / "set" / "a" / "vaspruns.tar.lzma").write_bytes(b"outputs")
    shutil.copytree(folder, tmp_path / "set" / "b")
    source = tmp_path / "set"
    if form == "tar":
        source = tmp_path / "set.tar"
        packed(tmp_path / "set", source, "w")
    found = list(find_calculations(source))
    assert [c.place.split("/")[-1] for c in found] == ["a", "b"]
    assert count_calculations(source) == 2
    assert all(c.files() for c in found)


def test_archives_within_must_hold_one_calculation(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "pair" / "a")
    shutil.copytree(folder, tmp_path / "pair" / "b")
    (tmp_path / "in").mkdir()
    packed(tmp_path / "pair", tmp_path / "in" / "two.tar", "w")
    (folder / "POSCAR-unitcell").unlink()
    packed(folder, tmp_path / "in" / "none.tar", "w")
    (tmp_path / "in" / "junk.tar.lzma").write_bytes(b"junk")
    reasons = []
    for found in find_calculations(tmp_path / "in"):
        with pytest.raises(DataError) as caught:
            found.files()
        reasons.append(caught.value.summary)
    assert reasons == [
        "junk.tar.lzma cannot be read",
        "no calculation in the archive",
        "several calculations in one archive",
    ]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "lzma"])
@pytest.mark.parametrize("keep", ["half", "flipped"])
def test_damaged_files_are_named(folder: Path, suffix: str, keep: str) -> None:
    """Cut off or with wrong bytes in the middle, whatever the compression says to it."""
    content = bytes(np.random.default_rng(3).integers(0, 256, 5000, dtype=np.uint8))
    pack = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    }[suffix]
    whole = bytearray(pack(content * 3))
    middle = len(whole) // 2
    if keep == "flipped":
        whole[middle : middle + 40] = bytes(b ^ 255 for b in whole[middle : middle + 40])
    (folder / "FORCE_SETS").unlink()
    (folder / f"FORCE_SETS.{suffix}").write_bytes(whole[:middle] if keep == "half" else whole)
    (found,) = find_calculations(folder)
    if (keep, suffix) == ("flipped", "lzma"):
        return  # this old format has no checksum: what comes out is for the readers to judge
    with pytest.raises(DataError, match="a damaged file"):
        found.files()


@pytest.mark.parametrize("at", [0.3, 0.6, 0.999])
def test_a_compressed_tar_with_a_wrong_byte(folder: Path, at: float) -> None:
    """Wherever it is, the checksum of the compression included."""
    noise = np.random.default_rng(3).integers(0, 256, 20000, dtype=np.uint8)
    (folder / "FORCE_SETS").write_bytes(bytes(noise))
    path = packed(folder, folder.parent / "one.tar.gz", "w:gz")
    whole = bytearray(path.read_bytes())
    place = min(int(at * len(whole)), len(whole) - 6)
    whole[place] ^= 255
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"one.tar.gz cannot be read"):
        list(find_calculations(path))
