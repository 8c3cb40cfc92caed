"""A server as a process of its own: it starts, takes blows, ends, and leaves nothing behind."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import ConfigError
from phonodos.service.server import address, listening, warning_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
SI = (Path(__file__).parent.parent.parent / "examples" / "Si.cif").read_text()
ORDER = json.dumps({"structure": SI, "filename": "Si.cif", "include": []}).encode()
JSON = {"Content-Type": "application/json"}


class Running:
    """A server and what it holds."""

    def __init__(self, place: Path, *words: str) -> None:
        self.place = place
        self.process = subprocess.Popen(
            [sys.executable, "-m", "phonodos", "serve", "--port", "0", "--workers", "1", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=place,
            env=os.environ | {"TMPDIR": str(place)},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        self.port = int(found[1])

    def ask(self, method: str, path: str, body: Any = None, headers: Any = JSON) -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, f"/api/v1/{path}", body, headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            line.close()

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = []
        for task in children.parent.parent.iterdir():
            found += [int(pid) for pid in (task / "children").read_text().split()]
        return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = Running(tmp_path_factory.mktemp("served"), "--model", "chen2021")
    yield found
    found.process.kill()
    found.process.communicate()


def test_it_answers(server: Running) -> None:
    status, found = server.ask("POST", "predict", ORDER)
    assert (status, found["crystal"]["formula"]) == (200, "Si")
    assert server.ask("GET", "health")[1]["model"] == "chen2021"


def test_200_mb_are_refused_in_words(server: Running) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(1 << 20)

    kinds = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers in (kinds, kinds | {"Content-Length": str(200 << 20)}):
        status, found = server.ask("POST", "predict", pieces(), headers)
        assert (status, found["status"]) == (413, 413)
    held = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * 4096
    assert held < 600e6


def test_a_lost_connection_and_a_killed_worker(server: Running) -> None:
    head = "POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for sent in (ORDER, ORDER[: len(ORDER) // 2]):
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(f"{head}Content-Length: {len(ORDER)}\r\n\r\n".encode() + sent)
    assert server.ask("POST", "predict", ORDER)[0] == 200
    (worker,) = server.workers()
    os.kill(worker, signal.SIGKILL)
    status, _ = server.ask("POST", "predict", ORDER)
    assert status == 200
    assert server.workers() != [worker]
    assert server.ask("GET", "health")[1]["workers"] == {"n": 1, "busy": 0, "replaced": 1}
    (root,) = server.place.glob("phonodos-serve-*")
    assert not list(root.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    server = Running(tmp_path, "--model", "chen2021")
    for _ in range(600):
        if server.workers():
            break
        time.sleep(0.05)
    (worker,) = server.workers()
    assert list(tmp_path.glob("phonodos-serve-*"))
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    line.request("POST", "/api/v1/jobs", ORDER.replace(b'"include": []', b'"extra": []'), JSON)
    assert line.getresponse().status == 202
    line.close()
    code, out = server.end(number)
    assert (code, out.strip()) == (130, "stopped")
    assert not list(tmp_path.glob("phonodos-serve-*"))
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


def test_where_nothing_can_listen() -> None:
    with listening("127.0.0.1", 0) as held:
        assert address(held).startswith("http://127.0.0.1:")
        with pytest.raises(ConfigError, match="nothing can be served at"):
            listening("127.0.0.1", held.getsockname()[1])
    for host in ("no.such.host.invalid", "203.0.113.7"):
        with pytest.raises(ConfigError, match=host):
            listening(host, 0)


def test_others_are_warned_of() -> None:
    assert warning_of("127.0.0.1") is None
    found = warning_of("0.0.0.0")
    assert found is not None
    assert "other machines" in found
    assert "--allow-host" in found
