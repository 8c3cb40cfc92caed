"""Ranges of numbers on the command line."""

import pytest

from phonodos.cli.ranges import parse_range, parse_window
from phonodos.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0:1:0.25", [0, 0.25, 0.5, 0.75, 1]),
        ("-0.03:0.03:0.01", [-0.03, -0.02, -0.01, 0, 0.01, 0.02, 0.03]),
        ("0:1:0.3", [0, 0.3, 0.6, 0.9]),
        ("0.5", [0.5]),
        ("0, 1,0.5", [0, 1, 0.5]),
        ("1:1:1", [1]),
    ],
)
def test_numbers(text: str, numbers: list[float]) -> None:
    found = parse_range(text, "--x", "0:1:0.25")
    assert found == pytest.approx(numbers, abs=1e-12)
    assert 0.0 not in numbers or 0.0 in found


@pytest.mark.parametrize(
    "text", ["", "a", "0:1", "0:1:0", "1:0:0.1", "0:1:-1", "0:1:1e-9", "0,1:2", "nan", "0:inf:1"]
)
def test_refusals(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--x .*no range of numbers") as caught:
        parse_range(text, "--x", "0:1:0.25")
    assert "--x 0:1:0.25" in caught.value.fix


def test_windows() -> None:
    assert parse_window("5:100", "--range", "5:100") == (5.0, 100.0)
    assert parse_window("-1e1:2", "--range", "5:100", 2.0) == (-20.0, 4.0)
    for text in ("", "5", "5:", "9:8", "5:5", "a:b", "1:2:3", "nan:1", "0:inf"):
        with pytest.raises(ConfigError, match=r"--range .*: no range") as caught:
            parse_window(text, "--range", "5:100")
        assert "--range 5:100" in caught.value.fix
