"""The files of the page: compressed, tagged, and nothing but them."""

import re
from collections.abc import Callable
from typing import Any

from phonodos.service.pages import Pages, static_folder

Problem = Callable[..., dict[str, Any]]


def test_the_page_and_its_files(told: Any) -> None:
    page = told.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-cache"
    assert page.text.startswith("<!doctype html>")
    script = told.get("/assets/app.js")
    assert script.headers["cache-control"] == "no-cache"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    hashed = told.get("/assets/app-Bx3kQ9aZ.js")
    assert "immutable" in hashed.headers["cache-control"]


def test_the_built_page_is_whole() -> None:
    pages = Pages(static_folder()).pages
    page = pages["index.html"].content.decode()
    asked = re.findall(r'(?:src|href)="\.?/?([^":]+)"', page)
    assert asked
    assert set(asked) <= pages.keys()
    assert "<script>" not in page
    assert "style=" not in page


def test_what_is_known_is_not_sent_again(told: Any) -> None:
    tag = told.get("/").headers["etag"]
    again = told.get("/", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert told.get("/", headers={"if-none-match": '"other"'}).status_code == 200


def test_who_wants_it_plain(told: Any) -> None:
    for accepted in ("identity", "gzip;q=0", "br"):
        plain = told.get("/", headers={"accept-encoding": accepted})
        assert "content-encoding" not in plain.headers
        assert plain.text.startswith("<!doctype html>")


def test_nothing_else_is_there(told: Any, problem_of: Problem) -> None:
    for path in ("/notes.secret", "/assets/", "/../conftest.py", "/%2e%2e/conftest.py", "/assets"):
        problem_of(told.get(path), 404)
