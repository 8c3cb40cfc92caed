"""Files in folders, tars of every compression, zips; damage is named."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from phonodos.errors import DataError
from phonodos.structures.archives import (
    check_archive,
    check_archive_size,
    is_html,
    names_in,
    read_members,
    sha256_of,
)

FILES = {"mp-1": b"one" * 5000, "mp-2": b"two"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "phonon"
    (place / "deeper").mkdir(parents=True)
    (place / "mp-1.json").write_bytes(FILES["mp-1"])
    (place / "deeper" / "mp-2.json").write_bytes(FILES["mp-2"])
    (place / "._mp-1.json").write_bytes(b"attributes that macOS packs")
    (place / "README").write_bytes(b"no record")
    (place / "empty.json").mkdir()
    return place


def packed(folder: Path, name: str) -> Path:
    path = folder.parent / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in folder.rglob("*"):
                archive.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:" + name.partition(".tar")[2].lstrip(".")) as archive:
            archive.add(folder, "phonon")
    return path


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_archives_give_what_the_folder_gives(name, folder):
    assert dict(read_members(folder)) == FILES
    archive = packed(folder, name)
    assert dict(read_members(archive)) == FILES
    check_archive(archive)


@pytest.mark.parametrize("name", ["a.tar", "a.zip", "a.tar.gz"])
def test_names_without_reading(name, folder):
    found = names_in(packed(folder, name))
    if name == "a.tar.gz":  # it would have to be read whole
        assert found is None
    else:
        assert {"phonon/mp-1.json", "phonon/deeper/mp-2.json", "phonon/README"} < set(found)
        assert not any("empty" in path or path.endswith("deeper") for path in found)
    assert names_in(folder / "gone") is None


def test_the_name_does_not_tell_the_compression(folder):
    archive = packed(folder, "a.tar.xz")
    assert dict(read_members(archive.rename(archive.with_name("b.tar")))) == FILES


def test_one_file_and_other_suffixes(folder):
    assert list(read_members(folder / "mp-1.json")) == [("mp-1", FILES["mp-1"])]
    assert list(read_members(folder, suffix="README")) == [("", b"no record")]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_a_cut_off_archive_is_named(name, folder):
    archive = packed(folder, name)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    for read in (check_archive, lambda path: list(read_members(path))):
        with pytest.raises(DataError, match=rf"{name} cannot be read as an archive") as caught:
            read(archive)
        assert "cut off" in caught.value.reason


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.xz", "a.tar.bz2"])
def test_a_flipped_bit_is_noticed(name, folder):
    archive = packed(folder, name)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 4
    archive.write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        check_archive(archive)


def test_a_web_page_instead_of_an_archive(tmp_path):
    page = tmp_path / "a.tar"
    page.write_text("\ufeff\n<!DOCTYPE HTML><html>sign in</html>", encoding="utf-8")
    assert is_html(page)
    assert not is_html(tmp_path)
    with pytest.raises(DataError) as caught:
        list(read_members(page))
    assert "page of HTML" in caught.value.reason


def test_an_archive_without_files_and_no_archive_at_all(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w"):
        pass
    with pytest.raises(DataError):
        check_archive(tmp_path / "a.tar")
    with pytest.raises(DataError, match="no archive"):
        list(read_members(tmp_path / "missing.tar"))


def test_a_zip_with_a_password_is_named(folder):
    archive = packed(folder, "a.zip")
    content = bytearray(archive.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at >= 0:  # the flag "encrypted" of every entry of the directory
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 1)
    archive.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_members(archive))


def test_checksums(tmp_path):
    (tmp_path / "empty").touch()
    known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_of(tmp_path / "empty") == known
    assert sha256_of(tmp_path) is None


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip"])
def test_archives_of_too_many_or_too_large_files(name, folder):
    archive = packed(folder, name)
    check_archive_size(archive, 10, 1 << 20)
    with pytest.raises(DataError, match="more than 2 files"):
        check_archive_size(archive, 2, 1 << 20)
    with pytest.raises(DataError, match="too large files"):
        check_archive_size(archive, 10, 10_000)
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(DataError, match="cannot be read as an archive"):
        check_archive_size(archive, 10, 1 << 20)


def test_the_list_of_a_zip_is_not_read_where_it_is_too_long(tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(500):
            archive.writestr(f"{n}.cif", b"")

    def unread(*_):
        raise AssertionError("its list is read")

    monkeypatch.setattr(zipfile, "ZipFile", unread)
    with pytest.raises(DataError, match="more than 10 files"):
        check_archive_size(path, 10, 1 << 20)
