"""Names that never touch paths, and the folder that goes with its request."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phonodos.service.uploads import LONGEST_NAME, PREFIX, Workspace, own_name, shown_name, store


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("NaCl.cif", "NaCl.cif"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x.cif", "x.cif"),
        ("../..", "structure"),
        ("", "structure"),
        ("a\nb\x00\u202e.cif", "ab.cif"),
        ("Übergitter β.cif", "Übergitter β.cif"),
        ("x" * 300, "x" * LONGEST_NAME),
        ("x" * 300 + ".cif", "x" * (LONGEST_NAME - 4) + ".cif"),
        ("\ud800.cif", "ud800.cif"),
    ],
)
def test_shown_names(name: str, shown: str) -> None:
    found = shown_name(name)
    assert len(found) <= LONGEST_NAME
    assert not set("/\\\n\x00\u202e") & set(found)
    assert found == shown


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("NaCl.cif", "T.cif"),
        ("NaCl.CIF.gz", "T.cif.gz"),
        ("many.tar.gz", "T.tar.gz"),
        ("rows.parquet", "T.parquet"),
        ("a.jsonl", "T.jsonl"),
        ("POSCAR", "POSCAR-T"),
        ("CONTCAR_relaxed", "CONTCAR-T"),
        ("evil.sh", "T"),
        ("a.cif/../../b", "T"),
        ("x;rm -rf.vasp", "T.vasp"),
    ],
)
def test_own_names_hold_a_token_and_known_endings(name: str, own: str) -> None:
    assert own_name(name, "T") == own


def test_messages_speak_of_the_sender_s_names(tmp_path: Path) -> None:
    kept = store(tmp_path, "../NaCl.cif", b"x")
    assert Path(kept.path).parent == tmp_path
    assert Path(kept.path).read_bytes() == b"x"
    assert kept.own(f"{kept.path}: broken") == "NaCl.cif: broken"
    assert kept.own(f"{Path(kept.path).name}, entry 3 of {kept.token}-3") == (
        "NaCl.cif, entry 3 of NaCl-3"
    )
    poscar = store(tmp_path, "POSCAR", b"x")
    assert poscar.own(f"{poscar.path}: broken; {poscar.token}") == "POSCAR: broken; POSCAR"


def test_what_a_killed_service_has_left_goes(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f"{PREFIX}{ended.pid}-abc", f"{PREFIX}{os.getpid()}-abc", f"{PREFIX}x-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    workspace = Workspace(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{PREFIX}{os.getpid()}-abc", f"{PREFIX}x-abc", workspace.root.name,
    }  # fmt: skip
    workspace.close()


def test_the_workspace_goes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.folder() as folder:
        (folder / "deeper").mkdir()
        assert folder.parent == workspace.root
    assert not folder.exists()
    workspace.make()
    workspace.close()
    assert not list(tmp_path.iterdir())
