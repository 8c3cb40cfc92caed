"""YAML of strangers: plain values; nothing runs, explodes or is a number to Python alone."""

import math
import subprocess
import sys

import pytest

from phonodos.errors import StructureError
from phonodos.structures import yaml_text
from phonodos.structures.unpacking import LIMIT_VARIABLE
from phonodos.structures.yaml_text import read_yaml, read_yaml_mapping

LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{','.join(9 * [f'*{a}'])}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_plain_values() -> None:
    text = "a: [1, -2.5, 1e-5, .5, true, ~]\nb: {c: No, d: 2018-04-17, e: '5', f: .inf}\ng: .nan"
    found = read_yaml(text)
    assert found["a"] == [1, -2.5, 1e-5, 0.5, True, None]
    assert found["b"] == {"c": "No", "d": "2018-04-17", "e": "5", "f": math.inf}
    assert math.isnan(found["g"])
    assert read_yaml("") is None
    assert read_yaml_mapping("[1]") == {}


def test_aliases_as_pyyaml_writes_them() -> None:
    assert read_yaml("a: &id001 [1, 2]\nb: *id001\n") == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system ['exit 1']", "a tag"),
        ("a: !!python/name:os.system", "a tag"),
        ("!<tag:yaml.org,2002:python/tuple> [1]", "a tag"),
        ("a: !mine 1", "a tag"),
        ("a: !!binary aGk=", "a tag"),
        ("a: 1_000", "is no number"),
        ("a: " + "9" * 5000, "5000 characters"),
        ("[" * 100_000, "nesting"),
        ("- " * 5000, "nesting"),
        (LAUGHS, "its aliases stand for more than 1,200,000 values"),
        ("a: &a [*a]", "aliases stand for more"),
        ("? [a]\n: 1", "unhashable"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a: [1, 2", "not readable"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(StructureError) as caught:
        read_yaml(text)
    assert message in str(caught.value)


# What many nodes are made of, and how many nodes a piece is, one for the whole not counted.
PIECES = {
    "values": ("a: [{}]", "1.5,", 1),
    "lists": ("a: [{}]", "[],", 1),
    "pairs without values": ("a: {{{}}}", "k,", 2),
    "mappings in a list": ("a: [{}]", "b: 1,", 3),
    "lines": ("a:\n{}", "- [1.0, 2]\n", 3),
    "keys": ("{}", "k: {}\n", 2),
    "questions": ("{}", "? k\n", 2),
}


@pytest.mark.parametrize("kind", PIECES)
def test_a_text_of_too_many_values(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, piece, nodes = PIECES[kind]
    text = whole.format(piece.replace("{}", "{{}}").format() * 100)
    found = text.count(piece) * nodes + (3 if whole != "{}" else 1)
    assert yaml_text._upper_bound(text) >= found
    monkeypatch.setattr(yaml_text, "LARGEST_CONTENT", found)
    assert read_yaml(text)
    monkeypatch.setattr(yaml_text, "LARGEST_CONTENT", found - 1)
    with pytest.raises(StructureError, match=f"the text holds more than {found - 1} values"):
        read_yaml(text)
    monkeypatch.setenv(LIMIT_VARIABLE, "512")
    assert read_yaml(text)


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")
def test_the_most_values_take_less_than_a_gigabyte() -> None:
    """Counted for a tenth of them: empty lists are what takes most."""
    program = (
        "import resource\n"
        "from phonodos.structures.yaml_text import LARGEST_CONTENT, read_yaml\n"
        "text = 'a: [' + '[],' * (LARGEST_CONTENT // 10 - 3) + ']'\n"
        "read_yaml('a: [1]')\n"
        "def peak():\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "assert len(read_yaml(text)['a']) == LARGEST_CONTENT // 10 - 3\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert 10 * int(done.stdout) < 1e9
