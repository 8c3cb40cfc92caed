"""`KINDS`: the one registry that a new kind of data set enters; `phonodos data prepare` knows all.

An entry says how the records of a source are found, named and converted, and what is counted of
them. Pool, time limit, resuming, duplicates, order and writing are the same for all
(`preparation`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from phonodos.errors import ConfigError

Row = dict[str, Any]
Column = Callable[[str], list[Any]]  # name of a column -> its values in all rows, in order


def _nothing(*_: Any, **__: Any) -> dict[str, Any]:
    return {}


def _unknown(_: Path) -> None:
    return None


@dataclass(frozen=True)
class Kind:
    """Everything that is particular to a kind of records.

    Attributes
    ----------
    records
        Function: source -> its records, always in the same order. A source that is missing or
        damaged is a `DataError`.
    name_of
        Function: record -> its name in the source.
    convert
        Function of a module (record, **settings) -> row: keys of `columns.COLUMNS` and of
        `beside`. A `DataError`, or whatever else it raises, costs that record alone.
    settings
        Names and default values of the settings of `convert`.
    recipe
        Function (**settings) -> what rows depend on, for the header of the data set. Settings
        that make no sense are a `ConfigError`.
    count
        Function: source -> how many records it has, None if only reading would tell.
    order
        Function: id of a row -> what rows are sorted by; the order of the source if None.
    beside
        Columns (name -> type as in `COLUMNS`) that `facts` needs and the data set does not.
    facts
        Function: columns of all rows -> what to report of them; every value fits into JSON.
    told
        Facts that the header of the data set holds as well: key there -> key of the fact.
    lines
        Function (facts, rows written, rows kept from an earlier run) -> the report in words.
    origin
        Value of the column `source` in published records: only then citation and licence of
        `sources` are theirs, and `functional`.
    functional
        Exchange-correlation functional of the published records.
    noun, nothing
        What a record is called; where none could be read, why there may be none and what to give.
    """

    records: Callable[[Path], Iterable[Any]]
    name_of: Callable[[Any], str]
    convert: Callable[..., Row]
    settings: Mapping[str, Any] = field(default_factory=dict)
    recipe: Callable[..., dict[str, Any]] = _nothing
    count: Callable[[Path], int | None] = _unknown
    order: Callable[[str], Any] | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    facts: Callable[[Column], dict[str, Any]] = _nothing
    told: Mapping[str, str] = field(default_factory=dict)
    lines: Callable[[Mapping[str, Any], int, int], list[str]] = lambda _, __, kept: kept_lines(kept)
    origin: str | None = None
    functional: str | None = None
    noun: str = "record"
    nothing: tuple[str, str] = ("there is none in it", "check the source")


def kept_lines(kept: int) -> list[str]:
    """Return what to say of rows that an earlier run had made; nothing if there are none."""
    return [f"done before and kept: {kept}"] if kept else []


# The entry itself, or where it lies: its module is imported when it is asked for.
KINDS: dict[str, Kind | str] = {
    "dfpt2018": "phonodos.datasets.dfpt2018:KIND",
    "phonondb": "phonodos.datasets.phonondb:KIND",
}


def kind_named(name: str) -> Kind:
    """Return an entry of `KINDS`.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in KINDS:
        raise ConfigError(
            f"'{name}' is no kind of record",
            "known are " + ", ".join(KINDS),
            f"choose one of them, for example: phonodos data prepare {next(iter(KINDS))} ARCHIVE",
        )
    found = KINDS[name]
    if isinstance(found, Kind):
        return found
    module, _, attribute = found.partition(":")
    kind = getattr(import_module(module), attribute)
    assert isinstance(kind, Kind)
    return kind
