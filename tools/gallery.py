"""The gallery: docs/gallery.md names commands, and every one draws its figure when it is built.

A section of the page is a title, a text, an indented command and a comment that names the figure
the command writes: ``<!-- figure: MgO/bands.png -->``.
"""

import contextlib
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from struct import unpack

from phonodos.errors import DataError

SECTION = re.compile(r"^## (.+)\n((?:.*\n(?!## ))*)", re.M)
FIGURE = re.compile(r"<!-- figure: (\S+) -->")


@dataclass(frozen=True)
class Exhibit:
    """A figure of the gallery.

    Attributes
    ----------
    title, text
        What stands above and below the picture.
    commands
        Command lines that draw it.
    figure
        The file they write, from where they run.
    """

    title: str
    text: str
    commands: tuple[str, ...]
    figure: str

    @property
    def name(self) -> str:
        """Return the name of the picture in the gallery."""
        return self.figure.replace("/", "-")


def exhibits(page: str) -> list[Exhibit]:
    """Return what a page names.

    Raises
    ------
    DataError
        If a section has no command or not one figure.
    """
    found = []
    for title, body in SECTION.findall(page if page.endswith("\n") else page + "\n"):
        commands = tuple(re.findall(r"^ {4}(phonodos .+)$", body, re.M))
        figures = FIGURE.findall(body)
        if not commands or len(figures) != 1:
            raise DataError(
                f"gallery: {title}: {len(commands)} commands, {len(figures)} figures",
                "every section needs a command and one figure that it writes",
                "indent the command and add <!-- figure: FOLDER/FILE -->",
            )
        text = re.sub(r"^(?: {4}|<!--).*\n?", "", body, flags=re.M).strip()
        found.append(Exhibit(title, text, commands, figures[0]))
    return found


def draw(found: list[Exhibit], examples: Path, place: Path, pictures: Path) -> None:
    """Run the commands in the folder `place` beside a copy of the examples; keep the pictures.

    Raises
    ------
    DataError
        If a command fails or does not write its figure.
    """
    from typer.testing import CliRunner

    from phonodos.cli.main import app

    shutil.copytree(examples, place / "examples", dirs_exist_ok=True)
    pictures.mkdir(parents=True, exist_ok=True)
    for exhibit in found:
        for command in exhibit.commands:
            with contextlib.chdir(place):
                done = CliRunner().invoke(app, shlex.split(command)[1:])
            if done.exit_code != 0:
                raise DataError(f"gallery: {command}", done.output[-300:], "run it by hand")
        if not (place / exhibit.figure).is_file():
            raise DataError(
                f"gallery: {exhibit.figure} is not there",
                f"{exhibit.commands[-1]} did not write it",
                "name the figure that it writes",
            )
        shutil.copy(place / exhibit.figure, pictures / exhibit.name)


def is_wide(picture: Path) -> bool:
    """Return whether a picture (PNG) needs the width of the page: several panels do."""
    width, height = unpack(">II", picture.read_bytes()[16:24])
    return bool(width > 1.9 * height)


def with_pictures(page: str, found: list[Exhibit], pictures: Path) -> str:
    """Return the page with a card for every section, its picture of the folder in it."""
    opening = page.partition("\n## ")[0].rstrip()
    cards = [_card(exhibit, pictures) for exhibit in found]
    return f"{opening}\n\n:::::{{grid}} 1 1 2 2\n:gutter: 3\n\n" + "\n".join(cards) + ":::::\n"


def _card(exhibit: Exhibit, pictures: Path) -> str:
    picture = f"{pictures.name}/{exhibit.name}"
    lines = [
        f"::::{{grid-item-card}} {exhibit.title}",
        *([":columns: 12", ""] if is_wide(pictures / exhibit.name) else []),
        *(f"```{{image}} {picture}", f":alt: {exhibit.title}"),
        *(f":target: _images/{exhibit.name}", "```", "", exhibit.text, ""),
        *("```sh", *exhibit.commands, "```", "::::", ""),
    ]
    return "\n".join(lines)
