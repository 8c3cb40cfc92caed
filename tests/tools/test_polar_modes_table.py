"""The table of polar modes: the page holds all of them, one crystal is predicted anew."""

import pytest

from phonodos.prediction.predictor import load
from phonodos.studies.modes import modes
from polar_modes_table import BEGIN, END, HEAD, MODES, PAGE, pairs, with_table


def shown() -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return [line.strip("| ").split(" | ") for line in text.strip().splitlines()[2:]]


def test_the_page_holds_all_of_them() -> None:
    table = shown()
    assert [(row[0], row[1]) for row in table] == [(name, mode.irrep) for name, mode in MODES]
    for row, (_, mode) in zip(table, MODES, strict=True):
        assert len(row) == len(HEAD)
        to, to_measured, lo, lo_measured = map(float, row[2:])
        assert (to_measured, lo_measured) == (mode.transverse, mode.longitudinal)
        assert to < lo
        assert to == pytest.approx(to_measured, rel=0.1)
        assert lo == pytest.approx(lo_measured, rel=0.12)


def test_wurtzite_anew() -> None:
    """Uniaxial: A1 is seen along c, E1 along a; and the four sets of quartz find their LO."""
    predictor = load("lattice")
    found = {(row[0], row[1]): row for row in shown()}
    study = modes(MODES[4][1].crystal, model=predictor)
    for irrep, axis in (("A1", "c"), ("E1", "a")):
        ((transverse, longitudinal),) = pairs(study, irrep, axis)
        assert transverse == pytest.approx(float(found["ZnO", irrep][2]), abs=2.0)
        assert longitudinal == pytest.approx(float(found["ZnO", irrep][4]), abs=2.0)
    assert len(pairs(modes(MODES[6][1].crystal, model=predictor), "A2", "c")) == 4


def test_only_the_table_changes() -> None:
    assert with_table(f"a {BEGIN} old {END} b", "new") == f"a {BEGIN}\n\nnew\n\n{END} b"
