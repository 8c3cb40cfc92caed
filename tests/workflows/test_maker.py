"""The maker of jobs: a list of structures through jobflow, and what is said where it is absent."""

import builtins
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import ConfigError
from phonodos.structures.objects import to_structure
from phonodos.workflows.document import predict_document

NAME = "phonodos.workflows.maker"

COMPUTED = (
    "entropy", "heat_capacity", "free_energy", "internal_energy", "zero_point_energy",
)  # fmt: skip


def test_without_jobflow(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "jobflow":
            raise ImportError("No module named 'jobflow'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    with pytest.raises(ConfigError, match="needs jobflow") as caught:
        importlib.import_module(NAME)
    assert "pip install jobflow" in caught.value.fix


@pytest.mark.filterwarnings("ignore")
def test_a_flow(
    examples: Path, lattice_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two structures and a ruin in one job, run by jobflow's own manager in this process."""
    jobflow = pytest.importorskip(
        "jobflow", reason="jobflow is not installed: pip install '.[workflows]'"
    )
    pytest.importorskip("pymatgen.core", reason="pymatgen is not installed")
    from maggma.stores import MemoryStore

    from phonodos.structures.reading import read_crystal
    from phonodos.workflows.maker import PredictMaker

    monkeypatch.chdir(tmp_path)
    structures = [to_structure(read_crystal(examples / f"{n}.cif")) for n in ("MgO", "Si")]
    maker = PredictMaker(model=str(lattice_weights), extra=["elastic"])
    job = maker.make([*structures, str(tmp_path / "gone.cif")])
    after = maker.make([job.output[0]])  # a document is a structure
    store = jobflow.JobStore(MemoryStore())
    done = jobflow.run_locally(
        jobflow.Flow([job, after]), store=store, ensure_success=True, log=False
    )
    found = done[job.uuid][1].output
    assert [each["status"] for each in found] == ["ok", "ok", "failed"]
    assert "gone.cif" in found[2]["error"]["summary"]
    wanted = predict_document(structures[1], model=lattice_weights)
    # One of a batch there, alone here: sums may differ in the last bits.
    assert found[1]["thermal"].keys() == wanted["thermal"].keys()
    for name, value in wanted["thermal"].items():
        expected = pytest.approx(value, rel=1e-10) if name in COMPUTED else value
        assert found[1]["thermal"][name] == expected, name
    assert store.get_output(job.uuid)[0]["elastic"]["stiffness_GPa"]
    assert done[after.uuid][1].output[0]["dos"] == found[0]["dos"]
