"""YAML of strangers: plain values; nothing runs, explodes or is a number to Python alone."""

import math

import pytest

from phonodos.errors import StructureError
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
        (LAUGHS, "aliases stand for more"),
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
