"""The house: sizes, depth, names, docstrings, words that have no place in it."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "phonodos"
ROOMS_OF_TESTS = {
    "laws",
    "reference",
    "documents",
    "reliability",
    "web",
}  # besides those that mirror the source
PYTHON = sorted(
    p for d in ("src", "tests", "tools", "benchmarks", "examples") for p in (ROOT / d).rglob("*.py")
)
TEXT = sorted(
    p
    for p in [*ROOT.iterdir(), *(q for d in ROOT.iterdir() if d.is_dir() for q in d.rglob("*"))]
    if p.suffix in {".py", ".md", ".toml", ".cff", ".cif", ".vasp", ".csv", ".mplstyle"}
    or p.parent.name == ".ci"
    or p.name in {"Makefile", "LICENSE", ".gitignore"}
    if not set(p.relative_to(ROOT).parts)
    & {".venv", ".git", ".pytest_cache", "build", "dist", "node_modules"}
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


# At this length one looks again: a noun is not cut to fit a number, but two nouns are two files.
LONG = 500
LOOKED_AT: set[str] = set()  # files that were looked at and are one noun


def long_files(lengths: dict[str, int]) -> set[str]:
    """Return the files to look at again."""
    return {name for name, length in lengths.items() if length > LONG and name not in LOOKED_AT}


def families(names: list[str], folders: set[str]) -> set[str]:
    """Return the prefixes that three modules of a room share and that have no folder there.

    A prefix is the first word of a name of several (``phonopy_files``), or a name that others
    continue (``card``, ``card_training``).
    """
    counts = Counter(name.partition("_")[0] for name in names)
    return {prefix for prefix, n in counts.items() if n >= 3 and prefix not in folders}


def test_long_files_were_looked_at() -> None:
    assert long_files({"a.py": LONG, "b.py": LONG + 1}) == {"b.py"}
    lengths = {
        named(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert not long_files(lengths), "two nouns in one file? If it is one, enter it in LOOKED_AT"
    assert lengths.keys() >= LOOKED_AT


def test_families_of_files_have_a_folder() -> None:
    three = ["phonopy_files", "phonopy_folders", "phonopy_record", "card", "card_training"]
    assert families(three, set()) == {"phonopy"}
    assert families(three, {"phonopy"}) == set()
    assert families(["card", "card_a", "card_b"], set()) == {"card"}
    for room in [SOURCE, *(path for path in SOURCE.rglob("*") if path.is_dir())]:
        modules = [path.stem for path in room.glob("*.py") if not path.stem.startswith("__")]
        folders = {path.name for path in room.iterdir() if path.is_dir()}
        assert not families(modules, folders), f"{named(room)}: a folder for them"


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
            home = ROOT if room.parts[0] == "tools" else SOURCE  # tools are not shipped
            tested = home / room / (path.name.removeprefix("test_"))
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


# What runs code that is in a file: unpickling, loaders of YAML that make objects of any kind (also
# those that phonopy gives a path to), Python itself, a shell.
DANGEROUS_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "subprocess"}
DANGEROUS_NAMES = {
    *("Loader", "CLoader", "FullLoader", "CFullLoader", "UnsafeLoader", "CUnsafeLoader"),
    *("unsafe_load", "unsafe_load_all", "full_load", "full_load_all", "read_pickle"),
    *("PhonopyYaml", "read_phonopy_yaml", "load_phonopy_yaml", "read_cell_yaml", "Phono3pyYaml"),
}
DANGEROUS_CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load"),
    *("np.load", "numpy.load", "yaml.load", "yaml.load_all", "phonopy.load"),
}


def dangers(tree: ast.AST) -> set[str]:
    """Return what in a source file could run code that stands in a foreign file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {m for m in modules if m.partition(".")[0] in DANGEROUS_MODULES}
            found |= {a.name for a in node.names} & DANGEROUS_NAMES
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            found |= {name} & DANGEROUS_NAMES
        elif isinstance(node, ast.Call):
            found |= {ast.unparse(node.func)} & DANGEROUS_CALLS
            found |= {"shell" for word in node.keywords if word.arg == "shell"}
            found |= {"allow_pickle" for word in node.keywords if word.arg == "allow_pickle"}
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import pickle", "pickle"),
        ("from joblib.externals import loky", "joblib.externals"),
        ("import yaml\nyaml.load(text, Loader=yaml.CLoader)", "CLoader"),
        ("from yaml import UnsafeLoader", "UnsafeLoader"),
        ("from phonopy.interface.phonopy_yaml import PhonopyYaml as P", "PhonopyYaml"),
        ("yaml.load(text, SafeLoader)", "yaml.load"),
        ("eval('1')", "eval"),
        ("os.system('ls')", "os.system"),
        ("run('ls', shell=True)", "shell"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
    ],
)
def test_what_runs_foreign_code_is_seen(text: str, found: str) -> None:
    assert found in dangers(ast.parse(text))


def test_nothing_runs_foreign_code() -> None:
    for path in SOURCE.rglob("*.py"):
        assert not dangers(ast.parse(path.read_text(encoding="utf-8"))), named(path)


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
