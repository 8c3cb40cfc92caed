"""One file of HTML holds the record whatever names are in it, and nothing of them runs."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import DataError
from phonodos.results import single_file as home
from phonodos.results.single_file import page_template, single_file

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>@PHONODOS_TITLE@</title></head><body>
<script type="application/json" id="phonodos-record">@PHONODOS_RECORD@</script>
<script>const a = "\\\\1 $& $1";</script></body></html>
"""
EVIL = [
    "</script><script>alert(1)</script>", "<!--", "<!--<script>", "]]>", "&lt;b&gt;",
    "@PHONODOS_RECORD@", "@PHONODOS_TITLE@", "\\1 $& $1 \\g<0>", "\u2028\u2029", "\ud800", '"\'`',
    "a\nb\tc\x00d",
]  # fmt: skip


class Reader(HTMLParser):
    """Scripts and title of a page, as a browser cuts them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: str | None = None
        self.scripts: list[str] = []
        self.title = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside == "title":
            self.title += data


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small page of the shape of the built one, in its place."""
    path = tmp_path / "report.html"
    path.write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(home, "TEMPLATE", path)
    return path


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.usefixtures("page")
def test_names_are_text(name: str) -> None:
    record = {"name": name, "warnings": [name, {name: 1.5}], "none": None}
    found = single_file(record, name)
    read = Reader(found)
    assert len(read.scripts) == 2
    assert json.loads(read.scripts[0]) == record
    assert read.scripts[1] == 'const a = "\\\\1 $& $1";'
    assert read.title == name
    inside = found.partition('id="phonodos-record">')[2].partition("</script>")[0]
    assert not set(inside) & set("<>&\u2028\u2029\ud800")


@pytest.mark.usefixtures("page")
def test_no_number_that_json_has_not() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        single_file({"value": float("nan")}, "x")


def test_the_places_in_any_order(page: Path) -> None:
    page.write_text("@PHONODOS_RECORD@ | @PHONODOS_TITLE@", encoding="utf-8")
    assert single_file({"a": "@PHONODOS_TITLE@"}, "b") == '{"a": "@PHONODOS_TITLE@"} | b'


def test_the_built_page_asks_nobody() -> None:
    read = Reader(single_file({"name": EVIL[0]}, EVIL[0]))
    assert json.dumps({"name": EVIL[0]}) in [json.dumps(known(text)) for text in read.scripts]
    assert read.title == EVIL[0]
    text = page_template()
    named = {address.split("/")[2] for address in re.findall(r"https?://[^\s\"'`)]+", text)}
    assert named <= {"www.w3.org"}  # names of the languages of graphics, which nobody asks
    assert not re.search(r"""(?:src|href|action)\s*=\s*["'](?!#|data:)[^"']""", text.lower())
    assert "@import" not in text
    policy = re.search(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]  # and with it connect-src: nothing is asked for
    assert not re.search(r"connect-src|https?:|\*", policy[1])


def known(text: str) -> Any:
    """Return what JSON says; None for what is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.parametrize("text", ["nothing", PAGE + PAGE, None])
def test_another_page(page: Path, text: str | None) -> None:
    if text is None:
        page.unlink()
    else:
        page.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="no report can be written as HTML") as caught:
        page_template()
    assert "make web" in caught.value.fix
