"""Other names and other sites are refused; headers protect whoever reads an answer."""

from collections.abc import Callable
from typing import Any

import pytest

from phonodos.service.guard import is_loopback

Problem = Callable[..., dict[str, Any]]
FILE = {"file": ("a.cif", b"x")}
PREDICT, HEALTH = "/api/v1/predict", "/api/v1/health"


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1", "known.example", "localhost."],
)
def test_names_of_this_machine(told: Any, host: str) -> None:
    assert told.get(HEALTH, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "localhost:x", "[::2]",
     "known.example@evil.example", "0.0.0.0"],
)  # fmt: skip
def test_other_names_are_refused(told: Any, host: str, problem_of: Problem) -> None:
    for path in ("/", HEALTH):
        found = told.get(path, headers={"host": host})
        problem_of(found, 421, "is not called", "--allow-host")
        assert "content-security-policy" in found.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "https://localhost"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost"},
    ],
)
def test_posts_of_other_sites_are_refused(
    told: Any, headers: dict[str, str], problem_of: Problem
) -> None:
    found = told.post(PREDICT, files=FILE, headers=headers)
    problem_of(found, 403, "another site", "--cors")
    assert "access-control-allow-origin" not in found.headers
    assert told.delete("/api/v1/jobs/x", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "https://localhost"},
    ],
)
def test_posts_from_here_are_answered(told: Any, headers: dict[str, str]) -> None:
    assert told.post(PREDICT, files=FILE, headers=headers).status_code == 200


def test_a_friend_is_answered_and_allowed_to_read(told: Any) -> None:
    headers = {"origin": "https://friend.example", "sec-fetch-site": "cross-site"}
    found = told.post(PREDICT, files=FILE, headers=headers)
    assert found.status_code == 200
    assert found.headers["access-control-allow-origin"] == "https://friend.example"
    assert "cross-origin-resource-policy" not in found.headers
    asked = {**headers, "access-control-request-method": "POST"}
    assert told.options(PREDICT, headers=asked).status_code == 200
    asked["origin"] = "https://evil.example"
    assert told.options(PREDICT, headers=asked).status_code == 400


def test_headers_that_protect(told: Any) -> None:
    for path in ("/", "/api/v1/health", "/nothing"):
        headers = told.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert told.get(HEALTH).headers["cache-control"] == "no-store"


def test_what_is_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "box"))
