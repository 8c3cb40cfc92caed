"""The report as one file, opened from a disk: it draws, and asks nobody for anything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
FORM = ROOT / "src" / "phonodos" / "service" / "static" / "report.html"


def filled(record: dict[str, Any], title: str) -> str:
    """Return the form of a report with a record in it."""
    text = json.dumps(record).replace("<", "\\u003c")
    page = FORM.read_text(encoding="utf-8").replace("@PHONODOS_RECORD@", text)
    return page.replace("@PHONODOS_TITLE@", title)


def test_a_report_draws_without_a_service(opened: Callable[..., Any], tmp_path: Path) -> None:
    from phonodos.studies.report import report

    record = report(ROOT / "examples" / "NaCl.cif").to_dict()
    record["name"] = "</script><script>alert(1)</script>"
    file = tmp_path / "NaCl.html"
    file.write_text(filled(record, "NaCl"), encoding="utf-8")
    for phone in (False, True):
        visit = opened(phone, offline=True)
        page = visit.page
        page.goto(file.as_uri())
        page.wait_for_selector("#dos svg path")
        assert page.locator("#bands svg path").count() > 2
        assert page.locator("#modes tbody tr").count() > 1
        assert record["name"] in page.locator(".crystal-head").inner_text()
        assert page.locator("#alloy, #compare, #assumptions, .drop").count() == 0
        assert visit.overflow() <= 0
        assert [url for url in visit.asked if url != file.as_uri()] == []


def test_an_empty_form_says_what_fills_it(opened: Callable[..., Any]) -> None:
    visit = opened()
    visit.page.goto(FORM.as_uri())
    told = visit.page.locator("[role=alert]")
    told.wait_for()
    assert "phonodos predict FILE --format html" in told.inner_text()
