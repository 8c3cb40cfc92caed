"""Downloads from a server on this machine: cache, pinned checksum, resume, all that fails."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from phonodos.datasets.cache import cache_folder, fetch
from phonodos.datasets.download import CHUNK
from phonodos.datasets.sources import SOURCES, Source
from phonodos.errors import DataError
from phonodos.structures.archives import sha256_of

SOURCE = Source(
    "dfpt2018", "a title", "http://127.0.0.1:9/", "https://example.org/", "a.tar", "c", "l"
)


def archive_of(text: bytes, kind: str = "w:") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=kind) as archive:
        member = tarfile.TarInfo("phonon/mp-1.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return stream.getvalue()


CONTENT = archive_of(bytes(range(256)) * 2000)  # half a megabyte: several chunks


def expect(reason: str, fix: str, server, folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        fetch(SOURCE, folder, address=server.address)
    assert reason in caught.value.reason
    assert fix in caught.value.fix
    return caught.value


def test_the_first_download_is_pinned_and_the_next_call_needs_no_network(server, tmp_path):
    server.content = CONTENT
    steps = []
    got = fetch(
        SOURCE,
        tmp_path / "new" / "cache",
        address=server.address,
        progress=lambda *s: steps.append(s),
    )
    assert got.path.read_bytes() == CONTENT
    assert (got.downloaded, got.pinned_now, got.size) == (True, True, len(CONTENT))
    pin = json.loads(got.path.with_name("a.tar.json").read_text())
    assert pin["sha256"] == got.sha256 == sha256_of(got.path)
    assert pin["address"] == server.address
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert len(steps) > 2
    again = fetch(SOURCE, tmp_path / "new" / "cache", address=server.address)
    assert (again.downloaded, again.pinned_now, again.sha256) == (False, False, got.sha256)
    assert len(server.asked) == 1
    assert sorted(p.name for p in got.path.parent.iterdir()) == ["a.tar", "a.tar.json"]


def test_a_download_that_broke_off_goes_on_where_it_stopped(server, tmp_path):
    server.content, server.cut_after = CONTENT, 3 * CHUNK
    error = expect("", "run the same command again", server, tmp_path)
    assert "broke off after 0.2 MB" in error.summary
    server.cut_after = None
    steps = []
    got = fetch(SOURCE, tmp_path, address=server.address, progress=lambda *s: steps.append(s))
    assert server.asked == [None, "bytes=196608-"]
    assert steps[0][0] > 196_608
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert got.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "change",
    [
        {"ranges": False},  # the server sends everything from the start
        {"content": archive_of(b"other" * 99_000), "etag": '"two"'},  # the archive is a new one
        {"content": archive_of(b"small")},  # same validator, but shorter than the part: 416
    ],
)
def test_a_part_that_cannot_be_continued_is_downloaded_anew(change, server, tmp_path):
    server.content, server.cut_after = CONTENT, 3 * CHUNK
    expect("", "run the same command again", server, tmp_path)
    server.cut_after = None
    for name, value in change.items():
        setattr(server, name, value)
    got = fetch(SOURCE, tmp_path, address=server.address)
    assert got.path.read_bytes() == server.content
    assert server.asked[1] == "bytes=196608-"


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_nothing_is_continued_where_the_server_names_no_version(etag, server, tmp_path):
    server.content, server.cut_after, server.etag = CONTENT, 3 * CHUNK, etag
    expect("", "run the same command again", server, tmp_path)
    server.cut_after = None
    assert fetch(SOURCE, tmp_path, address=server.address).path.read_bytes() == CONTENT
    assert server.asked == [None, None]


def test_a_later_download_that_differs_is_an_error_that_says_so(server, tmp_path):
    server.content = CONTENT
    first = fetch(SOURCE, tmp_path, address=server.address)
    first.path.unlink()
    server.content = archive_of(b"something else")
    error = expect(first.sha256, "a.tar.json and fetch again", server, tmp_path)
    assert "not what it was when it was first fetched" in error.summary
    assert not first.path.exists()
    (tmp_path / "a.tar.json").unlink()
    assert fetch(SOURCE, tmp_path, address=server.address).pinned_now


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, tmp_path):
    server.content = CONTENT
    first = fetch(SOURCE, tmp_path, address=server.address)
    first.path.write_bytes(b"damaged")
    second = fetch(SOURCE, tmp_path, address=server.address)
    assert (second.downloaded, second.pinned_now) == (True, False)
    assert second.path.read_bytes() == CONTENT


def test_a_file_put_into_the_cache_by_hand_is_pinned_if_it_is_an_archive(server, tmp_path):
    (tmp_path / "a.tar").write_bytes(CONTENT)
    got = fetch(SOURCE, tmp_path, address=server.address)
    assert (got.downloaded, got.pinned_now, server.asked) == (False, True, [])
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "a.tar").write_text("<html>sign in</html>")
    expect("a page of HTML", "delete", server, tmp_path)
    assert (tmp_path / "a.tar").exists()  # it is the user's


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"content": b"<html>", "kind": "text/html; charset=utf-8"}, "a web page"),
        ({"content": b"\n <!DOCTYPE html><html>"}, "a web page"),
        ({"content": b"", "status": 202}, "202"),
        ({"content": b""}, "nothing came"),
        ({"content": b"no", "status": 404}, "404"),
        ({"content": b"no", "status": 403}, "403"),
        ({"content": b"no", "status": 503}, "503"),
        ({"content": b"{'message': 'no archive'}"}, "neither tar nor zip"),
        ({"content": archive_of(bytes(99_999), "w:gz")[:-40], "announce": False}, "cut off"),
    ],
)
def test_what_is_no_archive_is_refused_and_the_browser_recommended(
    answer, reason, server, tmp_path
):
    for name, value in answer.items():
        setattr(server, name, value)
    expect(reason, "phonodos data prepare dfpt2018 FILE", server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_network(tmp_path):
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fetch(SOURCE, tmp_path)  # nothing listens on port 9
    assert "cannot be reached: Failed to establish a new connection" in caught.value.reason
    assert "in a browser" in caught.value.fix


def test_an_address_that_is_none(tmp_path):
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(SOURCE, tmp_path, address="figshare")


def test_disk_full(server, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    server.content = CONTENT
    (tmp_path / "a.tar.partial").symlink_to("/dev/full")
    expect("No space left", "make room", server, tmp_path)


def test_a_cache_folder_that_is_a_file(server, tmp_path):
    server.content = CONTENT
    (tmp_path / "file").touch()
    expect("", "another folder", server, tmp_path / "file")


def test_a_pin_that_is_none(server, tmp_path):
    server.content = CONTENT
    (tmp_path / "a.tar.json").write_text("[]")
    with pytest.raises(DataError, match="does not hold a checksum"):
        fetch(SOURCE, tmp_path, address=server.address)


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("PHONODOS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("PHONODOS_CACHE")
    assert "phonodos" in str(cache_folder())


def test_the_documentation_names_every_source():
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    for source in SOURCES.values():
        assert f"| `{source.kind}` |" in text
        assert source.address in text
        assert source.licence in text
