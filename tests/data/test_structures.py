"""Addresses of release 0.1: scripts that import from them go on working."""

from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("dataset", "datasets.dataset", ["Dataset", "write_dataset"]),
        ("splits", "datasets.splits", ["Split"]),
        ("structures", "structures.reading", ["as_crystal", "iter_crystals", "read_crystal"]),
    ],
)
def test_the_old_address_is_the_same_thing(old: str, new: str, names: list[str]) -> None:
    there, here = (import_module(f"phonodos.{name}") for name in (f"data.{old}", new))
    for name in names:
        assert getattr(there, name) is getattr(here, name)
