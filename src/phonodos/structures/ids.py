"""Ids of entries: under which names files keep them."""

from collections.abc import Mapping
from typing import Any

from phonodos.structures.unpacking import plain

LARGEST_ID = 10**18  # a number of more digits is no id
ID_KEYS = (
    "material_id", "id", "entry_id", "name", "uid",
    "jid", "mpid", "mp_id", "task_id", "uuid",
)  # fmt: skip


def label_of(record: Mapping[str, Any] | Any) -> str:
    """Return the id that a record states of itself, "" if it has none."""
    for key in ID_KEYS:
        value = record.get(key)
        if isinstance(value, int) and abs(value) > LARGEST_ID:
            continue
        if isinstance(value, str | int | float) and value != "":
            return plain(str(value))
    return ""
