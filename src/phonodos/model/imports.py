"""`hidden`: imports of a library without others that it would load if it found them."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Let imports in this thread find none of some packages, as if they were not installed.

    Those that are loaded already stay in sight, and other threads find them as ever.
    """
    finder = _Hidden(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Hidden(MetaPathFinder):
    def __init__(self, names: tuple[str, ...]) -> None:
        self.names, self.thread = names, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        if name in self.names and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{name} is hidden for the moment", name=name)
        return None
