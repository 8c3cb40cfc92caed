"""Contents of files: bounded, whatever they unpack to; devices, pipes, overlong lines."""

import bz2
import gzip
import io
import lzma
import os
import socket
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from phonodos.datasets.phonopy.folders import find_calculations
from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.structures import unpacking
from phonodos.structures.archives import check_archive, read_members
from phonodos.structures.reading import iter_crystals
from phonodos.structures.unpacking import LIMIT_VARIABLE, largest_content, lines, plain, text_of

MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One MiB for every file."""
    monkeypatch.setenv(LIMIT_VARIABLE, "1")


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "1_0", "9" * 20])
def test_limits_that_make_no_sense(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    with pytest.raises(ConfigError, match=LIMIT_VARIABLE):
        largest_content()


@pytest.mark.parametrize(("suffix", "packer"), [("gz", gzip), ("xz", lzma), ("bz2", bz2)])
def test_a_file_that_unpacks_to_too_much(tmp_path: Path, suffix: str, packer: object) -> None:
    path = tmp_path / f"bomb.cif.{suffix}"
    path.write_bytes(packer.compress(b" " * (2 * MEBIBYTE)))  # type: ignore[attr-defined]
    (error,) = iter_crystals(path)
    assert isinstance(error, PhonodosError)
    assert "too large" in error.summary
    assert "1 MiB" in error.reason
    assert "--max-size" in error.fix


def bombs(folder: Path, good: bytes) -> list[Path]:
    """Write archives of a good file, one that is too large and another good one."""
    members = {"a.cif": good, "b.cif": b" " * (2 * MEBIBYTE), "c.cif": good}
    paths = [folder / name for name in ("x.tar.xz", "x.tar.gz", "x.zip")]
    for path, mode in zip(paths[:2], ("w:xz", "w:gz"), strict=True):
        with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            for name, target in (("d.cif", "gone.cif"), ("e.cif", "e.cif")):
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
    with zipfile.ZipFile(paths[2], "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in members.items():
            pack.writestr(name, content)
    return paths


def test_a_member_that_is_too_large_costs_itself_alone(tmp_path: Path, examples: Path) -> None:
    good = (examples / "MgO.cif").read_bytes()
    for path in bombs(tmp_path, good):
        found = list(iter_crystals(path))
        assert [isinstance(c, Crystal) for c in found] == [True, False, True], path.name
        assert [isinstance(c, bytes) for _, c in read_members(path, ".cif")] == [True, False, True]
        with pytest.raises(DataError, match="too large"):
            check_archive(path)


def test_headers_that_claim_much(tmp_path: Path) -> None:
    """A name of three MiB is read before any file is: it may not be larger than a file."""
    path = tmp_path / "x.tar.xz"
    with tarfile.open(path, "w:xz", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("n" * (3 * MEBIBYTE)))
    with pytest.raises(DataError, match="too large"):
        list(read_members(path))


def test_what_waits_in_an_archive_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        for number in range(unpacking.HELD_TOGETHER + 2):
            info = tarfile.TarInfo(f"{number}/FORCE_SETS")
            info.size = MEBIBYTE
            tar.addfile(info, io.BytesIO(b"1" * MEBIBYTE))
    with pytest.raises(DataError, match="too large"):
        list(find_calculations(path))


def test_files_of_a_calculation_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text("x")
    (tmp_path / "FORCE_SETS.xz").write_bytes(lzma.compress(b"1" * (2 * MEBIBYTE)))
    (calculation,) = find_calculations(tmp_path)
    with pytest.raises(DataError, match="too large"):
        calculation.files()


def test_lines() -> None:
    stream = io.BytesIO(b"a\n" + b"x" * (3 * MEBIBYTE) + b"\nb")
    first, second, third = lines(stream, "f")
    assert (first, third) == (b"a\n", b"b")
    assert isinstance(second, DataError)


def test_odd_bytes_touch_their_line_alone() -> None:
    assert text_of("\ufeffé\n".encode() + b"Andr\xe9\n" + "ü".encode()) == "é\nAndré\nü"
    assert plain("caf\udce9") == "caf\\udce9"


def test_devices_and_sockets_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        place = tmp_path / "s.cif"
        server.bind(str(place))
        for path in (place, Path("/dev/zero")):
            (error,) = iter_crystals(path)
            assert isinstance(error, PhonodosError)
            assert "no file" in error.summary


def test_a_pipe_is_read_once_to_its_end(tmp_path: Path, examples: Path) -> None:
    path = tmp_path / "pipe.cif"
    os.mkfifo(path)
    content = (examples / "MgO.cif").read_bytes()
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    (crystal,) = iter_crystals(path)
    writer.join()
    assert isinstance(crystal, Crystal)


def test_a_pipe_that_gives_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "PIPE_WAIT", 0.05)
    os.mkfifo(tmp_path / "pipe.cif")
    (error,) = iter_crystals(tmp_path / "pipe.cif")
    assert isinstance(error, PhonodosError)
    assert "gives nothing" in error.summary
