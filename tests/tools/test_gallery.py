"""The gallery: what its page names, and pictures that the commands really draw."""

from pathlib import Path

import pytest

from gallery import Exhibit, draw, exhibits, with_pictures
from phonodos.errors import DataError

ROOT = Path(__file__).parents[2]
PAGE = """# Gallery

Opening.

## Salt
Words of it,
two lines.

    phonodos predict examples/NaCl.cif --model chen2021
<!-- figure: NaCl/dos.png -->

## Nothing
    phonodos bands examples/MgO.cif
<!-- figure: MgO/bands.png -->
"""


def test_the_page_of_the_repository() -> None:
    found = exhibits((ROOT / "docs" / "gallery.md").read_text(encoding="utf-8"))
    assert len(found) >= 10
    assert all(exhibit.text for exhibit in found)
    assert len({exhibit.name for exhibit in found}) == len(found)


def test_exhibits() -> None:
    salt, nothing = exhibits(PAGE)
    assert salt == Exhibit(
        "Salt",
        "Words of it,\ntwo lines.",
        ("phonodos predict examples/NaCl.cif --model chen2021",),
        "NaCl/dos.png",
    )
    assert (nothing.text, nothing.name) == ("", "MgO-bands.png")


@pytest.mark.parametrize("line", ["    phonodos bands x.cif", "<!-- figure: a/b.png -->"])
def test_a_section_without_command_or_figure(line: str) -> None:
    with pytest.raises(DataError, match="gallery: X"):
        exhibits(f"## X\n{line}\n")


def test_pictures(tmp_path: Path) -> None:
    place, pictures = tmp_path / "place", tmp_path / "pictures"
    place.mkdir()
    draw(exhibits(PAGE)[:1], ROOT / "examples", place, pictures)
    picture = pictures / "NaCl-dos.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    page = with_pictures(PAGE, exhibits(PAGE)[:1], pictures)
    assert page.startswith("# Gallery\n\nOpening.\n\n:::::{grid}")
    assert "{grid-item-card} Salt\n```{image} pictures/NaCl-dos.png\n:alt: Salt\n" in page
    picture.write_bytes(bytes(16) + (300).to_bytes(4) + (100).to_bytes(4))
    page = with_pictures(PAGE, exhibits(PAGE)[:1], pictures)
    assert "Salt\n:columns: 12\n\n```{image}" in page


@pytest.mark.parametrize(
    ("command", "figure", "words"),
    [
        ("phonodos predict gone.cif", "gone/dos.png", "gone.cif"),
        ("phonodos models list", "NaCl/gone.png", "not there"),
    ],
)
def test_a_command_that_draws_nothing(
    tmp_path: Path, command: str, figure: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        draw([Exhibit("X", "", (command,), figure)], ROOT / "examples", tmp_path, tmp_path / "p")
