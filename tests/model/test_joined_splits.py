"""What members of an ensemble were trained on together, and what they are judged by."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from phonodos.errors import WeightsError
from phonodos.model.header import WeightHeader, judged_ids, trained_ids
from phonodos.model.joined_splits import check_formulas, join_splits
from phonodos.model.weights import read_header, weights_path

FIRST = {"train": ["a", "b"], "valid": ["v"], "test": ["t"]}
MORE = {"parts": ["train"], "train": ["c", "d", "e"], "valid": ["w"], "test": ["u"]}
OTHER = {"parts": ["train"], "train": ["f", "g"], "valid": ["w"], "test": ["u"]}
THIRD = {"parts": ["train"], "train": ["h"], "valid": ["x"], "test": ["y"]}
Ids = Mapping[str, Sequence[str]]


def header(split: Ids = FIRST, *more: Ids, formulas: Sequence[str] = ()) -> WeightHeader:
    return WeightHeader.of({
        "name": "m", "split": split, "training_formulas": formulas,
        **({"more_splits": list(more)} if more else {}),
    })  # fmt: skip


def join(*headers: WeightHeader) -> dict[str, Any]:
    found = WeightHeader.of({"name": "all", **join_splits([*zip("ABCD", headers, strict=False)])})
    return found.to_dict()


def without(ids: Ids, *names: str) -> dict[str, Any]:
    return {part: [i for i in values if i not in names] for part, values in ids.items()}


def test_train_is_the_union_whatever_the_order_and_number_of_sets() -> None:
    alone = header(FIRST, MORE, OTHER)
    whole = join(alone)
    assert whole["split"] == FIRST
    assert whole["more_splits"] == [MORE, OTHER]
    fewer = header(without(FIRST, "b"), without(OTHER, "f"), without(MORE, "d", "e"))
    for members in ((alone, fewer), (alone, alone, fewer), (alone, header(FIRST))):
        assert join(*members) == whole
    found = join(fewer, alone)
    assert {k: set(v) for k, v in found["split"].items()} == {k: set(v) for k, v in FIRST.items()}
    assert [set(s["train"]) for s in found["more_splits"]] == [{"f", "g"}, {"c", "d", "e"}]
    both = join(header(FIRST, MORE), header(FIRST, THIRD, MORE))
    assert both["more_splits"] == [MORE, THIRD]
    assert "more_splits" not in join(header(), header())


def test_sets_of_other_crystals_are_not_taken_for_one() -> None:
    """Two archives may be judged by the same crystals; what they teach stays apart."""
    assert join(header(FIRST, MORE), header(FIRST, OTHER))["more_splits"] == [MORE, OTHER]


def test_every_member_s_training_is_in_the_union() -> None:
    headers = [header(FIRST, MORE), header(without(FIRST, "a"), OTHER), header(FIRST, THIRD)]
    found = WeightHeader.of({"name": "all", **join(*headers)})
    assert found.trained_ids == frozenset("abcdefgh")
    assert all(one.trained_ids <= found.trained_ids for one in headers)
    judged = judged_ids([found.split, *found.more_splits])
    assert judged == frozenset("vtwuxy")
    assert not judged & found.trained_ids


def test_parts_say_what_was_trained_on() -> None:
    ids = {"parts": ["train", "valid"], "train": ["c"], "valid": ["w"], "test": ["u"]}
    assert trained_ids([FIRST, ids]) == frozenset("abcw")
    assert judged_ids([FIRST, ids]) == frozenset("vtu")
    assert join(header(FIRST, ids), header(FIRST, ids))["more_splits"] == [ids]


@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        ([FIRST], [{**FIRST, "test": ["t", "s"]}], "first data set .* in test of one only .s."),
        ([FIRST, MORE], [FIRST, {**MORE, "valid": ["w", "e"], "train": ["c"]}],
         "a further data set differently: 1 materials are in valid"),
        ([FIRST], [FIRST, {**MORE, "train": ["c", "v"]}], "trained on 1 materials .* of A: v"),
        ([FIRST, MORE], [{**FIRST, "train": ["a", "u"]}], "trained on 1 materials .* of A: u"),
        ([{**FIRST, "train": ["a", "w"]}, THIRD], [FIRST, MORE], "trained on 1 .* of B: w"),
        ([{**FIRST, "train": ["a", "t"]}], [FIRST], "of its own data sets: t"),
        ([FIRST, MORE], [FIRST, {**MORE, "parts": ["train", "valid"]}], "other parts"),
    ],
)  # fmt: skip
def test_what_one_is_judged_by_no_member_was_trained_on(
    one: list[Ids], two: list[Ids], reason: str
) -> None:
    for number, pair in enumerate(((one, two), (two, one))):
        with pytest.raises(WeightsError) as caught:
            join(*(header(*splits) for splits in pair))
        assert caught.match("cannot be a member")
        if number == 0:
            assert re.search(reason, caught.value.reason), caught.value.reason


def test_formulas_of_one_member_judge_no_other() -> None:
    """Formulas that all know may be judged: the paper's split parts polymorphs."""
    members = [("A", header(formulas=["MgO", "ZnS"])), ("B", header(formulas=["MgO", "NaCl"]))]
    splits = join_splits(members)
    check_formulas(members, splits, {"v": "MgO", "t": "LiF"})
    with pytest.raises(WeightsError, match="B cannot be a member beside A") as caught:
        check_formulas(members, splits, {"v": "NaCl", "t": "LiF"})
    assert "NaCl" in caught.value.reason
    with pytest.raises(WeightsError, match="formulas of 1 materials are not known"):
        check_formulas(members, splits, {"v": "MgO"})


@pytest.mark.parametrize("name", ["chen2021", "lattice", "lattice-paper"])
def test_released_weights_join_themselves(name: str) -> None:
    """No material that released weights were trained on is one that they are judged by."""
    found = read_header(weights_path(name)).to_dict()
    one = WeightHeader.of(found)
    assert join(one, one) == join(one)
    assert join(one)["split"] == found["split"]
    assert join(one).get("more_splits") == found.get("more_splits")


def test_a_network_trained_on_fewer_joins_lattice() -> None:
    released = read_header(weights_path("lattice"))
    first, second, *rest = released["more_splits"]
    lacking = {**first, "train": first["train"][:7] + first["train"][10:]}
    later = {**second, "train": second["train"][5:]}
    for more in ((lacking, second), (lacking, later), (later, lacking), (lacking,)):
        other = header(released.split, *more)
        for members in ((released, other), (other, released)):
            found = WeightHeader.of({"name": "all", **join(*members)})
            assert found.trained_ids == released.trained_ids
            sizes = sorted(len(s["train"]) for s in found.more_splits)
            assert sizes == sorted(len(s["train"]) for s in (first, second, *rest))
