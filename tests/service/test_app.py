"""Every bad input gets a clear problem document, leaves nothing behind, and the service goes on."""

import gzip
import io
import json
import re
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import phonodos
from phonodos.prediction.predictor import load

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
SI = (EXAMPLES / "Si.cif").read_bytes()
PREDICT, JOBS = "/api/v1/predict", "/api/v1/jobs"
Problem = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _goes_on(request: pytest.FixtureRequest) -> Any:
    """After every test nothing is stored, nobody waits, and the next one is answered."""
    yield
    name = next(n for n in ("real", "told") if n in request.fixturenames)
    client = request.getfixturevalue(name)
    assert client.get("/api/v1/health").json()["status"] == "ok"
    root = client.service.workspace.root
    kept = {job.folder for job in client.service.jobs.known.values()}
    assert {p for p in root.iterdir() if p.is_dir()} <= kept


def form(*files: tuple[str, bytes]) -> dict[str, Any]:
    return {"files": [("file", file) for file in files]}


def cif(n: int) -> bytes:
    """Return a cubic cell of at least n atoms, three A apart."""
    side = round(n ** (1 / 3) + 0.5)
    head = (
        f"data_x\n_cell_length_a {3 * side}\n_cell_length_b {3 * side}\n"
        f"_cell_length_c {3 * side}\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
        "_cell_angle_gamma 90\n_symmetry_space_group_name_H-M 'P 1'\nloop_\n"
        "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    )
    sites = [
        f"Si {i / side:.5f} {j / side:.5f} {k / side:.5f}"
        for i in range(side) for j in range(side) for k in range(side)
    ]  # fmt: skip
    return (head + "\n".join(sites) + "\n").encode()


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in files.items():
            pack.writestr(name, data)
    return content.getvalue()


def test_the_same_numbers_as_python_to_the_bit(real: Any) -> None:
    found = real.post(PREDICT, **form(("Si.cif", SI)), data={"temperatures": "0,300"})
    assert found.status_code == 200
    assert found.headers["content-encoding"] == "gzip"
    predictor = load()
    wanted = phonodos.report(
        EXAMPLES / "Si.cif", predictor, temperatures=[0.0, 300.0], name="Si"
    ).to_dict()
    wanted["command"] = found.json()["command"]  # knows the path of the file
    wanted["python"] = found.json()["python"]
    assert json.dumps(found.json(), sort_keys=True) == json.dumps(wanted, sort_keys=True)
    assert found.json()["command"].startswith("phonodos predict Si.cif ")
    order = {"structure": SI.decode(), "filename": "Si.cif", "temperatures": [0, 300]}
    assert real.post(PREDICT, json=order).json() == found.json()


def test_dictionaries_of_other_programs(real: Any, problem_of: Problem) -> None:
    pytest.importorskip("pymatgen")
    from phonodos.structures.reading import as_crystal

    crystal = as_crystal(EXAMPLES / "Si.cif")
    sites = [
        {"species": [{"element": "Si", "occu": 1}], "abc": list(map(float, abc))}
        for abc in crystal.frac_coords
    ]
    record = {"lattice": {"matrix": crystal.cell.tolist()}, "sites": sites}
    found = real.post(PREDICT, json={"structure": record, "include": []})
    assert found.json()["crystal"]["formula"] == "Si", found.text[:300]
    assert found.json()["name"] == "Si"  # its formula, for it came without a name
    problem_of(real.post(PREDICT, json={"structure": 3}), 400, "a structure that is a int")
    problem_of(real.post(PREDICT, json={"structure": {"a": 1}, "include": ["none"]}), 422)


def test_several_files_are_answered_each(real: Any) -> None:
    files = form(("Si.cif", SI), ("broken.cif", b"data_x\nnothing"), ("Si2.cif", SI))
    found = real.post(PREDICT, **files, data={"include": "none"}).json()["results"]
    assert [part["name"] for part in found] == ["Si", "broken", "Si2"]
    assert found[0]["report"]["bands"] is None
    assert found[1]["problem"]["status"] == 422
    assert "broken.cif" in found[1]["problem"]["title"]
    assert found[2]["report"]["dos"] == found[0]["report"]["dos"]


def test_an_alloy_a_comparison_and_files(real: Any, problem_of: Problem) -> None:
    order = {"substitute": "Si=Ge", "x": "0,0.5"}
    found = real.post("/api/v1/alloy", **form(("Si.cif", SI)), data=order).json()
    points = found["spectra"]["points"]
    assert {(p["x"], p["formula"]) for p in points} >= {(0.0, "Si")}
    assert all(len(p["densities"]) == len(found["spectra"]["frequencies"]) for p in points)
    assert [r["x"] for r in found["study"]["results"]] == [p["x"] for p in points]
    for row in found["study"]["results"]:
        assert ("mean_frequency" in row["intervals"]) != (
            "mean_frequency" in row["absent_intervals"]
        )
    curve = b"# cm-1\n100 0.2\n300 0.4\n480 1.0\n520 0.1\n"
    files = {"file": ("Si.cif", SI), "reference": ("ins.txt", curve)}
    found = real.post("/api/v1/compare", files=files).json()
    assert found["curves"]["frequencies"] == [100.0, 300.0, 480.0, 520.0]
    assert len(found["curves"]["prediction"]) == 4
    files["reference"] = ("ins.txt", b"# cm-1\n1 2\nthree four\n")
    problem_of(real.post("/api/v1/compare", files=files), 422, "ins.txt")
    files["reference"] = ("long.txt", b"# cm-1\n" + b"1 2\n" * 20_000)
    problem_of(real.post("/api/v1/compare", files=files), 422, "long.txt has 20001 lines")
    pack = real.post("/api/v1/files", **form(("Si.cif", SI)))
    assert pack.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(pack.content)) as held:
        assert {"total_dos.dat", "dos.png"} < set(held.namelist())
    page = real.post("/api/v1/html", **form(("Si.cif", SI)), data={"include": "none"})
    assert page.headers["content-disposition"].startswith("attachment")
    assert page.text.lower().startswith("<!doctype html>")
    problem_of(real.post("/api/v1/alloy", **form(("Si.cif", SI))), 400, "two end members")


