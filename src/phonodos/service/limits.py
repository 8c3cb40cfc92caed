"""`Limits`: how much a request to the service may ask for, in bytes, atoms, files and seconds."""

from dataclasses import dataclass

from phonodos.errors import ConfigError
from phonodos.time_limit import check_timeout

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What the service takes; beyond it a request is refused.

    Attributes
    ----------
    atoms
        Of one crystal.
    waiting
        Requests that may wait for a worker.
    seconds
        Longest time that a worker may give no answer [s].
    waiting_seconds
        Longest time that a request waits for a worker [s].
    file_bytes, upload_bytes
        Of one file, and of all of a request [bytes].
    upload_seconds
        Longest time for a request to arrive [s].
    files, fields
        In one form.
    archive_files, unpacked_bytes
        Files in one archive, and their size unpacked, together [bytes].
    file_unpacked_mib
        Of one file, unpacked [MiB].
    together
        Crystals answered in one request; more are a job.
    compositions, temperatures
        In one request.
    reference_lines
        Of a measured spectrum.
    job_crystals, job_atoms
        In one job.
    jobs, kept_jobs
        Jobs that run at a time, and that are kept, finished ones included.
    job_seconds
        How long a finished job is kept [s].
    worker_bytes
        Memory of a worker [bytes].

    Raises
    ------
    ConfigError
        If a number makes no sense.
    """

    atoms: int = 300
    waiting: int = 32
    seconds: float = 30.0
    waiting_seconds: float = 60.0
    file_bytes: int = 8 * MIB
    upload_bytes: int = 64 * MIB
    upload_seconds: float = 60.0
    files: int = 1000
    fields: int = 50
    archive_files: int = 1000
    unpacked_bytes: int = 256 * MIB
    file_unpacked_mib: int = 64
    together: int = 20
    compositions: int = 21
    temperatures: int = 1001
    reference_lines: int = 20_000
    job_crystals: int = 2000
    job_atoms: int = 60_000
    jobs: int = 4
    kept_jobs: int = 16
    job_seconds: float = 3600.0
    worker_bytes: int = 4096 * MIB

    def __post_init__(self) -> None:
        for option, value in (("--max-atoms", self.atoms), ("--queue", self.waiting)):
            if value < 1:
                raise ConfigError(
                    f"{option} {value}", "there must be room for one at least", "leave it out"
                )
        check_timeout(self.seconds)


def megabytes(size: int) -> str:
    """Return a size in words, such as ``8 MiB``."""
    return f"{size / MIB:g} MiB"
