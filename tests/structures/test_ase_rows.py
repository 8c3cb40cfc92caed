"""Data bases of ASE: read only, row by row; data bases of others are left alone."""

import json
import sqlite3
import threading
from pathlib import Path

import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.ase_rows import read_sqlite
from phonodos.structures.objects import to_atoms
from phonodos.structures.reading import iter_crystals


@pytest.fixture
def base(tmp_path: Path, rock_salt: Crystal, perovskite: Crystal) -> Path:
    """An ASE data base of two crystals and a name with every odd character."""
    from ase.db import connect

    path = tmp_path / "a b?#%é.db"
    for crystal in (rock_salt, perovskite):
        connect(str(path)).write(to_atoms(crystal))
    return path


def test_nothing_is_written_to_it_or_beside_it(base: Path) -> None:
    before, beside = base.read_bytes(), sorted(base.parent.iterdir())
    found = list(iter_crystals(base))
    assert [c.formula for c in found if isinstance(c, Crystal)] == ["NaCl", "SrTiO3"]
    assert base.read_bytes() == before
    assert sorted(base.parent.iterdir()) == beside


def test_another_thread_may_go_on(base: Path) -> None:
    rows = read_sqlite(base)
    found = [next(rows)]
    thread = threading.Thread(target=lambda: found.extend(rows))
    thread.start()
    thread.join()
    assert [label for label, _ in found] == ["1", "2"]


def test_a_broken_row_costs_itself_alone(base: Path) -> None:
    with sqlite3.connect(base) as connection:
        connection.execute("UPDATE systems SET positions = x'0011' WHERE id = 1")
        connection.execute("UPDATE systems SET constraints = 'os.system' WHERE id = 2")
    connection.close()
    first, second = iter_crystals(base)
    assert isinstance(first, StructureError)
    assert "makes no structure" in first.summary
    assert isinstance(second, Crystal)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["CREATE TABLE accounts (a)"], "not ASE's"),
        (
            [
                "CREATE TABLE information (name, value)",
                "CREATE VIEW systems AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 "
                "FROM r) SELECT id, id AS numbers FROM r",
            ],
            "not ASE's",
        ),
        (
            [
                "CREATE TABLE information (name, value)",
                "CREATE TABLE systems (id)",
                "INSERT INTO information VALUES ('version', '99')",
            ],
            "of version 99",
        ),
    ],
)
def test_other_data_bases(tmp_path: Path, statements: list[str], message: str) -> None:
    path = tmp_path / "foreign.db"
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    before = path.read_bytes()
    (error,) = iter_crystals(path)
    assert isinstance(error, StructureError)
    assert message in error.summary
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_data_base_that_is_being_written(base: Path) -> None:
    base.with_name(base.name + "-wal").write_bytes(b"changes")
    (error,) = iter_crystals(base)
    assert isinstance(error, StructureError)
    assert "is being written" in error.summary


def test_a_link_to_a_data_base_that_is_being_written(base: Path, tmp_path: Path) -> None:
    base.with_name(base.name + "-wal").write_bytes(b"changes")
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "other.db"
    link.symlink_to(base)
    (error,) = iter_crystals(link)
    assert isinstance(error, StructureError)
    assert f"{base.name}-wal" in error.reason


@pytest.mark.parametrize("what", ["numbers", "positions"])
def test_rows_in_json(tmp_path: Path, rock_salt: Crystal, what: str) -> None:
    from ase.db import connect

    path = tmp_path / "rows.json"
    for _ in range(3):
        connect(str(path)).write(to_atoms(rock_salt))
    data = json.loads(path.read_text())
    del data["2"][what]
    data["ids"].append(7)
    data["1"]["numbers"]["__ndarray__"][2] = [999, 11]
    path.write_text(json.dumps(data))
    kinds = [type(c) for c in iter_crystals(path)]
    assert kinds == [StructureError, StructureError, Crystal, StructureError]
