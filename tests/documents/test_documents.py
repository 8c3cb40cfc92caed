"""What the documents say works: the README's Python, every command line, links, the examples."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import phonodos
from phonodos.cli.main import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").iterdir())


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[str]:
    """Return the `phonodos` commands in the indented and fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    fenced = "".join(re.findall(r"^```[^`\n]*\n(.*?)^```", text, re.M | re.S))
    lines = [*fenced.splitlines(), *re.findall(r"^ {4}(\S.*)$", text, re.M)]
    parts = [part.strip() for line in lines for part in re.split(r"&&|\||#", line)]
    return [part for part in parts if part.startswith("phonodos ")]


def mentions(page: Path) -> list[str]:
    """Return the `phonodos` commands mentioned within the sentences of a page."""
    found = re.findall(r"`(phonodos [^`]+)`", page.read_text(encoding="utf-8"))
    return [" ".join(code.split()) for code in found if "..." not in code]


def resolve(words: list[str]) -> tuple[Any, Any, list[str]]:
    """Return the command that words lead to, its context and the words that are left for it."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="phonodos")
    while words and words[0][0] != "-" and hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = type(context)(command, info_name=name, parent=context)
    return command, context, words


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_line_is_understood(page: Path) -> None:
    """Subcommand, options and values of every command exist; nothing is run."""
    for line in blocks(page):
        command, context, words = resolve(shlex.split(re.sub(r"[][]", "", line))[1:])
        command.parse_args(context, words)
    for line in mentions(page):
        command, _, words = resolve(line.split()[1:])
        options = {"--help"} | {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        assert {w for w in words if w.startswith("-")} <= options, line


def test_commands_of_the_readme_and_of_their_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", "examples")
    Path("structures").mkdir()
    shutil.copy("examples/Si.cif", "structures")
    shutil.copy("examples/NaCl.vasp", "POSCAR")
    assert blocks(README)
    lines = list(dict.fromkeys(blocks(README) + blocks(COMMANDS)))
    lines.remove("phonodos serve")  # it does not end; its tests are elsewhere
    assert len(lines) > 5
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line)[1:], input=Path("POSCAR").read_text())
        assert done.exit_code == 0, f"{line}: {done.output}"
    made = {str(path) for path in Path().rglob("*") if path.is_file()}
    assert made >= {
        "Al2O3/total_dos.dat",
        "Al2O3/thermal_properties.yaml",
        "Al2O3/phonopy_params.yaml",
        "Al2O3/BORN",
        "Al2O3/dos.png",
        "results/Si/dos.csv",
        "MgO/thermal_properties.csv",
        "stdin/total_dos.dat",
    }


def test_readme_python_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    assert len([line for line in block.splitlines() if line]) == 5
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["p"].dos.integral == pytest.approx(30)
    assert len(names["phonon"].primitive) == names["p"].crystal.n_atoms
    printed = float(capsys.readouterr().out.split("[")[-1].split("]")[0])
    assert 60.0 < printed < 5 * 3 * 8.3145  # [J/(K mol)], near room temperature, below 3R an atom


def test_docstring_of_the_package_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for line in re.findall(r"^>>> (.*)$", phonodos.__doc__ or "", re.M):
        exec(line, names)
    assert isinstance(names["p"], phonodos.Prediction)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_values_of_others_are_no_textbook_s(page: Path) -> None:
    """What nobody looked up is called commonly quoted, not traced; only cells are textbooks'."""
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert not re.findall(r"textbook(?: values?|,| \[| \d)|textbooks (?:give|differ)", text)
    if "quoted" in text and page.name in ("metals.md", "strain.md", "observables.md"):
        assert "commonly quoted values" in text
        assert "not traced" in text


def test_training_reads_what_the_lines_before_it_wrote() -> None:
    """In order: data set and split of the configuration; the extra has all that they need."""
    lines = [shlex.split(line) for line in blocks(ROOT / "docs" / "training.md")]
    end = next(k for k, line in enumerate(lines) if line[1] == "train")
    written = [line[line.index("-o") + 1] for line in lines[:end] if "-o" in line]
    data = tomllib.loads((ROOT / lines[end][2]).read_text())["data"]
    assert written == [data["dataset"], data["split"]]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=]", name)[0] for name in extras["optional-dependencies"]["train"]}
    assert {"torch", "pymatgen-core"} <= needed


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for name in re.findall(
        r"`((?:docs|src|tests|tools|configs|benchmarks|examples)/[\w./]+)`", text
    ):
        assert (ROOT / name).exists(), name


def test_figure_of_the_readme() -> None:
    figure, page = re.findall(r"!\[[^]]+\]\((\S+)\)", README.read_text(encoding="utf-8"))
    for name, most in ((figure, 150_000), (page, 400_000)):
        picture = (ROOT / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < most


def test_every_example_predicts() -> None:
    model = phonodos.load()
    structures = [path for path in EXAMPLES if path.suffix in (".cif", ".vasp")]
    assert len(structures) > 10
    for path, p in zip(structures, model.predict_many(structures), strict=True):
        assert p.dos.integral == pytest.approx(3 * p.crystal.n_atoms), path
        assert np.isfinite(p.thermal_properties([0.0, 300.0]).entropy).all(), path
        # Warned of are a mixture, SrTiO3, whose soft modes the network finds, and an intermetallic.
        doubtful = path.stem.startswith("SrTiO3") or path.stem == "Mg3Bi2"
        assert (p.crystal.is_ordered and not doubtful) == (p.warnings == ()), path
