"""CIF text into blocks."""

import pytest

from phonodos.errors import StructureError
from phonodos.structures.cif.grammar import parse_blocks


def test_grammar() -> None:
    text = (
        "# a comment\ndata_a _key 'it's one' # comment\n_text\n;line one\n_not_a_key\n;\n"
        "_double \"two words\"\nloop_ _A.b _a_c 1 2\n3 '_four'\n_last O1'\nDATA_b\n_x ?\n"
    )
    assert parse_blocks(text) == [
        (
            "a",
            {
                "_key": ["it's one"],
                "_text": ["line one\n_not_a_key"],
                "_double": ["two words"],
                "_a_b": ["1", "3"],
                "_a_c": ["2", "_four"],
                "_last": ["O1'"],
            },
        ),
        ("b", {"_x": ["?"]}),
    ]


def test_an_incomplete_table_that_decides_nothing_is_let_pass() -> None:
    table = "data_a loop_ _audit_a _audit_b 1 2 3 "
    assert parse_blocks(table + "_cell_length_a 4")[0][1]["_cell_length_a"] == ["4"]
    with pytest.raises(StructureError, match="incomplete"):
        parse_blocks(table.replace("audit", "atom_site"))


def test_pieces_are_put_together_up_to_the_length_of_an_operation() -> None:
    text = "data_a loop_ _symmetry_equiv_pos_as_xyz " + "x, " * 1000
    values = parse_blocks(text)[0][1]["_symmetry_equiv_pos_as_xyz"]
    assert max(map(len, values)) <= 204
    assert "".join(values) == "x," * 1000
