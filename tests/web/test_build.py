"""The built page in the package: it belongs to its sources, is small and asks nobody else."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "phonodos" / "service" / "static"
MIB = 1024 * 1024


def _names(folder: Path) -> list[str]:
    """Return the files below a folder, in the order of the build's stamp."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in found if not name.startswith("node_modules/"))


def _sources(folder: Path) -> str:
    """Return what `web/stamp.mjs` writes of the sources."""
    whole = sha256()
    for name in _names(folder):
        whole.update(f"{name}\0{sha256((folder / name).read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def stamp() -> dict[str, object]:
    held: dict[str, object] = json.loads((STATIC / "build.json").read_text(encoding="utf-8"))
    return held


def test_assets_belong_to_the_sources(stamp: dict[str, object]) -> None:
    """Whoever changes web/ without `make web`, or an asset by hand, is told here."""
    assert _sources(WEB) == stamp["sources"], "web/ has changed: run `make web` and commit"
    names = [name for name in _names(STATIC) if name != "build.json"]
    held = {name: sha256((STATIC / name).read_bytes()).hexdigest() for name in names}
    assert held == stamp["assets"], "an asset is not what was built: run `make web`"


def test_stamp_sees_one_changed_letter(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    source = tmp_path / "src" / "main.ts"
    source.write_text("let a = 1;")
    before = _sources(tmp_path)
    source.write_text("let a = 2;")
    assert _sources(tmp_path) != before
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("")
    source.write_text("let a = 1;")
    assert _sources(tmp_path) == before


def test_sizes() -> None:
    """Less than 3 MB in all, and less than 1 MB before anything is seen."""
    sizes = {name: (STATIC / name).stat().st_size for name in _names(STATIC)}
    assert sum(sizes.values()) < 3 * MIB
    first = ["index.html", "icon.svg", "assets/app.js", "assets/index.css"]
    assert sum(sizes[name] for name in first) < MIB
    assert sizes["report.html"] < 1.2 * MIB


def test_page_names_no_other_place() -> None:
    """Scripts, styles and fonts come from beside the page; nothing inline, nothing evaluated."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    places = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert places
    assert all(re.fullmatch(r"(\./)?[\w./-]+", place) for place in places)
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert "style=" not in page
    for name in _names(STATIC):
        text = (STATIC / name).read_text(encoding="utf-8")
        if name.endswith((".js", ".css", ".html")):
            # addresses that are names of namespaces, which nobody fetches
            known = re.sub(r"http://www\.w3\.org/[\w/]+", "", text)
            assert re.findall(r"https?://[^\s\"'`)]+", known) == [], name
            assert re.findall(r"\beval\(|new Function\(|@import|url\((?!#)", text) == [], name


def test_sizes_follow_the_reader() -> None:
    """Text, and what is laid out by it, grow with the size that a browser is set to."""
    style = (WEB / "src" / "style.css").read_text(encoding="utf-8")
    assert re.findall(r"@media[^{]*px[^{]*", style) == []
    fixed = re.findall(r"^\s*([^{}\n]+)\{[^}]*\bfont(?:-size)?: ?[\d.]+px", style, re.MULTILINE)
    assert {name.split()[0] for name in fixed} <= {".chart"}  # whose room is counted in pixels


def test_report_has_one_place_for_a_record_and_one_for_a_title() -> None:
    report = (STATIC / "report.html").read_text(encoding="utf-8")
    line = '<script type="application/json" id="phonodos-record">@PHONODOS_RECORD@</script>'
    assert report.count(line) == 1
    assert report.count("@PHONODOS_RECORD@") == 1
    assert report.count("<title>@PHONODOS_TITLE@</title>") == 1
    assert report.count("@PHONODOS_TITLE@") == 1


def test_every_package_in_the_page_has_its_licence() -> None:
    licences = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name in wanted:
        assert re.search(rf"^{re.escape(name)} \d+\.\d+\.\d+ \((MIT|ISC|BSD-3-Clause)\)$",
                         licences, re.MULTILINE), name  # fmt: skip


def test_lock_names_no_registry() -> None:
    lock = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
