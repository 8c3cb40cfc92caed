"""The periodic table: where elements stand, what is written in the boxes."""

import pytest

from phonodos.figures.periodic_table import place, plot_periodic_table
from phonodos.physics import elements


@pytest.mark.parametrize(
    ("symbol", "where"),
    [
        ("H", (1, 1)), ("He", (18, 1)), ("B", (13, 2)), ("Mg", (2, 3)), ("Ti", (4, 4)),
        ("Xe", (18, 5)), ("Ba", (2, 6)), ("Hf", (4, 6)), ("La", (4, 9)), ("Lu", (18, 9)),
        ("U", (7, 10)), ("Og", (18, 7)),
    ],
)  # fmt: skip
def test_places(symbol: str, where: tuple[int, int]) -> None:
    assert place(elements.atomic_number(symbol)) == where


def test_no_box_is_shared_and_groups_are_columns() -> None:
    assert len({place(z) for z in range(1, 119)}) == 118
    groups, periods = (elements.column(name) for name in ("group", "period"))
    for z in range(1, 119):
        column, row = place(z)
        if row <= 7:
            assert (column, row) == (groups[z - 1], periods[z - 1]), z


def test_boxes() -> None:
    figure = plot_periodic_table(
        {"O": 0.01, "Sr": 0.1}, counts={"O": 7, "Sr": 2}, label="MSE", log=True, note="a note"
    )
    words = [text.get_text() for text in figure.axes[0].texts]
    assert len(figure.axes[0].patches) == 118
    assert {"0.01", "0.1", "7", "2", "a note", "Og"} <= set(words)