def test_texts_that_are_no_structure(real: Any, problem_of: Problem) -> None:
    for name, content, words in (
        ("letter.txt", b"Dear Sir,\nplease predict.\n", "no format known"),
        ("x.cif", b"\x00\x01\x02" * 100, "binary"),
        ("empty.cif", b"", "empty"),
        ("x.yaml", b"unit_cell: !!python/object/apply:os.system ['true']", "tag"),
        ("x.pkl", b"\x80\x04\x95\x00", "binary"),
        ("Si.cif.gz", b"no gzip", "Si.cif.gz"),
    ):
        found = problem_of(real.post(PREDICT, **form((name, content))), 422, name, words)
        assert "phonodos-serve" not in json.dumps(found)


def test_names_with_slashes_and_markup_stay_names(real: Any) -> None:
    for name, shown in (
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\Si.cif", "Si.cif"),
        ("<script>alert(1)</script>.cif", "script>.cif"),
        ("a\x00\u202eb\n.cif", "ab.cif"),
        ("x" * 500 + ".cif", "x" * 116 + ".cif"),
        (".", "structure"),
    ):
        found = real.post(PREDICT, json={"structure": "not a structure", "filename": name})
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json()["title"].startswith(f"{shown}:"), found.json()
    good = real.post(PREDICT, **form(("../<b>.cif", SI)), data={"include": "none"}).json()
    assert good["name"] == "<b>"


def test_too_many_atoms(real: Any, problem_of: Problem) -> None:
    found = real.post(PREDICT, **form(("large.cif", cif(5000))))
    problem_of(found, 422, "large.cif: 5832 atoms", "at most 50 atoms", "--max-atoms")


def test_a_cif_of_megabytes(real: Any, problem_of: Problem) -> None:
    found = real.post(PREDICT, **form(("long.cif", SI + b"# a remark that goes on\n" * 200_000)))
    assert found.status_code == 200
    found = real.post(PREDICT, **form(("longer.cif", SI + b"# a remark\n" * 900_000)))
    problem_of(found, 413, "longer.cif is too large", "8 MiB")


def test_bombs(real: Any, problem_of: Problem) -> None:
    zeros = bytes(20 << 20)
    found = real.post(PREDICT, **form(("bomb.cif.gz", gzip.compress(zeros, 1))))
    problem_of(found, 422, "bomb.cif.gz", "8 MiB")
    bomb = zipped({f"{n}.cif": zeros[: 7 << 20] for n in range(6)})
    found = real.post(PREDICT, **form(("bomb.zip", bomb)))
    problem_of(found, 422, "bomb.zip", "32 MiB")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as pack:
        for n in range(3):
            info = tarfile.TarInfo(f"{n}.cif")
            info.size = 20 << 20
            pack.addfile(info, io.BytesIO(zeros))
    found = real.post(PREDICT, **form(("bomb.tar.gz", content.getvalue())))
    problem_of(found, 422, "bomb.tar.gz", "32 MiB")


