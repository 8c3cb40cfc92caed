"""Build the documentation site, offline, from docs/, the model cards and the docstrings.

    python tools/website.py [REPOSITORY] [-o build/site] [--external]

The pages stay where they are and as they read on GitHub. What only a site has (tables of contents,
the Python reference, pictures of the gallery, outputs of notebooks) is added to a copy, which
Sphinx turns into HTML; a warning is an error. Then every built page is held to one rule: nothing
in it is loaded from another origin. `--external` asks every address of another site for an answer.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from gallery import draw, exhibits, with_pictures
from phonodos.errors import DataError
from reference import reference_pages

REPOSITORY = "https://github.com/phonodos/phonodos/blob/main/"
WEIGHTS = "src/phonodos/weights"
AROUND = {"CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md",
          "CHANGELOG.md": "changelog.md"}  # fmt: skip
# Tabs of the site: title, first pages in their order, patterns of the rest.
TABS = {
    "notebooks/index": ("Notebooks", ("predict", "alloy", "screening", "neutron", "own_data"), "*"),
    "models/index": ("Models", ("../accuracy",), "*"),
    "project": (
        "Project",
        ("contributing", "decisions/index", "reliability", "security", "changelog"),
        "",
    ),
    "decisions/index": ("Decisions", (), "*"),
}
FIRST = ("commands", "tutorial", "observables", "neutron", "screening", "service", "workflows",
         "stability", "strain", "metals", "lattice", "model", "data", "training",
         "glossary")  # fmt: skip
ELSEWHERE = {"index", "gallery", "api", "accuracy", "contributing", "reliability", "security",
             "changelog", "guide", "project"}  # fmt: skip
# Of the kernel that runs the notebooks: figures that stay sharp, and only errors on the terminal.
KERNEL = """\
c = get_config()
c.InlineBackend.figure_formats = ["svg"]
c.IPKernelApp.log_level = 40
"""
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#]+)?(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)
MENTION = re.compile(r"`docs/([\w/-]+)\.md`")


def sources(root: Path) -> dict[Path, PurePosixPath]:
    """Return page of the repository -> where it stands in the site."""
    docs = root / "docs"
    found = {p: PurePosixPath(p.relative_to(docs).as_posix()) for p in sorted(docs.rglob("*.md"))}
    found |= {p: PurePosixPath("models", p.name) for p in sorted((root / WEIGHTS).glob("*.md"))}
    return found | {root / name: PurePosixPath(to) for name, to in AROUND.items()}


def moved(text: str, page: Path, pages: Mapping[Path, PurePosixPath], root: Path) -> str:
    """Return the text of a page with its links as they are in the site.

    A link to what has no page there leads to the repository; `docs/x.md`, as code, becomes a link.
    """
    here = pages[page].parent

    def link(match: re.Match[str]) -> str:
        head, target, anchor = match[1], match[2] or "", match[3] or ""
        if not target or urlsplit(target).scheme:
            return match[0]
        path = (page.parent / target).resolve()
        if path in pages:
            return f"{head}{os.path.relpath(pages[path], here)}{anchor})"
        if path.is_relative_to(root / "docs" / "images"):
            return f"{head}{os.path.relpath(path.relative_to(root / 'docs'), here)})"
        if path.is_dir() and path.parent == root / "docs":
            return f"{head}{os.path.relpath(path.relative_to(root / 'docs'), here)}/index.md)"
        if path.exists():
            return f"{head}{REPOSITORY}{path.relative_to(root).as_posix()})"
        return match[0]

    def mention(match: re.Match[str]) -> str:
        to = pages.get(root / "docs" / f"{match[1]}.md")
        return match[0] if to is None else f"[{match[1]}]({os.path.relpath(to, here)})"

    parts = FENCE.split(text)
    parts[::2] = [MENTION.sub(mention, LINK.sub(link, part)) for part in parts[::2]]
    return "".join(parts)


def tree(names: Iterable[str], *, hidden: bool = False, depth: int = 1) -> str:
    """Return a table of contents."""
    options = [f":maxdepth: {depth}", *([":hidden:"] if hidden else [])]
    return "\n".join(["", "```{toctree}", *options, "", *names, "```", ""])


def stage(root: Path, site: Path) -> None:
    """Lay out in the folder `site` everything of which Sphinx makes the site."""
    root = root.resolve()
    pages = sources(root)
    texts = {pages[p]: moved(p.read_text(encoding="utf-8"), p, pages, root) for p in pages}
    texts |= {PurePosixPath("reference", f"{n}.md"): t for n, t in reference_pages(root).items()}
    for name, (title, first, rest) in TABS.items():
        folder = PurePosixPath(name).parent
        beside = sorted(p.stem for p in texts if p.parent == folder and rest)
        listed = [*first, *(page for page in beside if page not in first and page != "index")]
        if name == "models/index":
            listed += sorted(f"../{p.with_suffix('')}" for p in texts if p.parent.name == "metrics")
        opening = texts.get(PurePosixPath(f"{name}.md"), f"# {title}\n")
        texts[PurePosixPath(f"{name}.md")] = opening + tree(listed)
    guide = {str(p.with_suffix("")) for p in texts if len(p.parts) == 1} - ELSEWHERE
    listed = [n for n in FIRST if n in guide] + sorted(guide - set(FIRST))
    texts[PurePosixPath("guide.md")] = "# Guide\n" + tree(listed, depth=2)
    api = PurePosixPath("api.md")
    texts[api] = with_references(texts[api])
    tabs = ["guide", "notebooks/index", "gallery", "api", "models/index", "project"]
    texts[PurePosixPath("index.md")] += tree(tabs, hidden=True)
    texts[PurePosixPath("gallery.md")] = gallery(root, texts[PurePosixPath("gallery.md")], site)
    for path, text in texts.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")
    shutil.copytree(root / "docs" / "images", site / "images", dirs_exist_ok=True)
    shutil.copytree(root / "docs" / "site" / "static", site / "_static", dirs_exist_ok=True)
    shutil.copytree(root / "examples", site / "notebooks" / "examples", dirs_exist_ok=True)
    shutil.copy(root / "docs" / "site" / "conf.py", site)


def with_references(api: str) -> str:
    """Return the page of all public names with a link to the reference below every title."""
    names = [name for name in re.findall(r"^## `(\w+)`$", api, re.M) if name[0] != "_"]
    for name in names:
        head = f"## `{name}`\n"
        api = api.replace(head, f"{head}\n[All parameters and fields](reference/{name}.md)\n", 1)
    return api + tree((f"reference/{name}" for name in names), hidden=True)


def gallery(root: Path, page: str, site: Path) -> str:
    """Draw what the page of the gallery names; return the page with the pictures in it."""
    found = exhibits(page)
    with tempfile.TemporaryDirectory() as place:
        draw(found, root / "examples", Path(place), site / "pictures")
    return with_pictures(page, found, site / "pictures")


class _Loads(HTMLParser):
    """Collects the addresses a page loads when it is shown: not those that a reader may follow."""

    KINDS = ("stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest", "preconnect")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside = tag
        self.found += _of_css(given.get("style", ""))
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "link":
            if any(kind in given.get("rel", "") for kind in self.KINDS):
                self.found.append(given.get("href", ""))
        else:
            loaded = [given[n] for n in ("src", "data", "poster", "action") if n in given]
            many = given.get("srcset", "").split(",")
            self.found += loaded + [one.split()[0] for one in many if one.split()]

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.found += _of_css(data)
        elif self._inside == "script":
            self.found += _of_script(data)


def _of_css(text: str) -> list[str]:
    found = re.findall(r"url\(\s*['\"]?([^'\")\s]+)|@import\s+['\"]([^'\"]+)", text)
    return [one or other for one, other in found]


def _of_script(text: str) -> list[str]:
    """Return the addresses of code, styles and fonts that a script names."""
    return re.findall(r"(?:https?:)?//[\w.-]+/[^\s'\"`<>)]*\.(?:m?js|css|woff2?|wasm)\b", text)


def foreign(html: Path) -> Iterator[str]:
    """Yield what files of a built site load from another origin, as ``page: address``."""
    for path in sorted(html.rglob("*")):
        if path.suffix not in (".html", ".css", ".js", ".svg"):
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".css":
            found = _of_css(text)
        elif path.suffix == ".js":
            found = _of_script(text)
        else:
            page = _Loads()
            page.feed(text)
            found = page.found
        for address in found:
            if address.startswith("//") or urlsplit(address).scheme not in ("", "data"):
                yield f"{path.relative_to(html)}: {address}"


def broken(html: Path) -> Iterator[str]:
    """Yield links of built pages that lead to no file, no place in it, or are no address."""
    places: dict[Path, set[str]] = {}
    for path in sorted(html.rglob("*.html")):
        page = _Loads()
        page.feed(path.read_text(encoding="utf-8"))
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme == "mailto":
                continue
            if parts.scheme or parts.netloc:
                known = re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
                fine = parts.scheme == "https" and known is not None
            else:
                target = (path.parent / parts.path).resolve() if parts.path else path
                target = target / "index.html" if target.is_dir() else target
                fine = target.is_file()
                if fine and parts.fragment and target.suffix == ".html":
                    if target not in places:
                        text = target.read_text(encoding="utf-8")
                        places[target] = set(re.findall(r'\b(?:id|name)="([^"]*)"', text))
                    fine = parts.fragment in places[target]
            if not fine:
                yield f"{path.relative_to(html)}: {link}"


def check(html: Path) -> None:
    """Hold a built site to its rules.

    Raises
    ------
    DataError
        Names what is loaded from another origin, and links that lead nowhere.
    """
    for found, what in (
        (list(foreign(html)), "loaded from another origin"),
        (list(broken(html)), "links that lead nowhere"),
    ):
        if found:
            raise DataError(
                f"{html}: {what}", "\n    ".join(found[:20]), "change the page or theme"
            )


def main(words: list[str]) -> int:
    """Build the site; return the exit code."""
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("root", nargs="?", type=Path, default=Path())
    parser.add_argument("-o", "--output", type=Path, default=None)
    parser.add_argument("--external", action="store_true")
    given = parser.parse_args(words)
    html = given.output or given.root / "build" / "site"
    shutil.rmtree(html, ignore_errors=True)  # no page of yesterday, no number of older weights
    with tempfile.TemporaryDirectory() as place:
        stage(given.root, Path(place))
        sphinx = [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-d",
            f"{place}/_build",
        ]
        profile = Path(place, "_ipython", "profile_default")
        profile.mkdir(parents=True)
        (profile / "ipython_kernel_config.py").write_text(KERNEL, encoding="utf-8")
        setting = os.environ | {"IPYTHONDIR": str(profile.parent)}
        run = partial(subprocess.run, env=setting, check=False)
        done = run([*sphinx, "-b", "html", place, str(html)])
        if done.returncode == 0 and given.external:
            done = run([*sphinx, "-b", "linkcheck", place, f"{html}-links"])
    if done.returncode == 0:
        check(html)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
