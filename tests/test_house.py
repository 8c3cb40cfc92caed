"""The house: sizes, depth, names, docstrings, words that have no place in it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "phonodos"
ROOMS_OF_TESTS = {
    "laws",
    "reference",
    "documents",
    "reliability",
}  # besides those that mirror the source
PYTHON = sorted(
    p for d in ("src", "tests", "benchmarks", "examples") for p in (ROOT / d).rglob("*.py")
)
TEXT = sorted(
    p
    for p in [*ROOT.iterdir(), *(q for d in ROOT.iterdir() if d.is_dir() for q in d.rglob("*"))]
    if p.suffix in {".py", ".md", ".toml", ".cff", ".cif", ".vasp", ".csv", ".mplstyle"}
    or p.parent.name == ".ci"
    or p.name in {"Makefile", "LICENSE", ".gitignore"}
    if not set(p.relative_to(ROOT).parts) & {".venv", ".git", ".pytest_cache", "build", "dist"}
)
# Written in pieces, so that this file does not hold them itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~])/" + r"(?:work|root|home|Users|mnt|opt)/",
    "the address of a package registry": "|".join(
        (
            "pypi" + r"\.org",
            "pythonhosted" + r"\.org",
            "npmjs" + r"\.(?:org|com)",
            "--index" + "-url",
        )
    ),
    "how the work was organised": "|".join(
        (r"\bissue " + r"#?\d", r"\bthe brie" + "f", r"\bas an A" + "I", r"language mode" + "l")
    ),
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_functions_are_short() -> None:
    too_long = []
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length >= 60:
                    too_long.append(f"{named(path)}, {node.name}: {length} lines")
    assert not too_long


def test_every_source_file_says_what_it_is() -> None:
    for path in SOURCE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), named(path)


def test_no_drawers_and_no_deep_cellars() -> None:
    for path in PYTHON:
        names = re.split(r"[_.]", path.stem) + list(path.relative_to(ROOT).parent.parts)
        assert not set(names) & {"utils", "util", "helpers", "common", "misc"}, named(path)
    for base in (SOURCE, ROOT / "tests"):
        for path in base.rglob("*.py"):
            assert len(path.relative_to(base).parts) <= 3, named(path)


def test_rooms_have_no_facades() -> None:
    for path in [*SOURCE.glob("*/__init__.py"), *SOURCE.glob("*/*/__init__.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert len(tree.body) == 1, f"{named(path)} holds more than its docstring"


def test_tests_mirror_the_source() -> None:
    for path in (ROOT / "tests").glob("*/**/test_*.py"):
        room = path.parent.relative_to(ROOT / "tests")
        if room.parts[0] not in ROOMS_OF_TESTS:
            tested = SOURCE / room / (path.name.removeprefix("test_"))
            assert tested.is_file(), f"{named(path)}: no {named(tested)}"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_words_without_a_place_here(what: str) -> None:
    assert len(TEXT) > len(PYTHON)
    found = [
        f"{named(path)}: {match[0]}"
        for path in TEXT
        for match in re.finditer(FORBIDDEN[what], path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_no_pickle() -> None:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"^\s*(?:import|from) (?:pickle|cloudpickle|dill|joblib)\b", text, re.M
        )
        assert "torch.load(" not in text


@pytest.mark.parametrize(
    "pattern",
    [
        r"\byaml\.(?:full_|unsafe_)?load(?:_all)?\(",
        r"\b(?:Unsafe|Full|C)?Loader\s*=\s*yaml\.",
        r"\byaml\.(?:C?Loader|C?UnsafeLoader|C?FullLoader)\b",
        r"\bPhonopyYaml\b",
        r"\bread_cell_yaml\b",
        r"\bread_phonopy_yaml\b",
        r"\bphonopy\.load\((?!\"phonopy\.yaml\"\)``)",
        r"(?<![\w.])(?:eval|exec|__import__)\(",
        r"allow_pickle\s*=\s*True",
        r"\bnp\.(?:load|fromfile)\(",
        r"\bos\.(?:system|popen)\(",
        r"shell\s*=\s*True",
        r"\bmarshal\b|\bshelve\b",
        r"\bextractall\(",
        r"(?:from|import) ase\.db\b",
    ],
)
def test_nothing_foreign_runs(pattern: str) -> None:
    found = [
        f"{named(path)}: {match[0]}"
        for path in SOURCE.rglob("*.py")
        for match in re.finditer(pattern, path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_weights_stay_small_and_have_cards() -> None:
    weights = list((SOURCE / "weights").glob("*.safetensors"))
    assert weights
    assert sum(path.stat().st_size for path in weights) < 25e6
    assert all(path.with_suffix(".md").is_file() for path in weights), "run make cards"


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
