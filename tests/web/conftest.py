"""A service and a browser for the tests of the page; where either is missing, they skip."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from phonodos.model.ensemble import join_members

ROOT = Path(__file__).parent.parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60_000  # [ms] for a step: a busy machine is no failure
DESKTOP, PHONE = (1280, 800), (360, 740)


class Visit:
    """A page in a browser that writes down all that it asks for and complains of."""

    def __init__(self, browser: Any, size: tuple[int, int], **settings: Any) -> None:
        width, height = size
        self.width = width
        settings = {"viewport": {"width": width, "height": height}, **settings}
        self.context = browser.new_context(accept_downloads=True, **settings)
        self.context.set_default_timeout(PATIENCE)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        # an answer with an error status is told to the reader of the page, and not a mistake of it
        if message.type == "error" and "the server responded with a status" not in message.text:
            self.complaints.append(message.text)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window was made."""
        found = self.page.evaluate(
            "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
        )
        return int(found) - self.width

    def end(self) -> None:
        self.context.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: extra [test]")
    place = next(filter(None, map(shutil.which, NAMES)), None)
    if place is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    with api.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=place, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """The address of a service with one worker."""
    with serving() as address:
        yield address


@pytest.fixture
def uncalibrated(tmp_path: Path) -> Iterator[str]:
    """The address of a service whose weights state no intervals: a network of `chen2021` alone."""
    join_members(["chen2021:1"], tmp_path / "alone.safetensors", "alone")
    with serving("--model", str(tmp_path / "alone.safetensors")) as address:
        yield address


@contextmanager
def serving(*words: str) -> Iterator[str]:
    """Give the address of a service with one worker."""
    pytest.importorskip("fastapi", reason="no fastapi: extra [web]")
    command = [sys.executable, "-m", "phonodos", "serve", "--port", "0", "--workers", "1", *words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["src", *sys.path])}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if found := re.search(r"http://[\w.:\[\]]+/?", line):
                break
        else:
            pytest.fail("phonodos serve did not begin: " + "".join(told))
        yield found[0].rstrip("/") + "/"
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Visit]]:
    """A function that opens a page: ``phone``, or as it is; at the end nobody has complained."""
    found: list[Visit] = []

    def make(phone: bool = False, **settings: Any) -> Visit:
        found.append(Visit(browser, PHONE if phone else DESKTOP, **settings))
        return found[-1]

    yield make
    for each in found:
        each.end()
    assert [complaint for each in found for complaint in each.complaints] == []


@pytest.fixture
def visit(opened: Callable[..., Visit], service: str) -> Iterator[Visit]:
    """A page that asks nobody but the service."""
    found = opened()
    yield found
    elsewhere = [url for url in found.asked if not url.startswith((service, "blob:", "data:"))]
    assert elsewhere == []
    assert found.asked
