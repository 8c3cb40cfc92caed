"""Archives from the network: a cache folder, a checksum pinned on first use, downloads that resume.

Beside every file of the cache lies `<file>.json` with the SHA-256 it had when it was first fetched:
a later download that differs is an error. An unfinished download lies in `<file>.partial`.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phonodos.datasets.download import Download, Progress
from phonodos.datasets.sources import Source
from phonodos.errors import DataError
from phonodos.structures.archives import check_archive, sha256_of

CACHE_VARIABLE = "PHONODOS_CACHE"


@dataclass(frozen=True)
class Fetched:
    """An archive in the cache."""

    path: Path
    sha256: str
    size: int  # bytes
    downloaded: bool  # False: it lay in the cache
    pinned_now: bool  # False: the checksum is the one of an earlier time
    address: str


def cache_folder() -> Path:
    """Return the folder for downloads: $PHONODOS_CACHE, or the user's cache folder."""
    import pooch

    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("phonodos"))


def fetch(
    source: Source,
    folder: Path | None = None,
    *,
    address: str | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Return the archive of a source, downloaded unless it lies in the cache already.

    Parameters
    ----------
    source
        What to fetch.
    folder
        Cache folder; by default `cache_folder()`.
    address
        Another address of the same archive.
    progress
        Called with bytes done and bytes in all (None where the server does not tell).

    Raises
    ------
    DataError
        If the address cannot be reached or gives no archive, the download breaks off, the content
        is not what it was the first time, or the disk refuses.
    """
    import requests

    folder = cache_folder() if folder is None else folder
    download = Download(folder / (source.file + ".partial"), source, progress)
    try:
        return _fetch(source, folder, address or source.address, download)
    except requests.RequestException as err:  # is an OSError too
        raise download.broken_off(err) from err
    except OSError as err:
        raise DataError(
            f"{source.file} cannot be stored in {folder}",
            f"{err.strerror or err}",
            f"make room or choose another folder with --cache or {CACHE_VARIABLE}",
        ) from err


def _fetch(source: Source, folder: Path, address: str, download: Download) -> Fetched:
    import pooch

    pin = folder / (source.file + ".json")
    known = _read_pin(pin)
    pooch.get_logger().setLevel("WARNING")  # what it says at INFO, the command line says better
    try:
        path = Path(
            pooch.retrieve(
                address, known_hash=known, fname=source.file, path=folder, downloader=download
            )
        )
    except ValueError:  # pooch's word for a checksum that differs
        if not download.sha256:
            raise  # an address that is none
        raise DataError(
            f"{source.file} is not what it was when it was first fetched",
            f"SHA-256 {download.sha256} instead of {known}: the archive has changed, or the "
            "download was tampered with",
            f"if you trust the new one, delete {pin} and fetch again",
        ) from None
    if known is None:
        _check_new(path, download)
    sha256 = sha256_of(path) or ""
    if known is None:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        size = path.stat().st_size
        _write_pin(
            pin, {"sha256": sha256, "bytes": size, "address": address, "first_fetched": when}
        )
    return Fetched(path, sha256, path.stat().st_size, download.used, known is None, address)


def _check_new(path: Path, download: Download) -> None:
    """Refuse to pin what is no sound archive."""
    try:
        check_archive(path)
    except DataError as err:
        if download.used:
            path.unlink()
            raise download.unusable(err.reason) from err
        raise DataError(err.summary, err.reason, f"delete {path} and fetch again") from err


def _read_pin(pin: Path) -> str | None:
    try:
        return str(json.loads(pin.read_text(encoding="utf-8"))["sha256"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as err:
        raise DataError(
            f"{pin} does not hold a checksum",
            f"a JSON object with a key sha256 is expected ({err})",
            "delete it and fetch again; the checksum is then pinned anew",
        ) from err


def _write_pin(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".new")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)
