"""The site: links that move with their pages, what it has beside them, what no page may load."""

from pathlib import Path, PurePosixPath

import pytest

from phonodos.errors import DataError
from website import (
    FIRST,
    REPOSITORY,
    broken,
    check,
    foreign,
    moved,
    sources,
    stage,
    with_references,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pages() -> dict[Path, PurePosixPath]:
    return sources(ROOT)


def test_every_page_of_the_repository_has_a_place(pages: dict[Path, PurePosixPath]) -> None:
    names = {str(place) for place in pages.values()}
    assert len(names) == len(pages)
    assert names >= {"index.md", "tutorial.md", "models/lattice.md", "metrics/lattice.md"}
    assert names >= {"decisions/0001-reading-cif.md", "notebooks/predict.md", "security.md"}


def test_links_move_with_their_pages(pages: dict[Path, PurePosixPath]) -> None:
    card, page = ROOT / "src/phonodos/weights/lattice.md", ROOT / "docs" / "index.md"
    text = (
        "[a](../../../docs/stability.md#verdict) ![b](../../../docs/images/Al2O3.png) "
        "[c](https://x.org/y.md) [d](#here) `docs/strain.md`\n```\n[e](../../../README.md)\n```\n"
    )
    assert moved(text, card, pages, ROOT) == (
        "[a](../stability.md#verdict) ![b](../images/Al2O3.png) "
        "[c](https://x.org/y.md) [d](#here) [strain](../strain.md)\n"
        "```\n[e](../../../README.md)\n```\n"
    )
    assert moved("[a](../README.md)", page, pages, ROOT) == f"[a]({REPOSITORY}README.md)"
    assert moved("[a](decisions)", page, pages, ROOT) == "[a](decisions/index.md)"
    assert moved("[a](../SECURITY.md)", page, pages, ROOT) == "[a](security.md)"
    assert moved("[a](gone.md)", page, pages, ROOT) == "[a](gone.md)"  # Sphinx names it


def test_what_is_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is in one table of contents, also one that no list names."""
    monkeypatch.setattr("website.gallery", lambda _root, page, _site: page)
    stage(ROOT, tmp_path)
    guide = (tmp_path / "guide.md").read_text()
    for name in FIRST:
        assert (f"\n{name}\n" in guide) == (ROOT / "docs" / f"{name}.md").is_file()
    staged = {p.relative_to(tmp_path).with_suffix("") for p in tmp_path.rglob("*.md")}
    listed = {Path("index")}
    for page in tmp_path.rglob("*.md"):
        for tree in page.read_text().split("```{toctree}")[1:]:
            for line in tree.partition("```")[0].splitlines():
                if line and line[0] != ":":
                    place = (page.parent / line).resolve()
                    assert place.with_suffix(".md").is_file() or Path(f"{place}.md").is_file(), line
                    assert place.relative_to(tmp_path) not in listed, line
                    listed.add(place.relative_to(tmp_path))
    assert {str(p) for p in staged} == {str(p) for p in listed}
    assert (tmp_path / "notebooks" / "examples" / "Al2O3.cif").is_file()
    assert (tmp_path / "conf.py").is_file()


def test_every_name_has_its_reference() -> None:
    page = with_references("# Python\n\n## `__version__`\n\n## `load`\n\ntext\n")
    assert "## `load`\n\n[All parameters and fields](reference/load.md)\n\ntext" in page
    assert "reference/__version__" not in page


def built(folder: Path, body: str, head: str = "") -> Path:
    (folder / "index.html").write_text(f"<html><head>{head}</head><body>{body}</body></html>")
    return folder


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<script src="https://cdn.example.org/a.js"></script>', ""),
        ('<link rel="stylesheet" href="//cdn.example.org/a.css">', ""),
        ('<link rel="preconnect" href="https://fonts.example.org">', ""),
        ("<style>@font-face { src: url('http://x.org/a.woff2') }</style>", ""),
        ('<style>@import "https://x.org/a.css";</style>', ""),
        ("<script>load('https://x.org/require.min.js')</script>", ""),
        ("", '<img src="http://x.org/a.png">'),
        ("", '<img srcset="a.png 1x, https://x.org/a.png 2x">'),
        ("", '<iframe src="https://x.org"></iframe>'),
        ("", '<p style="background: url(https://x.org/a.png)">'),
        ("", '<object data="https://x.org/a.svg"></object>'),
        ("", '<form action="https://x.org/search"></form>'),
    ],
)
def test_what_a_page_may_not_load(tmp_path: Path, head: str, body: str) -> None:
    assert len(list(foreign(built(tmp_path, body, head)))) == 1
    with pytest.raises(DataError, match="another origin"):
        check(tmp_path)


def test_what_style_sheets_and_scripts_may_not_load(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@import 'https://x.org/b.css'; p { color: red }")
    (tmp_path / "a.js").write_text("x = 'https://x.org/doc.html'; y('https://x.org/b.mjs')")
    assert list(foreign(tmp_path)) == ["a.css: https://x.org/b.css", "a.js: https://x.org/b.mjs"]


def test_what_a_page_may_load_and_lead_to(tmp_path: Path) -> None:
    body = (
        '<a href="https://x.org/a">x</a><a href="#p">p</a><a href="index.html#p">p</a>'
        '<p id="p"><img src="data:image/png;base64,AA=="><img src="a.png"></p>'
    )
    check(built(tmp_path, body, '<link rel="canonical" href="https://x.org">'))


@pytest.mark.parametrize(
    "link", ["gone.html", "#gone", "index.html#gone", "http://x.org", "https://x"]
)
def test_links_that_lead_nowhere(tmp_path: Path, link: str) -> None:
    assert list(broken(built(tmp_path, f'<a href="{link}">x</a>'))) == [f"index.html: {link}"]
    with pytest.raises(DataError, match="lead nowhere"):
        check(tmp_path)
