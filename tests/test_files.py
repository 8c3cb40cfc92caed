"""Files appear whole or not at all, and whatever the system refuses is told with a cure."""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from phonodos.errors import DataError
from phonodos.files import (
    check_replaceable,
    file_name,
    refused,
    replacing,
    write_bytes,
    write_text,
)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_one_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_text(path, "one")
    path.chmod(0o640)
    write_text(path, "two \udcff")
    assert path.read_text() == "two ?"
    assert path.stat().st_mode & 0o777 == 0o640
    assert left(tmp_path) == ["x.txt"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real").write_text("old")
    for name in ("real", "absent"):
        (tmp_path / name).symlink_to(Path("far") / name)
        write_text(tmp_path / name, "new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "far" / name).read_text() == "new"
    assert left(tmp_path / "far") == ["absent", "real"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_text("ne")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert left(tmp_path) == ["x"]


def test_a_full_disk(
    tmp_path: Path, full_disk: Callable[..., AbstractContextManager[None]]
) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with full_disk(10), pytest.raises(DataError, match="x cannot be written") as told:
        write_bytes(path, b"0" * 100)
    assert told.value.reason == "File too large"
    assert "make room" in told.value.fix
    assert path.read_text() == "old"
    assert left(tmp_path) == ["x"]


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/null")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (fifo, "not a file"), (device, "not a file"), (unix_socket, "not a file"),
        (loop, "symbolic links"), (folder, "there is a folder"),
    ],
)  # fmt: skip
def test_what_is_no_file_is_neither_replaced_nor_waited_for(
    make: Callable[[Path], None], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    make(Path("x"))
    kind = os.lstat("x").st_mode
    with pytest.raises(DataError, match="x cannot be written") as told:
        write_text(Path("x"), "text")
    assert reason in told.value.reason
    assert told.value.fix
    assert os.lstat("x").st_mode == kind
    assert left(tmp_path) == ["x"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (".", "not the name of a file"), ("", "not the name of a file"), ("/", "not the name"),
        ("absent/x", "No such file"), ("file/x", "Not a directory"), ("x" * 300, "too long"),
    ],
)  # fmt: skip
def test_names_that_cannot_be(
    path: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    with pytest.raises(DataError, match="cannot be written") as told:
        write_text(Path(path), "text")
    assert reason in told.value.reason
    assert left(tmp_path) == ["file"]


def test_the_longest_name_that_can_be(tmp_path: Path) -> None:
    write_text(tmp_path / ("x" * 255), "text")
    assert left(tmp_path) == ["x" * 255]


@pytest.mark.parametrize("where", ["write_bytes", "replace"])
def test_no_permission_or_open_elsewhere(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is read only; a file that a spreadsheet on Windows holds open."""

    def deny(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "x").write_text("old")
    monkeypatch.setattr(Path, where, deny)
    with pytest.raises(DataError, match="x cannot be written") as told:
        write_text(tmp_path / "x", "new")
    assert told.value.reason == "Permission denied"
    assert "close it in other programs" in told.value.fix
    assert (tmp_path / "x").read_text() == "old"
    assert left(tmp_path) == ["x"]


def test_errors_without_words() -> None:
    assert refused("x", OSError()).reason == "OSError"
    assert refused("x", OSError("why")).reason == "why"


def test_the_new_file_lies_where_it_is_told(tmp_path: Path) -> None:
    place = tmp_path / "unfinished"
    place.mkdir()
    with replacing(tmp_path / "a", within=place) as partial:
        partial.write_text("new")
        assert partial.parent == place
    assert (tmp_path / "a").read_text() == "new"
    assert not list(place.iterdir())
    with replacing(tmp_path / "b", within=Path("/dev")) as partial:  # of another file system
        partial.write_text("new")
        assert partial.parent == tmp_path


def test_what_a_killed_run_left_is_taken_by_the_next(tmp_path: Path) -> None:
    """A durable file is on the disk before it takes its place; its new file has one name."""
    names = []
    for _ in range(2):
        with replacing(tmp_path / "x", durable=True) as partial:
            partial.write_text("half and more of it")
            names.append(partial.name)
    assert names[0] == names[1]
    partial = tmp_path / names[0]
    partial.write_text("of a killed run")
    write_bytes(tmp_path / "x", b"new", durable=True)
    assert left(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"new"
    with replacing(tmp_path / "y", durable=True) as other:
        other.write_text("")
        assert other.name != names[0]


def test_what_cannot_be_replaced_is_told_beforehand(tmp_path: Path) -> None:
    check_replaceable(tmp_path / "new")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "nowhere" / "x", Path(os.devnull)):
        with pytest.raises(DataError, match="cannot be written"):
            check_replaceable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MgO", "MgO"), ("a/b\\c", "a_b_c"), ("../x", "_x"), ("<b>", "_b_"), ("", "crystal"),
        ("..", "crystal"), ("Cu0.7Au0.3 (cubic)", "Cu0.7Au0.3_(cubic)"),
    ],
)  # fmt: skip
def test_names_of_files(text: str, name: str) -> None:
    assert file_name(text) == name
