"""One download: what goes over the wire, what is kept of it, what is never glued together."""

from pathlib import Path
from typing import Any

import pytest

from phonodos.datasets.download import CHUNK, Download
from phonodos.datasets.sources import Source
from phonodos.errors import DataError
from phonodos.structures.archives import sha256_of

SOURCE = Source("x", "a title", "http://x/", "https://example.org/", "a.tar", "c", "l")
CONTENT = bytes(range(256)) * (3 * CHUNK // 256)


def download(server: Any, folder: Path, progress: Any = None) -> tuple[Download, Path]:
    made, output = Download(folder / "a.part", SOURCE, progress), folder / "a.tar"
    made(server.address, str(output), None)
    return made, output


def test_what_came_is_moved_and_known_by_its_checksum(server: Any, tmp_path: Path) -> None:
    server.content = CONTENT
    steps: list[tuple[int, int | None]] = []
    made, output = download(server, tmp_path, lambda *step: steps.append(step))
    assert output.read_bytes() == CONTENT
    assert made.used
    assert made.sha256 == sha256_of(output)
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]  # no part, no note
    assert server.asked == [None]  # from the first byte on


def part_of(server: Any, folder: Path, etag: str) -> None:
    """Leave half a download of that version behind."""
    server.etag, server.content = etag, CONTENT
    server.cut_after = len(CONTENT) // 2
    with pytest.raises(Exception):  # noqa: B017, PT011 - what the connection raises is pooch's
        download(server, folder)
    server.cut_after = None
    assert 0 < (folder / "a.part").stat().st_size < len(CONTENT)


def test_the_same_version_is_continued(server: Any, tmp_path: Path) -> None:
    part_of(server, tmp_path, '"one"')
    held = (tmp_path / "a.part").stat().st_size
    _, output = download(server, tmp_path)
    assert output.read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={held}-"


def test_two_versions_are_never_glued_together(server: Any, tmp_path: Path) -> None:
    part_of(server, tmp_path, '"one"')
    server.etag, server.content = '"two"', CONTENT[::-1]
    _, output = download(server, tmp_path)
    assert output.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>log in</html>"])
def test_nothing_and_web_pages_are_no_archive(server: Any, tmp_path: Path, content: bytes) -> None:
    server.content = content
    with pytest.raises(DataError) as caught:
        download(server, tmp_path)
    assert ("nothing came" if not content else "a web page came") in caught.value.reason
    assert not list(tmp_path.iterdir())