def test_a_zip_of_ten_thousand_files(real: Any, problem_of: Problem) -> None:
    pack = zipped({f"{n}.cif": b"data_x" for n in range(10_000)})
    found = real.post(PREDICT, **form(("many.zip", pack)))
    problem_of(found, 422, "many.zip", "at most 1000")
    job = real.post(JOBS, **form(("many.zip", pack))).json()
    found = finished(real, job["url"])
    assert (found["state"], found["failed"], found["total"]) == ("done", 1, 1)
    assert "more than 1000 files" in found["failures"][0]["summary"]
    real.delete(job["url"])


def finished(client: Any, url: str) -> dict[str, Any]:
    for _ in range(600):
        found = client.get(url).json()
        if found["state"] != "running":
            return found
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def test_an_upload_of_200_mb_is_not_held(send: Any, told: Any) -> None:
    piece, start = bytes(1 << 20), b'--b\r\nContent-Disposition: form-data; name="file"; '
    start += b'filename="x.cif"\r\n\r\n'
    kinds = {"content-type": "multipart/form-data; boundary=b"}
    tracemalloc.start()
    for headers in (kinds, {**kinds, "content-length": str(200 << 20)}):
        status, answered, body = send(PREDICT, [start, *[piece] * 200], headers).result(60)
        assert status == 413
        assert answered["content-type"] == "application/problem+json"
        assert "4 MiB" in json.loads(body)["detail"]
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()
    assert told.get("/api/v1/health").status_code == 200


def test_forms_that_are_none(told: Any, problem_of: Problem) -> None:
    kinds = {"content-type": "multipart/form-data; boundary=b"}
    problem_of(told.post(PREDICT, content=b"no form", headers=kinds), 400)
    kinds = {"content-type": "multipart/form-data"}
    problem_of(told.post(PREDICT, content=b"no form", headers=kinds), 400, "form")
    problem_of(told.post(PREDICT, content=b"x", headers={"content-type": "text/plain"}), 415)
    problem_of(told.post(PREDICT, content=b"x"), 415, "without a type")
    problem_of(told.post(PREDICT, json=[1]), 400, "no object of JSON")
    problem_of(told.post(PREDICT, json={}), 400, "no structure in the request")
    deep = b"[" * 100_000
    problem_of(told.post(PREDICT, content=deep, headers={"content-type": "application/json"}), 400)
    problem_of(told.post(PREDICT, files={"picture": ("a.png", b"x")}), 400, "'picture'")
    problem_of(told.post(PREDICT, **form(*[("a.cif", b"x")] * 6)), 413, "6 files", "as a job")
    problem_of(told.post(PREDICT, **form(("a.cif", bytes(2 << 20)))), 413, "a.cif", "1 MiB")
    problem_of(told.post("/api/v1/files", **form(*[("a.cif", b"x")] * 2)), 400, "made of one")


def test_options_that_make_no_sense(told: Any, problem_of: Problem) -> None:
    for data, status, words in (
        ({"nonsense": "1"}, 400, "there is no option 'nonsense'"),
        ({"include": "everything"}, 400, "no part 'everything'"),
        ({"temperatures": "-3"}, 400, "temperatures"),
        ({"temperatures": "nan"}, 400, "temperatures"),
        ({"temperatures": ",".join(["1"] * 2000)}, 400, "2000 temperatures"),
        ({"metal": "perhaps"}, 400, "metal"),
        ({"model": "../../secret.safetensors"}, 404, "there are no weights"),
        ({"isotopes": "x" * 300}, 400, "isotopes"),
    ):
        problem_of(told.post(PREDICT, **form(("a.cif", b"x")), data=data), status, words)
    many = {"substitute": "Si=Ge", "x": ",".join(["0.5"] * 30)}
    problem_of(told.post("/api/v1/alloy", **form(("a.cif", b"x")), data=many), 400, "30 comp")


def test_addresses_that_are_none(told: Any, problem_of: Problem) -> None:
    problem_of(told.get("/api/v1/nothing"), 404)
    problem_of(told.get("/docs"), 404)
    asked = told.get(PREDICT)
    problem_of(asked, 405, "GET is not understood there")
    assert asked.headers["allow"] == "POST"
    problem_of(told.put(PREDICT), 405)
    problem_of(told.get("/api/v1/models/none"), 404, "there are no weights 'none'")
    problem_of(told.get("/api/v1/jobs/none"), 404, "there is no job")
    problem_of(told.get("/api/v1/jobs/x/rows?limit=many"), 400)
    assert told.get("/api/v1/models/lattice").json()["elements"]["Si"]["n_train"] > 100


def test_a_second_file_while_the_first_is_computed(told: Any, send: Any) -> None:
    body, kinds = multipart("sleep 1.0.cif")
    first = send(PREDICT, body, kinds)
    assert told.post(PREDICT, **form(("quick.cif", b"x"))).json() == {"name": "quick"}
    assert not first.done()
    assert first.result(60)[0] == 200


