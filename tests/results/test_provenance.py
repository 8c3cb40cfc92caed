"""Where numbers come from, in one line, in a head and in JSON."""

import json
from hashlib import sha256
from pathlib import Path

from phonodos import __version__
from phonodos.results.provenance import Provenance, weights_hash


def test_one_line_and_warnings() -> None:
    origin = Provenance("lattice", "0123456789abcdef" * 4).warned(["two\n lines", "U"])
    assert origin.lines() == [
        f"predicted by phonodos {__version__} with the weights lattice (SHA-256 0123456789ab)",
        "warning: two lines",
        "warning: U",
    ]
    assert Provenance().lines() == [f"made by phonodos {__version__}"]
    assert Provenance("mine").origin.endswith("with the weights mine")


def test_record() -> None:
    record = Provenance("lattice", "ab" * 32, ("U",)).record()
    assert json.loads(json.dumps(record)) == {
        "program": "phonodos", "version": __version__, "predicted": True, "weights": "lattice",
        "weights_sha256": "ab" * 32, "warnings": ["U"],
    }  # fmt: skip
    assert Provenance().record()["predicted"] is False


def test_hash_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w"
    for content in (b"one", b"others"):
        path.write_bytes(content)
        assert weights_hash(path) == sha256(content).hexdigest()
