"""`Provenance`: which program and which weights the numbers of a file come from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from phonodos.version import __version__

SHORT = 12  # digits of a hash in a line of text


@dataclass(frozen=True)
class Provenance:
    """The origin of the numbers in a file.

    Attributes
    ----------
    weights
        Name of the weights; None where nothing was predicted.
    sha256
        SHA-256 of the weight file; None where there is none.
    warnings
        Reasons to trust the numbers less.
    """

    weights: str | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()

    def warned(self, warnings: Iterable[str]) -> "Provenance":
        """Return the same origin with these warnings, one line each."""
        return replace(self, warnings=tuple(" ".join(text.split()) for text in warnings))

    @property
    def origin(self) -> str:
        """Program, version, weights and the first digits of their SHA-256, in one line."""
        if self.weights is None:
            return f"made by phonodos {__version__}"
        digits = "" if self.sha256 is None else f" (SHA-256 {self.sha256[:SHORT]})"
        return f"predicted by phonodos {__version__} with the weights {self.weights}{digits}"

    def lines(self) -> list[str]:
        """Return the lines at the head of a text file: the origin, then a warning a line."""
        return [self.origin, *(f"warning: {text}" for text in self.warnings)]

    def record(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "program": "phonodos",
            "version": __version__,
            "predicted": self.weights is not None,
            "weights": self.weights,
            "weights_sha256": self.sha256,
            "warnings": list(self.warnings),
        }


def weights_hash(path: Path) -> str:
    """Return the SHA-256 of a weight file; it is read once for as long as it stays the same."""
    found = path.stat()
    return _hashed(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=8)
def _hashed(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - they tell files apart
    from phonodos.structures.archives import sha256_of

    return str(sha256_of(path))