def multipart(name: str) -> tuple[list[bytes], dict[str, str]]:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = [head.encode(), b"x\r\n--b--\r\n"]
    return body, {"content-type": "multipart/form-data; boundary=b"}


def told_of(client: Any, enough: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until the health of the service says something."""
    for _ in range(1000):
        if enough(client.get("/api/v1/health").json()):
            return
        time.sleep(0.01)
    raise AssertionError(client.get("/api/v1/health").json())


def test_a_full_queue(told: Any, send: Any, problem_of: Problem) -> None:
    body, kinds = multipart("hold.cif")
    sent = []
    for n in range(5):  # two at work, three that wait
        sent.append(send(PREDICT, body, kinds))
        told_of(told, lambda s, n=n: s["workers"]["busy"] + s["queue"]["waiting"] == n + 1)
    found = told.post(PREDICT, **form(("late.cif", b"x")))
    release = told.service.workspace.root / "release"
    release.touch()
    problem_of(found, 503, "3 requests wait")
    assert int(found.headers["retry-after"]) >= 1
    assert [one.result(60)[0] for one in sent] == [200] * 5
    release.unlink()


def test_a_lost_connection_frees_its_place(told: Any, send: Any) -> None:
    body, kinds = multipart("sleep 0.6.cif")
    sent = [send(PREDICT, body, kinds, gone=True) for _ in range(4)]
    assert all(one.result(60)[0] == 499 for one in sent)
    assert told.get("/api/v1/health").json()["queue"]["waiting"] == 0
    assert send(PREDICT, [body[0]], kinds, cut=True).result(60)[0] == 499
    assert send(PREDICT, [body[0]], kinds).result(60)[0] == 400  # a form without an end
    assert told.post(PREDICT, **form(("on.cif", b"x"))).status_code == 200


def test_workers_that_die_or_dawdle(told: Any, problem_of: Problem) -> None:
    found = told.post(PREDICT, **form(("kill.cif", b"x")))
    problem_of(found, 500, "kill.cif: its worker has died, twice", "SIGKILL")
    found = told.post(PREDICT, **form(("sleep 60.cif", b"x")))
    problem_of(found, 504, "sleep 60.cif: took longer than 3 s")
    found = told.post(PREDICT, **form(("once.cif", b"x")))
    assert found.json() == {"name": "once"}
    (told.service.workspace.root / "diary").unlink()
    both = told.post(PREDICT, **form(("kill.cif", b"x"), ("good.cif", b"x"))).json()["results"]
    assert both[0]["problem"]["status"] == 500
    assert both[1]["report"] == {"name": "good"}


def test_too_many_requests_under_way(
    told: Any, problem_of: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told.service, "arriving", 24)
    found = told.post(PREDICT, **form(("a.cif", b"x")))
    problem_of(found, 503, "24 requests are under way")
    assert found.headers["retry-after"] == "5"


def test_a_fault_of_ours_shows_no_traceback(
    told: Any, problem_of: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told.service.dispatcher, "check_room", lambda: 1 / 0)
    found = problem_of(told.post(PREDICT, **form(("a.cif", b"x"))), 500, "fault of phonodos")
    assert "ZeroDivisionError" not in json.dumps(found)


def test_what_the_page_of_the_service_shows(
    real: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (EXAMPLES.parent / "docs" / "service.md").read_text(encoding="utf-8")
    (client,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in client.splitlines() if line]) == 6

    def post(url: str, **rest: Any) -> Any:
        rest.pop("timeout")
        return real.post(url.removeprefix("http://127.0.0.1:8000"), **rest)

    monkeypatch.setattr("requests.post", post)
    monkeypatch.chdir(EXAMPLES)
    exec(compile(client, "service.md", "exec"), {})
    assert capsys.readouterr().out == "NaCl stable\n"
    (problem,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert json.loads(problem) == real.post(PREDICT, **form(("letter.txt", b"Dear Sir,"))).json()
    for option in ("host", "port", "model", "max-atoms", "queue", "workers", "timeout", "cors"):
        assert f"`--{option}`" in text


def test_openapi_is_here_and_its_page_is_not(told: Any) -> None:
    found = told.get("/api/v1/openapi.json").json()
    assert "/api/v1/predict" in found["paths"]
    assert told.get("/docs").status_code == told.get("/redoc").status_code == 404


def test_loads_are_packed_only_for_who_understands(real: Any) -> None:
    plain = real.get("/api/v1/models/lattice", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == real.get("/api/v1/models/lattice").json()
