"""The service under load: clients that send crystals, one in twenty of them broken, for a time.

    python benchmarks/service.py --seconds 120 --clients 32 --kill 10

Every request has to be answered: by a report, a problem document, or 503 with the time to wait,
after which it is sent again. With --kill a worker is killed (SIGKILL) every so many seconds. Shown
are answers by status, what was lost, latencies, and the memory of the serving process and of all
workers at the beginning and the end.
"""

import argparse
import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("NaCl", "Si", "GaAs", "ZnO", "Mg3Sb2", "MgO")
BROKEN = (b"no structure", b"data_x\n_cell_length_a 1\n", bytes(range(256)), b"{")
SETTLED = 15.0  # [s] after which memory is taken for that of a service at work


def form(name: str, content: bytes, include: str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a request."""
    head = '--b\r\nContent-Disposition: form-data; name="include"\r\n\r\n' + include
    head += f'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    kinds = {"Content-Type": "multipart/form-data; boundary=b", "Accept-Encoding": "gzip"}
    return head.encode() + content + b"\r\n--b--\r\n", kinds


class Load:
    """What clients do, and what came of it."""

    def __init__(self, port: int, seconds: float, include: str, seed: int) -> None:
        self.port, self.include, self.seed = port, include, seed
        self.end = time.monotonic() + seconds
        self.statuses: Counter[str] = Counter()
        self.times: list[float] = []
        self.lost: list[str] = []
        self.lock = threading.Lock()
        self.crystals = [(f"{n}.cif", (EXAMPLES / f"{n}.cif").read_bytes()) for n in NAMES]

    def client(self, number: int) -> None:
        """Send requests, one after the other."""
        choose = random.Random(self.seed + number)
        while time.monotonic() < self.end:
            broken = choose.random() < 0.05
            name, content = choose.choice(self.crystals)
            content = choose.choice(BROKEN) if broken else content
            start = time.monotonic()
            status, wrong = self.answered(*form(name, content, self.include), broken)
            with self.lock:
                self.statuses[status] += 1
                self.times.append(time.monotonic() - start)
                self.lost += [wrong] if wrong else []

    def answered(self, body: bytes, headers: dict[str, str], broken: bool) -> tuple[str, str]:
        """Return the status of a request, and what is wrong with its answer."""
        while True:
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
            try:
                line.request("POST", "/api/v1/predict", body, headers)
                answer = line.getresponse()
                content = answer.read()
            except OSError as error:
                return "none", f"{type(error).__name__}: {error}"
            finally:
                line.close()
            if answer.status == 503:
                with self.lock:
                    self.statuses["503, sent again"] += 1
                time.sleep(float(answer.headers["Retry-After"]) * random.uniform(0.2, 1.0))
                continue
            if answer.status == (422 if broken else 200):
                return str(answer.status), ""
            if answer.status == 500 and b"its worker has died" in content:
                return "500, worker lost twice", ""
            return str(answer.status), content[:200].decode("latin-1")


def memory(pid: int) -> float:
    """Return the memory of a process [MiB]; 0 of one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / (1 << 20)
    except OSError:
        return 0.0


def workers(pid: int) -> list[int]:
    """Return the worker processes of a server."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [p for p in found if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()]


def kill(pid: int, every: float, load: Load, killed: list[int]) -> None:
    """Kill a worker now and then."""
    choose = random.Random(7)
    while time.monotonic() + every < load.end:
        time.sleep(every)
        found = workers(pid)
        if found:
            killed.append(choose.choice(found))
            os.kill(killed[-1], signal.SIGKILL)


def computing(pid: int) -> float:
    """Return the computing time of a server and its workers, those that ended included [s]."""
    total = 0
    for process in (pid, *workers(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def held(pid: int) -> tuple[float, float]:
    """Return the memory of a server and the largest of its workers [MiB]."""
    return memory(pid), max(map(memory, workers(pid)), default=0.0)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a server, load it, and return the figures."""
    words = [sys.executable, "-m", "phonodos", "serve", "--port", "0"]
    words += ["--workers", str(arguments.workers)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r":(\d+)/", server.stdout.readline())
            assert found is not None
            return loaded(server.pid, int(found[1]), arguments)
        finally:
            server.send_signal(signal.SIGINT)


def loaded(pid: int, port: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a server under load."""
    load, killed = Load(port, arguments.seconds, arguments.include, arguments.seed), []
    threads = [threading.Thread(target=load.client, args=(n,)) for n in range(arguments.clients)]
    if arguments.kill:
        threads.append(threading.Thread(target=kill, args=(pid, arguments.kill, load, killed)))
    start = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(min(SETTLED, arguments.seconds / 2))
    before, spent, made = held(pid), computing(pid), load.statuses["200"]
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", "/api/v1/health")
    health = json.loads(line.getresponse().read())
    line.close()
    spent = computing(pid) - spent
    after, times = held(pid), sorted(load.times)
    good = load.statuses["200"]
    return {
        "clients": arguments.clients, "seconds": round(took, 1),
        "parts": arguments.include, "statuses": dict(load.statuses), "lost": load.lost[:5],
        "lost answers": len(load.lost), "reports a second": round(good / took, 2),
        "median [s]": round(statistics.median(times), 2),
        "p95 [s]": round(times[int(0.95 * (len(times) - 1))], 2),
        "longest [s]": round(times[-1], 2),
        "core seconds a report": round(spent / max(good - made, 1), 2),
        "server memory [MiB]": [round(before[0]), round(after[0])],
        "worker memory [MiB]": [round(before[1]), round(after[1])],
        "killed": len(killed), "workers": health["workers"],
        "load average": [round(x, 1) for x in os.getloadavg()],
    }  # fmt: skip


def main() -> None:
    """Read the arguments, run, show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill", type=float, default=0.0, help="a worker every so many seconds")
    parser.add_argument("--include", default="bands,modes,displacements")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(json.dumps(run(arguments), indent=1))


if __name__ == "__main__":
    main()
