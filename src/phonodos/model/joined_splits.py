"""What the members of an ensemble were trained on together, and that none of it judges them."""

from collections.abc import Mapping, Sequence
from typing import Any

from phonodos.errors import WeightsError
from phonodos.model.header import WeightHeader, judged_ids, trained_ids

Ids = Mapping[str, Sequence[str]]  # of a data set: ids by part, and in `parts` those trained on
Named = Sequence[tuple[str, WeightHeader]]  # name of a member, what its file says
JUDGES = ("valid", "test")
SHOWN = 5


def join_splits(members: Named) -> dict[str, Any]:
    """Return `split` and `more_splits` of an ensemble: as ``train`` what any member was trained on.

    Further data sets are matched by the ids of valid and test and by the parts trained on, whatever
    their order; those that only some members know are kept. Where several match, those do that
    share most ids of training.

    Raises
    ------
    WeightsError
        If valid or test parts differ, or a material that one member was trained on is in one that
        any is judged by.
    """
    first_name, first = members[0]
    split: dict[str, Sequence[str]] = dict(first.split)
    further: list[dict[str, Sequence[str]]] = []
    for name, header in members:
        if _judges(header.split) != _judges(split):
            raise _divided_otherwise(name, first_name, "the first data set", header.split, split)
        split = _together(split, header.split)
        further = _with(further, header.more_splits, name)
    _check_ids(members)
    return {"split": split, **({"more_splits": further} if further else {})}


def check_formulas(members: Named, splits: Mapping[str, Any], formulas: Mapping[str, str]) -> None:
    """Raise `WeightsError` if a formula that not all were trained on is in a valid or test part.

    Parameters
    ----------
    members
        Names and headers.
    splits
        As `join_splits` returns them.
    formulas
        Formula by id, of every material in those parts.
    """
    judges = judged_ids([splits["split"], *splits.get("more_splits", ())])
    if unknown := sorted(judges - formulas.keys()):
        raise WeightsError(
            f"the formulas of {len(unknown)} materials are not known",
            "they are in valid or test of the members and in no data set: " + _few(unknown),
            "give every data set that the members were trained on, or none",
        )
    judged = {formulas[name] for name in judges}
    taught = [(name, header.taught_formulas) for name, header in members]
    for name, own in taught:
        for other, theirs in taught:
            if both := sorted((own - theirs) & judged):
                raise WeightsError(
                    f"{name} cannot be a member beside {other}",
                    f"it was trained on {len(both)} formulas that {other} was not, and that are in "
                    "valid or test: " + _few(both),
                    "the ensemble would be judged on what one member knows; train it without them",
                )


def _with(
    known: Sequence[Mapping[str, Sequence[str]]], more: Sequence[Ids], name: str
) -> list[dict[str, Sequence[str]]]:
    """Return the further data sets of several members with those of one more."""
    found = [dict(ids) for ids in known]
    pairs = sorted(
        (
            (-len(trained_ids([own]) & trained_ids([ids])), i, j)
            for i, own in enumerate(more)
            for j, ids in enumerate(known)
            if _judges(own) == _judges(ids)
        ),
    )
    partner: dict[int, int] = {}
    for minus_shared, i, j in pairs:
        if minus_shared and i not in partner and j not in partner.values():
            partner[i] = j
    for i, own in enumerate(more):
        if i in partner:
            found[partner[i]] = _together(found[partner[i]], own)
            continue
        for ids in known:
            if _judges(own) != _judges(ids) and judged_ids([own]) & judged_ids([ids]):
                raise _divided_otherwise(name, "the others", "a further data set", own, ids)
        found.append(dict(own))
    return found


def _judges(ids: Ids) -> tuple[frozenset[str], ...]:
    """Return what has to be equal for two members to be judged alike."""
    parts = frozenset(ids.get("parts", ("train",)))
    return (parts, *(frozenset(ids.get(part, ())) for part in JUDGES))


def _together(known: Ids, more: Ids) -> dict[str, Sequence[str]]:
    """Return the ids by part with those of training that are new; the order stays."""
    train = tuple(dict.fromkeys([*known.get("train", ()), *more.get("train", ())]))
    return {**known, "train": train} if train else dict(known)


def _check_ids(members: Named) -> None:
    """Raise `WeightsError` if what one member was trained on judges any."""
    sets = [(name, [header.split, *header.more_splits]) for name, header in members]
    for name, own in sets:
        for other, theirs in sets:
            if both := sorted(trained_ids(own) & judged_ids(theirs)):
                raise WeightsError(
                    f"{name} cannot be a member" + ("" if name == other else f" beside {other}"),
                    f"it was trained on {len(both)} materials that are in valid or test of "
                    + ("its own data sets" if name == other else other)
                    + f": {_few(both)}",
                    "the ensemble would be judged on what one member knows; train it without them",
                )


def _divided_otherwise(name: str, other: str, which: str, own: Ids, theirs: Ids) -> WeightsError:
    told = []
    for part in JUDGES:
        apart = sorted(set(own.get(part, ())) ^ set(theirs.get(part, ())))
        if apart:
            told.append(f"{len(apart)} materials are in {part} of one only ({_few(apart)})")
    if _judges(own)[0] != _judges(theirs)[0]:
        told.append("other parts of it were trained on")
    return WeightsError(
        f"{name} cannot be a member beside {other}",
        f"they divide {which} differently: " + "; ".join(told),
        "members are judged by the same valid and test; train it with the same split",
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
