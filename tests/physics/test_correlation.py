"""Rank correlation and where it is undefined."""

import pytest

from phonodos.physics.correlation import shown, spearman


def test_ranks() -> None:
    assert spearman([1, 2, 3, 4], [1, 10, 11, 400]) == pytest.approx(1.0)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)
    assert spearman([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)


@pytest.mark.parametrize("rows", [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([], [])])
def test_undefined(rows: tuple[list[float], list[float]]) -> None:
    assert spearman(*rows) is None
    assert shown(spearman(*rows)) == "–"


def test_shown() -> None:
    assert shown(0.034) == "+0.03"
