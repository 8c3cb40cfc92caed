"""Many crystals as a job: its table while it grows and at its end, its failures, its limits."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phonodos.errors import StructureError
from phonodos.screening.source import Item
from phonodos.service.limits import Limits
from phonodos.service.tasks import Read, Setting
from phonodos.service.uploads import store
from phonodos.service.work import Worker

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
JOBS = "/api/v1/jobs"
Problem = Callable[..., dict[str, Any]]


def finished(client: Any, url: str) -> dict[str, Any]:
    for _ in range(900):
        found = client.get(url).json()
        if found["state"] != "running":
            return found
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def files(*names: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (f"{name}.cif", b"x")) for name in names]


def test_a_real_job(real: Any, problem_of: Problem) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as pack:
        for name in ("Si", "GaAs"):
            pack.write(EXAMPLES / f"{name}.cif", f"deeper/{name}.cif")
        pack.writestr("broken.cif", "data_x")
    given = [
        ("file", ("set.zip", content.getvalue())),
        ("file", ("=Si.cif", (EXAMPLES / "Si.cif").read_bytes())),
    ]
    found = real.post(JOBS, files=given, data={"temperatures": "300,500"})
    assert found.status_code == 202
    url = found.json()["url"]
    assert found.headers["location"] == url
    done = finished(real, url)
    assert (done["state"], done["done"], done["total"], done["failed"]) == ("done", 4, 4, 1)
    (failure,) = done["failures"]
    assert failure["name"] == "broken"
    assert failure["source"] == "set.zip, broken.cif"
    assert failure["reason"]
    assert "phonodos-serve" not in json.dumps(done)
    page = real.get(f"{url}/rows?sort=mean_frequency&descending=true&limit=2").json()
    assert page["total"] == 4
    assert [row["formula"] for row in page["rows"]] == ["Si", "Si"]
    units = {column["name"]: column["unit"] for column in page["columns"]}
    assert units["mean_frequency"] == "cm^-1"
    assert "c_v_500_per_kg" in units
    assert not {"cell", "dos_densities", "digest"} & units.keys()
    last = real.get(f"{url}/rows?sort=mean_frequency&offset=3").json()["rows"]
    assert [row["status"] for row in last] == ["failed"]  # what has no number comes last
    problem_of(real.get(f"{url}/rows?sort=colour"), 400, "no column 'colour'")
    table = pq.read_table(io.BytesIO(real.get(f"{url}/table.parquet").content))
    assert table["id"].to_pylist() == ["broken", "GaAs", "Si", "Si-2"]
    text = real.get(f"{url}/table.csv").text
    assert "# mean_frequency: first moment of the DOS [cm^-1]" in text
    assert "\nSi-2,'=Si.cif," in text  # no formula to a spreadsheet
    assert real.delete(url).status_code == 204
    problem_of(real.get(url), 404)


def test_json_and_what_fails(told: Any, problem_of: Problem) -> None:
    order = {"structures": ["x", "y"], "filename": "kill.cif"}
    url = told.post(JOBS, json=order).json()["url"]
    assert finished(told, url)["done"] == 2
    told.delete(url)
    problem_of(told.post(JOBS, json={"structures": []}), 400, "no structure")
    problem_of(told.post(JOBS, files=files("a"), data={"temperatures": "-1"}), 400)
    problem_of(told.post(JOBS, files=files("a"), data={"extra": "colour"}), 400, "colour")
    problem_of(told.post(JOBS, files=files("a"), data={"model": "none"}), 404)


def test_workers_that_die_cost_a_row(told: Any) -> None:
    url = told.post(JOBS, files=files("kill", "a", "b")).json()["url"]
    found = finished(told, url)
    assert (found["state"], found["done"], found["failed"]) == ("done", 3, 1)
    assert "SIGKILL" in found["failures"][0]["reason"]
    rows = told.get(f"{url}/rows?sort=id").json()["rows"]
    assert [(row["id"], row["status"]) for row in rows] == [
        ("a", "ok"), ("b", "ok"), ("kill", "failed"),
    ]  # fmt: skip
    told.delete(url)


def test_a_job_under_way(told: Any, problem_of: Problem) -> None:
    names = [f"sleep 0.5{n}" for n in range(9)]
    first, second = (told.post(JOBS, files=files(*names)).json()["url"] for _ in range(2))
    found = told.post(JOBS, files=files("a"))
    problem_of(found, 503, "2 jobs are running")
    assert found.headers["retry-after"]
    quick = told.post("/api/v1/predict", files=files("quick"))
    assert quick.json() == {"name": "quick"}
    assert told.get(first).json()["state"] == "running"
    problem_of(told.get(f"{first}/table.parquet"), 409, "not finished")
    assert told.get(f"{first}/rows").json()["total"] < 9
    folder = told.service.jobs.known[first.rpartition("/")[2]].folder
    assert folder.exists()
    for url in (first, second):
        assert told.delete(url).status_code == 204
    assert not folder.exists()


def test_large_crystals_are_rows_without_a_prediction(tmp_path: Path) -> None:
    worker = Worker(Setting({}, "", Limits(atoms=4)))
    large = store(tmp_path, "GaAs.cif", (EXAMPLES / "GaAs.cif").read_bytes())
    (item,) = worker.read(Read((large,)))
    assert isinstance(item, Item)
    assert isinstance(item.content, StructureError)
    assert "8 atoms" in item.content.summary


def test_old_jobs_go(told: Any) -> None:
    urls = []
    for n in range(5):
        urls.append(told.post(JOBS, files=files(f"{n}")).json()["url"])
        finished(told, urls[-1])
    assert [told.get(url).status_code for url in urls] == [404, 404, 200, 200, 200]
    kept = told.service.jobs.known.values()
    for job in kept:
        job.ended -= 4000.0
    folders = [job.folder for job in kept]
    assert [told.get(url).status_code for url in urls] == [404] * 5
    assert not any(folder.exists() for folder in folders)


def test_a_job_that_holds_too_much(tmp_path: Path) -> None:
    worker = Worker(Setting({}, "", Limits(job_crystals=2, job_atoms=9)))
    si = store(tmp_path, "Si.cif", (EXAMPLES / "Si.cif").read_bytes())
    found = list(worker.read(Read((si,) * 3)))
    assert [item.id for item in found[:2]] == ["Si", "Si-2"]  # type: ignore[union-attr]
    assert "holds too much" in found[2].summary  # type: ignore[union-attr]
    large = store(tmp_path, "GaAs.cif", (EXAMPLES / "GaAs.cif").read_bytes())
    found = list(worker.read(Read((si, large))))
    assert len(found) == 2
    assert "9 atoms together" in found[1].reason  # type: ignore[union-attr]


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Any:
    yield
    for name in ("told", "real"):
        if name in request.fixturenames:
            client = request.getfixturevalue(name)
            kept = {job.folder for job in client.service.jobs.known.values()}
            assert {p for p in client.service.workspace.root.iterdir() if p.is_dir()} == kept
