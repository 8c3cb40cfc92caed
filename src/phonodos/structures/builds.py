"""What readers yield: (own id or "", build) of each structure, so that a bad one fails alone."""

from collections.abc import Callable, Iterator

from phonodos.errors import PhonodosError
from phonodos.physics.crystal import Crystal

Build = Callable[[str], Crystal]  # name -> crystal
Entries = Iterator[tuple[str, Build]]


def failed(error: PhonodosError, name: str) -> Crystal:  # noqa: ARG001 - the shape of a Build
    """Raise an error where a crystal was to be built."""
    raise error
