"""Sheets of panels: sizes, order, letters, coefficients in words."""

import pytest

from phonodos.figures.panels import PAGE_WIDTH, bare, letter, panels, shown


def test_panels_come_row_by_row() -> None:
    figure, axes = panels(2, 3, width=PAGE_WIDTH, height=2.0, sharex=True)
    assert tuple(figure.get_size_inches()) == (PAGE_WIDTH, 2.0)
    assert len(axes) == 6
    places = [a.get_subplotspec() for a in axes]
    assert [(p.rowspan.start, p.colspan.start) for p in places if p] == [
        (row, column) for row in range(2) for column in range(3)
    ]
    axes[0].set_xlim(0.0, 7.0)
    assert axes[5].get_xlim() == (0.0, 7.0)  # the grid's words reach matplotlib


def test_letters_are_bold_and_bare_panels_have_no_axes() -> None:
    _, (first, second) = panels(1, 2, width=PAGE_WIDTH, height=2.0)
    letter(first, "a")
    assert first.get_title(loc="left") == "a"
    assert first.axison
    bare(second)
    assert not second.axison


@pytest.mark.parametrize(("rho", "text"), [(0.034, "+0.03"), (-1.0, "-1.00"), (None, "–")])
def test_coefficients_carry_their_sign(rho: float | None, text: str) -> None:
    assert shown(rho) == text
