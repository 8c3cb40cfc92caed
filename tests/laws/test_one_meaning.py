"""`compare`, `evaluate` and `screen` say the same of one spectrum: gap, cut-off, instability."""

import numpy as np
import pytest

from phonodos.evaluation.report import Judged, Report, Seen, report_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve
from phonodos.physics.dos import PhononDos
from phonodos.physics.neutron import curve_of
from phonodos.physics.target import TARGET_GRID, dos_from_target
from phonodos.prediction.doubts import share_doubts
from phonodos.prediction.prediction import Prediction
from phonodos.screening.rows import Row, predicted_row
from phonodos.screening.source import Item
from phonodos.studies.comparison import features_of


def judged(dos: PhononDos, crystal: Crystal) -> dict[str, object]:
    """Return the row of `evaluate` for a spectrum that is its own reference."""
    report: Report = report_of([Judged("x", crystal, dos, dos)], Seen({}, frozenset()))
    return report.rows[0]


def screened(dos: PhononDos, crystal: Crystal) -> Row:
    prediction = Prediction(crystal, dos, None, "model", tuple(share_doubts(dos)))
    return predicted_row(Item("x", 0, "x.cif", "0", crystal), prediction, [300.0])


@pytest.mark.parametrize(
    ("empty", "gap"), [([8], None), ([8, 9], (150.0, 190.0)), ([3, 8, 9, 10], (150.0, 210.0))]
)
def test_gap_and_cut_off(
    empty: list[int], gap: tuple[float, float] | None, rock_salt: Crystal
) -> None:
    values = np.where(np.arange(51) < 20, 1.0, 0.0)
    values[empty] = 0.01
    dos = dos_from_target(values, rock_salt.n_atoms)
    curve: Curve = curve_of(dos)
    assert len(curve.frequencies) == TARGET_GRID.n
    facts, row = features_of(curve).to_dict(), judged(dos, rock_salt)
    found = dos.gap()
    assert facts["cut_off"] == float(str(row["cut_off_cm-1"])) == dos.cut_off() == 380.0
    if gap is None:
        assert facts["gap"] is None
        assert found is None
        assert row["gap_position_cm-1"] is None
        return
    assert found is not None
    assert facts["gap"] == [found.low, found.high] == list(gap)
    assert float(str(row["gap_position_cm-1"])) == found.position
    assert float(str(row["gap_width_cm-1"])) == found.width


@pytest.mark.parametrize(("share", "unstable"), [(0.009, False), (0.011, True)])
def test_unstable(share: float, unstable: bool, rock_salt: Crystal) -> None:
    w = np.arange(-100.0, 501.0)
    soft, real = (np.where((w >= a) & (w <= b), 1.0, 0.0) for a, b in ((-60, -40), (100, 300)))
    g = share * soft / soft.sum() + (1 - share) * real / real.sum()
    dos = PhononDos(w, 6 * g, rock_salt.n_atoms)
    row = screened(dos, rock_salt)
    assert row["unstable"] is unstable
    assert (row["trust"] is not None) is unstable
    assert judged(dos, rock_salt)["imaginary"] is unstable
    assert dos.is_unstable is unstable
