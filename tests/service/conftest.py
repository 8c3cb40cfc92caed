"""The application in this process: with workers that do as they are told, and with real ones."""

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra [web] is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer versions want another client than older ones
    from starlette.testclient import TestClient

from phonodos.service.app import Service, application
from phonodos.service.limits import Limits
from phonodos.service.models import served

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
SMALL = Limits(
    atoms=50, waiting=3, seconds=3.0, file_bytes=1 << 20, upload_bytes=4 << 20, together=5,
    archive_files=20, unpacked_bytes=8 << 20, jobs=2, kept_jobs=3, upload_seconds=2.0,
    job_crystals=40,
)  # fmt: skip


@pytest.fixture(scope="session")
def toil() -> Iterator[Any]:
    """Module of what made-up workers do, which their processes find by its name."""
    sys.path.insert(0, str(ROOT))
    yield import_module("tests.service.toil")
    sys.path.remove(str(ROOT))


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page in the place of the built one."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>phonodos</title>" + "x" * 1000)
    (folder / "assets" / "app.js").write_text("let a = 1;\n" * 500)
    (folder / "assets" / "app-Bx3kQ9aZ.js").write_text("let a = 2;\n" * 500)
    (folder / "notes.secret").write_text("not to be served")
    return folder


@pytest.fixture(scope="module")
def told(toil: Any, static: Path) -> Iterator[TestClient]:
    """A client of an application whose two workers do what the names of files say."""
    default, models = served(None)
    service = Service(default, models, SMALL, 2, static, start=toil.start)
    app = application(service, ["known.example"], ["https://friend.example"])
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        client.service = service  # type: ignore[attr-defined]
        yield client


@pytest.fixture(scope="session")
def real(static: Path) -> Iterator[TestClient]:
    """A client of an application with one real worker and the default weights."""
    default, models = served(None)
    limits = Limits(atoms=50, seconds=120.0, unpacked_bytes=32 << 20, file_unpacked_mib=8)
    service = Service(default, models, limits, 1, static)
    with TestClient(application(service), "http://localhost") as client:
        client.service = service  # type: ignore[attr-defined]
        yield client


Raw = Callable[..., Any]


async def _raw(
    app: Any, path: str, pieces: Sequence[bytes], headers: dict[str, str], gone: bool, cut: bool
) -> tuple[int, dict[str, str], bytes]:
    """Send a request piece by piece to an application; return status, headers and body."""
    import asyncio

    left, answer, ended = list(pieces), [], asyncio.Event()

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or cut}
        if not (gone or cut):
            await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        answer.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    given = [(k.lower().encode(), v.encode()) for k, v in {"host": "localhost", **headers}.items()]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": given,
        "query_string": b"", "scheme": "http", "http_version": "1.1", "root_path": "",
        "server": ("localhost", 80), "client": ("127.0.0.1", 1), "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    found = {k.decode(): v.decode() for k, v in answer[0]["headers"]}
    return answer[0]["status"], found, b"".join(m.get("body", b"") for m in answer[1:])


@pytest.fixture
def send(told: TestClient) -> Raw:
    """Function (path, pieces, headers, gone=False, cut=False) -> future of status, headers, body.

    With `gone` whoever asks closes the connection once all was sent, with `cut` before its end.
    """

    def start(
        path: str,
        pieces: Sequence[bytes],
        headers: dict[str, str],
        gone: bool = False,
        cut: bool = False,
    ) -> Any:
        return told.portal.start_task_soon(_raw, told.app, path, pieces, headers, gone, cut)

    return start


def is_problem(answer: Any, status: int, *words: str) -> dict[str, Any]:
    """Check that an answer is a whole problem document, and return it."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    found = json.loads(answer.text)
    assert {"type", "title", "status", "detail", "fix", "instance"} <= found.keys()
    assert found["status"] == status
    assert all(found[key] for key in ("title", "detail", "fix"))
    assert "Traceback" not in answer.text
    for word in words:
        assert word in answer.text
    return found


@pytest.fixture(scope="session")
def problem_of() -> Callable[..., dict[str, Any]]:
    """Function (answer, status, *words): check that it is a problem document, and return it."""
    return is_problem
