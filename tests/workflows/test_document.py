"""Documents: what predict says, fit for JSON; failures told; wrapped by Dask and Parsl for real."""

import json
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import load
from phonodos.studies.elastic import elastic
from phonodos.workflows.document import predict_document, predict_documents

BROKEN = {"cell": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "frac_coords": [[0, 0, 0]], "species": ["Xx"]}


def test_a_document_is_what_predict_says(rock_salt: Crystal, lattice_weights: Path) -> None:
    predictor = load(lattice_weights)
    p = next(predictor.predict_many([rock_salt]))
    found = predict_document(
        rock_salt, model=lattice_weights, temperatures=(0.0, 300.0), per="atom", extra="elastic"
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    wanted = p.to_dict(per="atom")
    assert {k: v for k, v in found.items() if k in wanted and k != "warnings"} == {
        k: v for k, v in wanted.items() if k != "warnings"
    }
    assert (found["status"], found["name"], found["species"]) == ("ok", "NaCl", ["Na", "Cl"])
    thermal = p.thermal_properties([0.0, 300.0]).per("atom", p.crystal)
    assert found["thermal"]["heat_capacity"] == thermal.heat_capacity.tolist()
    assert found["thermal"]["units"]["heat_capacity"] == "J/(K mol of atoms)"
    assert found["elastic"]["stiffness_GPa"] == elastic(p).to_dict()["stiffness_GPa"]
    assert found["provenance"]["weights_sha256"] == predictor.provenance.sha256
    assert found["provenance"]["warnings"] == found["warnings"]
    assert set(p.warnings) <= set(found["warnings"])


def test_a_document_is_a_structure(rock_salt: Crystal, lattice_weights: Path) -> None:
    first = predict_document(rock_salt, model=lattice_weights)
    again = predict_document(first, model=lattice_weights)
    assert again["dos"] == first["dos"]


def test_failures_are_documents_or_errors(rock_salt: Crystal, lattice_weights: Path) -> None:
    found = list(predict_documents([rock_salt, BROKEN, rock_salt], model=lattice_weights))
    assert [each["status"] for each in found] == ["ok", "failed", "ok"]
    assert found[1]["error"]["kind"] == "StructureError"
    assert "Xx" in found[1]["error"]["summary"] + found[1]["error"]["reason"]
    assert found[1]["error"]["fix"]
    assert json.loads(json.dumps(found[1])) == found[1]
    with pytest.raises(StructureError) as caught:
        predict_document(BROKEN, model=lattice_weights)
    assert caught.value.__cause__ is not caught.value  # Parsl follows causes to their end
    back = pickle.loads(pickle.dumps(caught.value))  # as it comes from a worker
    assert str(back) == str(caught.value)


def test_a_study_that_fails_is_none(examples: Path) -> None:
    found = predict_document(examples / "NaCl.cif", model="chen2021", extra=["modes"])
    assert found["modes"] is None
    assert found["warnings"][-1].startswith("modes left out: this network predicts the density")


def test_what_is_refused(rock_salt: Crystal, lattice_weights: Path) -> None:
    with pytest.raises(ConfigError, match="--with 'heat'"):
        predict_document(rock_salt, model=lattice_weights, extra="heat")
    with pytest.raises(ConfigError, match="errors='skip'"):
        next(predict_documents([rock_salt], model=lattice_weights, errors="skip"))
    with pytest.raises(ConfigError, match="mole"):
        predict_document(rock_salt, model=lattice_weights, per="mole")


ENGINE = """import sys
from pathlib import Path
from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.workflows.document import predict_document
from phonodos.workflows.loaded import _loaded

def kept():
    return _loaded.cache_info().misses

def checked(good, bad, again):
    assert good()["thermal"]["heat_capacity"] == again()["thermal"]["heat_capacity"]
    try:
        bad()
    except StructureError as error:
        assert "Xx" in str(error) and "fix:" in str(error)
    else:
        raise AssertionError("no error came back")

"""
DASK = """import distributed

def main(salt, model, folder):
    broken = {"cell": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "frac_coords": [[0, 0, 0]],
              "species": ["Xx"]}
    with (distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None,
                                   local_directory=folder) as cluster,
          distributed.Client(cluster) as client):
        tasks = client.map(predict_document, [salt, broken, salt], model=model, pure=False)
        checked(*(task.result for task in tasks))
        print("loaded", client.submit(_loaded.cache_info).result().misses)
"""
PARSL = """import parsl

def main(salt, model, folder):
    broken = {"cell": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "frac_coords": [[0, 0, 0]],
              "species": ["Xx"]}
    config = parsl.Config(executors=[parsl.ThreadPoolExecutor(max_threads=2)],
                          run_dir=folder + "/runinfo")
    with parsl.load(config):
        app = parsl.python_app(predict_document)
        checked(*(app(x, model=model).result for x in (salt, broken, salt)))
        print("loaded", kept())
"""
END = """
if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.parametrize(("library", "text"), [("distributed", DASK), ("parsl", PARSL)])
def test_what_workflow_engines_wrap(
    library: str, text: str, tmp_path: Path, examples: Path, lattice_weights: Path
) -> None:
    """Dask's processes and Parsl's threads, for real: answers, errors, weights loaded once."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install '.[workflows]'")
    script = tmp_path / "script.py"
    script.write_text(ENGINE + text + END)
    words = [str(x) for x in (script, examples / "NaCl.cif", lattice_weights, tmp_path)]
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded 1", done.stderr
