"""Ensembles: several networks of one configuration in one weight file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import WeightsError
from phonodos.model.arrays import Array
from phonodos.model.header import Answers, WeightHeader
from phonodos.model.joined_splits import check_formulas, join_splits
from phonodos.model.kinds import reference_answers
from phonodos.model.network import Network
from phonodos.model.storage import (
    SCALE,
    check_bits,
    restored,
    rounding,
    stored,
    without_scales,
)
from phonodos.model.weights import (
    load_networks,
    read_weights,
    versions,
    weights_path,
    write_weights,
)

# What a file says of its members together, which holds for no other ensemble.
LEFT_OUT = (
    "metrics", "training", "calibration", "stability", "strain", "checksum", "formerly",
    "reference", "references",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where members of an ensemble are taken from.

    Attributes
    ----------
    path
        Weight file, or the name of released weights.
    number
        Which of its networks, from 1; all of them if None.
    """

    path: Path | str
    number: int | None = None

    @classmethod
    def of(cls, words: "Source | Path | str") -> "Source":
        """Return ``FILE`` or ``FILE:NUMBER`` as a source; a file of that whole name comes first."""
        if isinstance(words, Source):
            return words
        found = re.fullmatch(r"(.+):(\d+)", str(words))
        if found is None or Path(words).is_file():
            return cls(words)
        return cls(found[1], int(found[2]))


@dataclass(frozen=True, eq=False)
class _Member:
    """One network: where it is from, what its file says, and its tensors as they are stored."""

    name: str
    header: WeightHeader
    training: Mapping[str, Any]
    tensors: Mapping[str, Array]
    kind: type[Network]
    config: Any


def join_members(
    sources: Sequence[Source | Path | str],
    output: Path,
    name: str,
    *,
    bits: int = 32,
    formulas: Mapping[str, str] | None = None,
) -> WeightHeader:
    """Write the networks of several weight files as the members of one, and return its header.

    Members may have been trained on different materials, as long as none is in the valid or test
    part of another. The header states what any of them was trained on: as ``train`` the union of
    ids, as formulas the union, of elements and bonds the largest count. Of a file that holds
    several networks it is not known which of them was trained on what: each counts as trained on
    all.

    Parameters
    ----------
    sources
        At least one `Source`, path or name of released weights; ``FILE:2`` is the second network
        of a file, without a number all are meant. Of one configuration and one target.
    output
        File to write.
    name
        Name of the ensemble.
    bits
        Of the stored tensors (`storage.stored`); what is stored in fewer stays so, to the bit.
    formulas
        Formula of every material in a valid or test part. With them, a formula that some members
        were trained on and others not must not be in those parts either; polymorphs of the paper's
        split, which all members know, may.

    Raises
    ------
    ConfigError
        If `bits` is not 8, 16 or 32.
    WeightsError
        If a file is unreadable or has no such member, networks or targets differ, one network is
        there twice, valid or test parts differ, or a material or formula of one member's training
        is judged.
    """
    check_bits(bits)
    members = [member for source in sources for member in _members(Source.of(source))]
    _check_alike(members)
    _check_distinct(members)
    named = [(member.name, member.header) for member in members]
    splits = join_splits(named)
    if formulas is not None:
        check_formulas(named, splits, formulas)
    tensors, answers = _stored(members, bits)
    full = {
        **_of_all(members),
        **splits,
        "name": name,
        "reference": answers[0],
        "references": answers,
    }
    return write_weights(output, tensors, full)


def _check_alike(members: Sequence[_Member]) -> None:
    first = members[0]
    for member in members[1:]:
        same = {
            "network": member.config == first.config,
            "target": member.header.target == first.header.target,
        }
        for key in (key for key, is_same in same.items() if not is_same):
            raise WeightsError(
                f"{member.name} cannot be a member beside {first.name}",
                f"they differ in '{key}'",
                "members share network and target; train it with the same settings",
            )


def _check_distinct(members: Sequence[_Member]) -> None:
    """Raise `WeightsError` if a network is there twice: where members agree, they are believed."""
    for number, member in enumerate(members):
        for other in members[:number]:
            if all(_is_same(member, other, name) for name in without_scales(member.tensors)):
                raise WeightsError(
                    f"{member.name} cannot be a member beside {other.name}",
                    "they are one network: it would count twice, and the spread of the members, "
                    "which says how sure the ensemble is, would be too small",
                    "give every network once",
                )


