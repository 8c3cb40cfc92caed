"""Files that are written whole or not at all, and what to do where the disk refuses them."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from phonodos.errors import DataError

_ROOM = "make room on the disk, or choose another place with -o"
_CLOSE = "close it in other programs, check the permissions, or choose another place with -o"
_NAME = "choose a shorter name, or another place with -o"
_PLACE = "choose another place with -o"
_FIXES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EACCES: _CLOSE,
    errno.EPERM: _CLOSE,
    errno.EBUSY: _CLOSE,
    errno.ETXTBSY: _CLOSE,
    errno.ENAMETOOLONG: _NAME,
    errno.EISDIR: "remove or rename that folder, or choose another place with -o",
}


def refused(path: str | Path, error: OSError) -> DataError:
    """Return the error of a file that the system does not let us write."""
    reason = error.strerror or str(error) or type(error).__name__
    return DataError(f"{path} cannot be written", reason, _FIXES.get(error.errno or 0, _PLACE))


@contextmanager
def replacing(path: Path, *, within: Path | None = None, durable: bool = False) -> Iterator[Path]:
    """Yield the name of a new file beside `path`, which takes its place when the block ends well.

    Readers see the old file or the new one, never half of one. Where the block fails, or the
    system refuses, the new file is removed and the old one stays. A symbolic link stays a link:
    the file that it names is replaced. The permissions of a file that was there are kept.

    Parameters
    ----------
    path
        The file to write.
    within
        Folder for the new file until then, on the same disk (on another one it is not used): what a
        killed process leaves lies where it is looked for.
    durable
        For files from which a killed run goes on, and which no other process writes: on the disk to
        the last byte before it takes its place, even if the power fails; and the new file has
        always the same name, so that the next one takes the place of what a killed run left.

    Raises
    ------
    DataError
        If the system refuses (no room, a folder in the way, no permission, a file that another
        program holds open, a name that is too long), or `path` is a device, a pipe or a socket.
    """
    partial: Path | None = None
    try:
        target = _target(path)
        # A name of its own length: that of the file may be as long as names can be.
        place = target.parent if within is None or _apart(within, target.parent) else within
        name = sha256(os.fsencode(target.name)).hexdigest()[:12] if durable else token_hex(6)
        partial = place / f".phonodos-{name}.partial"
        yield partial
        if durable:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            partial.chmod(stat.S_IMODE(target.stat().st_mode))
        partial.replace(target)
    except OSError as error:
        raise refused(path, error) from error
    finally:
        if partial is not None:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def check_replaceable(path: Path) -> None:
    """Raise `DataError`, as `replacing` would, if `path` cannot be replaced: before long work."""
    try:
        probe = _target(path).parent / f".phonodos-{token_hex(6)}.partial"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise refused(path, error) from error


def _apart(one: Path, other: Path) -> bool:
    """Return whether two folders are on different disks."""
    return one.stat().st_dev != other.stat().st_dev


def file_name(text: str) -> str:
    """Return a text as the name of a file or folder: no path, no markup, no spaces, not hidden."""
    return re.sub(r"[^\w.+()-]+", "_", text).lstrip(".") or "crystal"


def write_bytes(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file, whole or not at all; parameters and errors are those of `replacing`."""
    with replacing(path, durable=durable) as partial:
        partial.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, whole or not at all; raises as `replacing`.

    Bytes of file names that are no UTF-8 become question marks.
    """
    write_bytes(path, text.encode("utf-8", errors="replace"))


def _target(path: Path) -> Path:
    """Return the file to replace, which is that behind a link; refuse what is no file."""
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "it is a folder and not the name of a file")
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "there is a folder of that name")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, and not a file")
    return target
