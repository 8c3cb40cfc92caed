"""Ray: a real cluster on this machine, one worker of which is killed in the middle."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import ConfigError
from phonodos.screening.screen import Progress, screen

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'phonodos[ray]'")
pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds workers in /proc"),
    # Ray leaves sockets and log files open when its processes are gone.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def own_workers() -> Iterator[int]:
    """Yield the processes of Ray's actors that descend from this process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_text()
        except OSError:
            continue
        if "RayWorker" in name and os.getpid() in ancestors(int(folder.name)):
            yield int(folder.name)


def ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return
        yield pid


def test_a_cluster_that_loses_a_worker(
    forty: tuple[Path, Path],
    tmp_path: Path,
    close: Callable[..., None],
    rows: Callable[[Path], list[dict[str, Any]]],
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"
    killed: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.ok >= 10 and not killed:
            killed.extend(own_workers())
            os.kill(killed[0], signal.SIGKILL)

    summary = screen(source, table, engine="ray", workers=1, max_atoms=20, watch=watch)
    assert killed
    assert (summary.rows, summary.progress.failed) == (40, 0)
    close(table, wanted)
    assert [row["id"] for row in rows(table)] == [row["id"] for row in rows(wanted)]
    assert rows(table) == rows(wanted)  # the chunk was tried again as it was: equal to the bit
    assert not ray.is_initialized()


def test_no_cluster_there(forty: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Ray cluster at 127"):
        screen(forty[0], tmp_path / "t.parquet", engine="ray", address="127.0.0.1:1")