def _is_same(member: _Member, other: _Member, name: str) -> bool:
    """Return whether a tensor of both is one, stored in as many bits or in fewer."""
    rows = [rounding(m.tensors[name], m.tensors.get(name + SCALE)) for m in (member, other)]
    off = [row for row in rows if row is not None]
    if not off:  # in 16 bits, as the other may have been stored
        a, b = (m.tensors[name].astype(np.float16) for m in (member, other))
        return bool(np.array_equal(a, b))
    first, second = (
        restored({k: m.tensors[k] for k in (name, name + SCALE) if k in m.tensors})
        for m in (member, other)
    )
    half = 2.0**-11 * np.abs(first[name])  # what 16 bits take off beside it
    return bool((np.abs(first[name] - second[name]) <= sum(off) + half).all())


def _of_all(members: Sequence[_Member]) -> dict[str, Any]:
    """Return what a file says of its members together, but for splits, name and answers."""
    headers = [member.header for member in members]
    apart = {
        name: sorted(set().union(*(getattr(header, name) for header in headers)))
        for name in ("predicted_formulas", "earlier_formulas")
    }
    return {
        **{k: v for k, v in headers[0].to_dict().items() if k not in LEFT_OUT},
        "members": len(members),
        "training": {"members": [member.training for member in members]},
        "training_elements": _most([h.training_elements for h in headers]),
        "training_bonds": _most([h.training_bonds for h in headers]),
        **_widest(headers),
        "training_formulas": sorted(set().union(*(h.training_formulas for h in headers))),
        **{name: formulas for name, formulas in apart.items() if formulas},
        "versions": versions(),
    }


def _members(source: Source) -> list[_Member]:
    """Return the networks of a source, checked as loading checks them."""
    path = Path(source.path)
    path = path if path.is_file() else weights_path(source.path)
    networks, header = load_networks(path)
    if source.number is not None and not 1 <= source.number <= header.held:
        raise WeightsError(
            f"{path.stem} has no member {source.number}",
            f"it holds {header.held}",
            "choose 1" if header.held == 1 else f"choose from 1 to {header.held}",
        )
    _, tensors = read_weights(path)
    numbers = range(header.held) if source.number is None else [source.number - 1]
    runs = header.training.get("members") or [header.training]
    found = []
    for number in numbers:
        prefix = header.prefix(number)
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        name = str(path) if header.held == 1 else f"{path}:{number + 1}"
        run = runs[number] if number < len(runs) else {}
        network = networks[number]
        found.append(_Member(name, header, run, own, type(network), network.config))
    return found


def _stored(members: Sequence[_Member], bits: int) -> tuple[dict[str, Array], list[Answers]]:
    """Return the tensors of all members as a file has them, and the answers that loading gives."""
    tensors: dict[str, Array] = {}
    answers = []
    for number, member in enumerate(members):
        own = stored(member.tensors, bits)
        tensors |= {f"{number}.{key}": value for key, value in own.items()}
        answers.append(reference_answers(member.kind(member.config, restored(own))))
    return tensors, answers


def _widest(headers: Sequence[WeightHeader]) -> dict[str, Any]:
    """Return what all members together saw of distances; nothing if none of them says."""
    told = [h.training_lengths for h in headers if h.training_lengths is not None]
    if not told:
        return {}
    shortest: dict[str, float] = {}
    loosest: dict[str, float] = {}
    for lengths in told:
        for name, length in lengths.shortest.items():
            shortest[name] = min(length, shortest.get(name, length))
        for name, length in lengths.loosest.items():
            loosest[name] = max(length, loosest.get(name, length))
    emptiest = max((t.emptiest for t in told if t.emptiest is not None), default=None)
    return {"training_lengths": {"shortest": shortest, "loosest": loosest, "emptiest": emptiest}}


def _most(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the largest count of every name: what the best informed member was shown."""
    return {name: max(c.get(name, 0) for c in counts) for name in sorted(set().union(*counts))}
