"""Conditions: what they mean, what they refuse, that nothing in them runs."""

import pyarrow as pa
import pytest

from phonodos.errors import ConfigError
from phonodos.screening.filters import known_column, parse_filter

TABLE = pa.table(
    {
        "n_atoms": [2, 5, 8, 20],
        "formula": ["MgO", "SrTiO3", "NaCl", "x"],
        "unstable": [False, True, False, None],
        "omega_log": [300.0, 200.0, 100.0, None],
    }
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("n_atoms < 8", [2, 5]),
        ("8 >= n_atoms", [2, 5, 8]),
        ("2 < n_atoms <= 8", [5, 8]),
        ("n_atoms < 8 and not unstable", [2]),
        ("unstable or formula == 'NaCl'", [5, 8]),
        ("formula in ['MgO', 'NaCl']", [2, 8]),
        ("formula not in ('MgO', 'NaCl')", [5, 20]),
        ("omega_log is None", [20]),
        ("omega_log is not None and (n_atoms == 2 or omega_log < 150.0)", [2, 8]),
        ("n_atoms != 2 and n_atoms > -1", [5, 8, 20]),
    ],
)
def test_conditions(text: str, wanted: list[int]) -> None:
    assert TABLE.filter(parse_filter(text, TABLE.column_names))["n_atoms"].to_pylist() == wanted


@pytest.mark.parametrize(
    "text",
    [
        "n_atoms <", "__import__('os').system('ls')", "n_atoms < len('x')", "1 < 2", "n_atoms + 1",
        "formula in 'MgO'", "n_atoms is 2", "n_atoms < omega_log.x", "(lambda: 1)()", "",
    ],
)  # fmt: skip
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ConfigError, match="is not understood") as caught:
        parse_filter(text, TABLE.column_names)
    assert "--where" in caught.value.fix


def test_unknown_columns_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no column 'n_atom'") as caught:
        parse_filter("n_atom < 3", TABLE.column_names)
    assert caught.value.fix == "did you mean n_atoms?"
    assert known_column("formula", TABLE.column_names) == "formula"


@pytest.mark.parametrize(
    "text",
    [
        "n_atoms < 99999999999999999999999",
        "n_atoms in [1, 99999999999999999999999]",
        "n_atoms in [1, 'a']",
        "n_atoms in [1, [2]]",
        "n_atoms == 1j",
        "n_atoms == ...",
        "n_atoms == {1}",
        "formula == b'MgO'",
        "formula == '\\ud800'",
        "n_atoms < " + "9" * 5000,
        "(" * 5000 + "unstable" + ")" * 5000,
        "not " * 5000 + "unstable",
        "-" * 5000 + "1 < n_atoms",
        " and ".join(["unstable"] * 5000),
        "1" + " < n_atoms" * 5000,
    ],
)
def test_absurd_conditions_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not understood") as caught:
        parse_filter(text, TABLE.column_names)
    assert len(str(caught.value)) < 1000


def test_a_long_list_is_no_absurd_condition() -> None:
    text = f"formula in {['MgO', *map(str, range(5000))]} and n_atoms < 2e300"
    assert TABLE.filter(parse_filter(text, TABLE.column_names))["n_atoms"].to_pylist() == [2]
