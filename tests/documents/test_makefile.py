"""The Makefile: every target has one recipe and every promised target is there."""

import re
from collections import Counter
from pathlib import Path

MAKEFILE = Path(__file__).parent.parent.parent / "Makefile"


def test_every_target_once() -> None:
    text = MAKEFILE.read_text(encoding="utf-8")
    targets = Counter(re.findall(r"^([\w./-]+):(?!=)", text, re.MULTILINE))
    assert {name: n for name, n in targets.items() if n > 1} == {}
    promised = Counter(re.findall(r"^#   make ([\w-]+)", text, re.MULTILINE))
    assert {name: n for name, n in promised.items() if n > 1} == {}
    assert promised.keys() <= targets.keys()
