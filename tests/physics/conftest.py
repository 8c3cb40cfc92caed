"""The records of dfpt2018, read once, without their Born charges (whose frames take a minute)."""

import json
from pathlib import Path
from typing import Any

import pytest

from phonodos.datasets.dfpt2018 import read_record
from phonodos.structures.archives import read_members


@pytest.fixture(scope="session")
def records(shared: Path) -> dict[str, dict[str, Any]]:
    """Rows of all records, by id."""
    rows = {}
    for _, content in read_members(shared / "dfpt2018" / "phonon-dfpt-2018.tar.xz"):
        row = read_record(json.loads(content) | {"dielectric": {}})
        rows[row["id"]] = row
    assert len(rows) == 1446
    return rows
