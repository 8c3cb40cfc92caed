"""Names of groups: Hall symbols, names of before 1992, centred triclinic and other settings."""

import numpy as np
import pytest

from phonodos.structures.cif.group_names import named_settings

NAME, HALL = "_symmetry_space_group_name_h-m", "_space_group_name_hall"
NUMBER = "_symmetry_int_tables_number"


def rotations_of(key: str, name: str) -> list[int]:
    return [len(s.rotations) for s in named_settings({key: [name]})[1]]


def test_hall_symbols_are_looked_up_apart_from_names() -> None:
    """C 2 is C 1 2 1 as a name, and C 1 1 2, which is in no table, as a Hall symbol."""
    (by_name,) = named_settings({NAME: ["C 2"]})[1]
    assert any((r == np.diag([-1.0, 1, -1])).all() for r in by_name.rotations)
    assert rotations_of(HALL, "C 2") == []
    assert rotations_of(HALL, "F m -3 m") == []
    assert rotations_of(HALL, "-F_4_2_3") == rotations_of(HALL, "-F423") == [192]
    assert (rotations_of(HALL, "P 3 2"), rotations_of(HALL, "P 32")) == ([6], [3])


def test_the_double_prime_of_a_hall_symbol_counts() -> None:
    (plain,), (primed,), (same,) = (
        named_settings({HALL: [symbol]})[1] for symbol in ("P 3 2", 'P 3 2"', "P 3 2''")
    )
    assert not np.array_equal(plain.rotations, primed.rotations)
    assert np.array_equal(primed.rotations, same.rotations)


@pytest.mark.parametrize(
    ("old", "new"),
    [("C m c a", "C m c e"), ("Aba2", "Aea2"), ("A b m 2", "Aem2"), ("Bmab", "Bmeb")],
)
def test_names_from_before_1992(old: str, new: str) -> None:
    (first,), (second,) = (named_settings({NAME: [name]})[1] for name in (old, new))
    assert np.array_equal(first.rotations, second.rotations)
    assert np.array_equal(first.translations, second.translations)


@pytest.mark.parametrize("old", ["Abm2", "C2mb", "Ccmb", "Bbcm", "Cmma", "Bmam", "Ac2a"])
def test_old_names_that_are_one_setting(old: str) -> None:
    assert len(rotations_of(NAME, old)) == 1


@pytest.mark.parametrize("old", ["C c c a", "Abaa", "B b c b", "Bbab"])
def test_old_names_with_two_origins_are_asked_for(old: str) -> None:
    assert rotations_of(NAME, old) == [16, 16]
    assert rotations_of(NAME, old + ":2") == [16]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        *(("A -1", [4]), ("C -1", [4]), ("F -1", [8]), ("I 1", [2]), ("F 4/m m m", [64])),
        *(("R -3 c RS", [36, 12]), ("R -3 m HR", [36, 12]), ("R 3 :R", [3]), ("F d -3 m Z", [192])),
    ],
)
def test_settings_of_data_bases(name: str, counts: list[int]) -> None:
    assert rotations_of(NAME, name) == counts


def test_the_next_key_is_tried() -> None:
    name, settings = named_settings({HALL: ["-Q 4"], NAME: ["P m m Q"], NUMBER: ["47"]})
    assert (name, len(settings)) == ("47", 1)
    assert named_settings({NAME: ["P m m Q"], NUMBER: ["?"]}) == ("P m m Q", [])
    assert named_settings({NAME: ["."]}) == ("", [])


@pytest.mark.parametrize(
    ("short", "full"),
    [
        *(("A2/a", "A 1 2/a 1"), ("I 2/c", "I 1 2/c 1"), ("C2/n", "C 1 2/n 1"), ("Aa", "A 1 a 1")),
        *(("P21/b", "P 1 1 21/b"), ("B2/b", "B 1 1 2/b"), ("P b", "P 1 1 b")),
    ],
)
def test_short_monoclinic_names_of_every_setting(short: str, full: str) -> None:
    (first,), (second,) = (named_settings({NAME: [name]})[1] for name in (short, full))
    assert np.array_equal(first.rotations, second.rotations)
    assert np.array_equal(first.translations, second.translations)


def test_origins_of_settings_with_other_axes() -> None:
    assert rotations_of(NAME, "P n c b:1") == rotations_of(NAME, "P n c b:2") == [8]


@pytest.mark.parametrize("name", ["B 2", "B m", "B 2/m"])
def test_names_of_two_axes_are_two_settings(name: str) -> None:
    first, second = (s.rotations for s in named_settings({NAME: [name]})[1])
    assert first.shape == second.shape
    assert not np.array_equal(first, second)
