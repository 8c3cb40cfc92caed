"""A report as one file of HTML: the page with the record inside, which asks nobody for anything."""

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from phonodos.errors import DataError

# Built with the page (make web), everything inlined; here it is data, as weights are.
TEMPLATE = Path(str(files("phonodos"))) / "service" / "static" / "report.html"
RECORD, TITLE = "@PHONODOS_RECORD@", "@PHONODOS_TITLE@"


def page_template() -> str:
    """Return the page without a record.

    Raises
    ------
    DataError
        If this copy of phonodos has no built page, or another one than it should have.
    """
    try:
        text = TEMPLATE.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_page("the page is not built in this copy of phonodos") from error
    if text.count(RECORD) != 1 or text.count(TITLE) != 1:
        raise _no_page("its page has no place, or several, for a record and a title")
    return text


def single_file(record: Mapping[str, Any], title: str) -> str:
    """Return the page that shows a record.

    Parameters
    ----------
    record
        Fit for JSON, without NaN.
    title
        What the browser calls it; any text.

    Raises
    ------
    DataError
        As `page_template`.
    """
    # In a script, HTML ends at </script> or is swallowed by <!-- whatever the JSON says. Nothing
    # but strings holds these signs, and there an escape says the same.
    text = json.dumps(record, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    filled = {RECORD: text, TITLE: escape(title)}
    # By the places in the template: a name may hold the words that mark them.
    template = page_template()
    first, second = sorted(filled, key=template.index)
    head, _, rest = template.partition(first)
    middle, _, end = rest.partition(second)
    return "".join([head, filled[first], middle, filled[second], end])


def _no_page(reason: str) -> DataError:
    return DataError(
        "no report can be written as HTML",
        reason,
        "install a release, or build the page in a checkout (make web)",
    )
