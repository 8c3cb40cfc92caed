"""`Results`: the one desk at which every file of a command is written.

Files appear whole or not at all, and each says in its first lines (JSON: under ``provenance``;
figures: in their metadata) which program and weights its numbers come from, and what there is to
warn of.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from phonodos.files import refused, write_bytes, write_text
from phonodos.results.provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

FIGURES = ("png", "pdf")


@dataclass(frozen=True, eq=False)
class Results:
    """A folder for results. Every method raises `DataError` if the disk refuses.

    Attributes
    ----------
    folder
        Where the files go; it is there.
    provenance
        What stands at the head of each file; nothing where None.
    written
        Names of the files, in the order in which they were written.
    """

    folder: Path
    provenance: Provenance | None = None
    written: list[str] = field(default_factory=list)

    def text(self, name: str, text: str, comment: str = "# {}") -> None:
        """Write a text file; `comment` is a line of its head, with {} for the words."""
        head = () if self.provenance is None else self.provenance.lines()
        self._write(name, "".join(comment.format(line) + "\n" for line in head) + text)

    def made_by(self, write: Callable[[Path], object], name: str) -> str:
        """Return the text that the writer of another program puts into a file of its own."""
        try:
            with TemporaryDirectory(prefix=".phonodos-", dir=self.folder) as place:
                write(Path(place) / name)
                return (Path(place) / name).read_text(encoding="utf-8")
        except OSError as error:
            raise refused(self.folder / name, error) from error

    def plain(self, name: str, text: str) -> None:
        """Write a text whose format has no place for a head."""
        self._write(name, text)

    def yaml(self, name: str, text: str) -> None:
        """Write a YAML file; the head are comments."""
        self.text(name, text)

    def markdown(self, name: str, text: str) -> None:
        """Write a Markdown file; the head are comments, which are not shown."""
        self.text(name, text, "<!-- {} -->")

    def csv(
        self,
        name: str,
        header: Sequence[str],
        rows: Iterable[Sequence[Any]],
        digits: int = 10,
        notes: Sequence[str] = (),
    ) -> None:
        """Write a table: the head as lines with #, the names of the columns, a line a row.

        Fractions get `digits` figures; None is an empty cell; text with commas, quotes or # is
        quoted. `notes` are further lines of the head.
        """
        lines = [",".join(_cell(value, digits) for value in row) for row in (header, *rows)]
        self.text(name, "\n".join([*(f"# {' '.join(x.split())}" for x in notes), *lines, ""]))

    def json(
        self,
        name: str,
        record: Mapping[str, Any],
        *,
        indent: int | None = 1,
        allow_nan: bool = False,
    ) -> None:
        """Write a dictionary as JSON; the head stands under ``provenance``."""
        head = {} if self.provenance is None else {"provenance": self.provenance.record()}
        self._write(name, json.dumps({**head, **record}, indent=indent, allow_nan=allow_nan) + "\n")

    def arrays(self, name: str, arrays: "Mapping[str, NDArray[Any]]") -> None:
        """Write arrays as NumPy's ``npz``; the head is the array ``provenance``, a line each."""
        import numpy as np

        head = [] if self.provenance is None else self.provenance.lines()
        content = BytesIO()
        found: dict[str, Any] = {"provenance": np.array(head, dtype=np.str_), **arrays}
        np.savez_compressed(content, **found)
        write_bytes(self.folder / name, content.getvalue())
        self.written.append(name)

    def figure(self, stem: str, figure: "Figure") -> None:
        """Save a figure as PNG and PDF."""
        from phonodos.figures.spectra import save_figure

        head = () if self.provenance is None else self.provenance.lines()
        for suffix in FIGURES:
            name = f"{stem}.{suffix}"
            save_figure(figure, self.folder / name, note="\n".join(head))
            self.written.append(name)

    def _write(self, name: str, text: str) -> None:
        write_text(self.folder / name, text)
        self.written.append(name)


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    text = "" if value is None else str(value)
    if any(mark in text for mark in ',"#\r\n'):
        quoted = text.replace('"', '""')
        return f'"{quoted}"'
    return text
