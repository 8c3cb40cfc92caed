"""Bad input: summary, reason and fix of every kind, the right exit code, and the others go on."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import Result

from phonodos.cli.inputs import Done, Entry, for_each, output_folder, predictions, read_inputs
from phonodos.errors import ConfigError, DataError, PhonodosError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor
from phonodos.structures import reading as structures
from phonodos.time_limit import TimeLimitExceeded, can_interrupt

Phonodos = Callable[..., Result]
WriteCif = Callable[..., Path]
NA, CL = "Na 0 0 0 1", "Cl 0.5 0.5 0.5 1"
POSCAR = "x\n1.0\n{a} 0 0\n0 {a} 0\n0 {c} {a}\n{symbol}\n1\nDirect\n0 0 0\n"

# what is wrong: (name of the file, its sites or its text, words of the summary, of the reason)
BAD: dict[str, tuple[str, tuple[str, ...] | str | None, str, str]] = {
    "missing file": ("gone.cif", None, "gone.cif: cannot be read", "No such file"),
    "empty file": ("empty.cif", "", "empty.cif: is empty", "no byte"),
    "unknown format": ("letter.docx", "Dear reader,\n", "letter.docx: is in no format", "contents"),
    "overlapping sites": ("near.cif", (NA, "Cl 0.01 0 0 1"), "0.040 A apart", "listed twice"),
    "occupancy 0.93": ("low.cif", (NA, "Cl 0.5 0.5 0.5 0.93"), "sum to 0.93", "vacancies"),
    "occupancy 1.2": (
        "high.cif",
        (NA, "Cl 0.5 0.5 0.5 0.8", "Br 0.5 0.5 0.5 0.4"),
        "sum to 1.2 (Cl 0.8, Br 0.4)",
        "every site must be filled exactly once",
    ),
    "Z of 119": ("heavy.cif", (NA, "Uue 0.5 0.5 0.5 1"), "holds 'Uue'", "beyond 118"),
    "dummy species": ("dummy.cif", (NA, "X 0.5 0.5 0.5 1"), "holds 'X'", "dummy species"),
    "no volume, lengths": ("flat.cif", (NA,), "impossible cell: 0, 4, 4 A", "must be positive"),
    "no volume, vectors": (
        "flat.vasp",
        POSCAR.format(a="4", c="4", symbol="Na").replace("0 4 4", "4 4 0"),
        "volume of 0 A^3",
        "span no volume",
    ),
    "NaN coordinates": ("nan.cif", (NA, "Cl nan 0.5 0.5 1"), "not finite numbers", "NaN"),
    "one atom in a box": (
        "box.vasp",
        POSCAR.format(a="20", c="0", symbol="Ar"),
        "box.vasp: no atom has a neighbour within 5 A",
        "isolated atom",
    ),
    "empty folder": ("empty", "/", "empty: no structure file", "no name in it or its subfolders"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_beside_a_good_one(
    phonodos: Phonodos, write_cif: WriteCif, tmp_path: Path, what: str
) -> None:
    name, content, summary, reason = BAD[what]
    path = tmp_path / name
    if content == "/":
        path.mkdir()
    elif isinstance(content, tuple):
        write_cif(path, *content, a=0.0 if what == "no volume, lengths" else 4.0)
    elif content is not None:
        path.write_text(content)
    write_cif(tmp_path / "good.cif", NA, CL)
    done = phonodos("predict", name, "good.cif", "--no-plot", "-o", "out")
    assert done.exit_code == 3
    first, second, third = done.stderr.splitlines()
    assert first.startswith(f"failed:   {name}: ")
    assert summary in first
    assert second.startswith("  reason: ")
    assert reason in second
    assert third.startswith("  fix:    ")
    assert len(third) > 20
    assert done.stdout.splitlines()[3].split()[:3] == ["good", "NaCl", "2"]
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["good"]
    alone = phonodos("predict", name, "--no-plot", "-o", "out")
    assert alone.exit_code == 4
    assert alone.stderr == done.stderr
    assert alone.stdout == ""


def test_element_outside_the_training_set(
    phonodos: Phonodos, write_cif: WriteCif, tmp_path: Path
) -> None:
    write_cif(tmp_path / "UO.cif", "U 0 0 0 1", "O 0.5 0.5 0.5 1")
    done = phonodos("predict", "UO.cif", "--no-plot")
    assert done.exit_code == 0
    assert "warning UO: never seen in training: U; expect larger errors" in done.stdout
    assert (tmp_path / "UO" / "total_dos.dat").is_file()


def test_500_atoms(phonodos: Phonodos, rng: np.random.Generator, tmp_path: Path) -> None:
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3)[:500] / 8
    places = grid + 0.02 / 8 * rng.normal(size=grid.shape)
    lines = ["large", "22.56", "1 0 0", "0 1 0", "0 0 1", "Na Cl", "250 250", "Direct"]
    lines += [" ".join(f"{x:.6f}" for x in place) for place in places]
    (tmp_path / "large.vasp").write_text("\n".join(lines))
    done = phonodos("predict", "large.vasp", "--no-plot")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[3].split()[:3] == ["large", "NaCl", "500"]


def test_one_broken_entry_of_a_file(phonodos: Phonodos, tmp_path: Path) -> None:
    """The frames of a file fail one by one, each under its own name."""
    frame = '{n}\nLattice="{a} 0 0 0 {a} 0 0 0 {a}"\nPo 0 0 0\n'
    frames = [frame.format(n=1, a=a) for a in ("3.3", "0.3", "20", "3.4")]
    (tmp_path / "run.extxyz").write_text("".join(frames))
    done = phonodos("predict", "run.extxyz", "--no-plot", "-o", "out")
    assert done.exit_code == 3
    summaries = [line for line in done.stderr.splitlines() if line.startswith("failed:")]
    assert len(summaries) == 2
    assert summaries[0].startswith("failed:   run.extxyz, entry 1: ")
    assert summaries[1].startswith("failed:   run.extxyz, run-2: no atom has a neighbour")
    assert {folder.name for folder in (tmp_path / "out").iterdir()} == {
        "run-0", "run-3", "summary.csv",
    }  # fmt: skip


def test_nothing_on_standard_input(phonodos: Phonodos) -> None:
    done = phonodos("predict", "-", stdin="")
    assert done.exit_code == 4
    assert "standard input" in done.stderr


def test_unwritable_output(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    done = phonodos("predict", examples / "Si.cif", "-o", "taken/deeper")
    assert done.exit_code == 2
    assert "no results can be written to taken/deeper" in done.stderr


def test_output_folder_of_a_taken_name(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text("")
    assert output_folder(tmp_path, "POSCAR") == tmp_path / "POSCAR-phonodos"
    (tmp_path / "x").write_text("")
    (tmp_path / "x-phonodos").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        output_folder(tmp_path, "x")


def test_names_are_distinct_in_every_file_system(examples: Path, tmp_path: Path) -> None:
    """Names that differ by case only are one folder on some machines."""
    for folder, name in (("a", "si.cif"), ("b", "Si.cif"), ("c", "Si.cif")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text((examples / "Si.cif").read_text())
    files = [str(tmp_path / f) for f in ("a", "b", "c")]
    assert [e.name for e in read_inputs(files)] == ["a-si", "b-Si", "c-Si"]


def test_predictions_keep_the_order(released: Predictor, rock_salt: Crystal) -> None:
    broken = DataError("x", "y", "z")
    contents = [rock_salt, broken, rock_salt]
    entries = [Entry(f"{i}.cif", str(i), content) for i, content in enumerate(contents)]
    found = list(predictions(released, entries))
    assert [entry for entry, _ in found] == entries
    assert [isinstance(answer, PhonodosError) for _, answer in found] == [False, True, False]
    assert isinstance(found[2][1], Prediction)


@pytest.mark.skipif(not can_interrupt(), reason="no interval timers here")
def test_what_takes_too_long_to_read_is_named(
    examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = structures.iter_crystals

    def slow(path: str | Path, text: str | None = None) -> Iterator[object]:
        while "NaCl" in str(path):
            time.sleep(0.001)
        yield from original(path, text)

    monkeypatch.setattr(structures, "iter_crystals", slow)
    files = [str(examples / f"{name}.cif") for name in ("NaCl", "Si")]
    first, second = read_inputs(files, timeout=5.0)
    assert isinstance(first.content, TimeLimitExceeded)
    assert first.content.summary == f"{files[0]}: took longer than 5 s"
    assert isinstance(second.content, Crystal)


def test_whatever_a_reader_raises_is_the_failure_of_its_file(
    examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = structures.iter_crystals

    def odd(path: str | Path, text: str | None = None) -> Iterator[object]:
        yield from original(path, text)
        if "NaCl" in str(path):
            raise ZeroDivisionError("x+1/0")

    monkeypatch.setattr(structures, "iter_crystals", odd)
    files = [str(examples / f"{name}.cif") for name in ("NaCl", "Si")]
    found = [type(entry.content).__name__ for entry in read_inputs(files)]
    assert found == ["Crystal", "StructureError", "Crystal"]


BROKEN = StructureError("b: broken", "it is", "mend it")


def pairs(*answers: "int | PhonodosError") -> list[tuple[Entry, Any]]:
    return [(Entry(f"{k}.cif", str(k), BROKEN), answer) for k, answer in enumerate(answers)]


def double(entry: Entry, answer: int) -> Done:
    if answer < 0:
        raise StructureError(f"{entry.name}: negative", "it is", "give another")
    return Done({"twice": 2 * answer}, f"{entry.name}: {2 * answer}")


@pytest.mark.parametrize(
    ("answers", "code"), [((1, 2), None), ((1, BROKEN), 3), ((-1, 2), 3), ((-1, BROKEN), 4)]
)
def test_exit_codes(answers: tuple[Any, ...], code: int | None) -> None:
    outcome = for_each(pairs(*answers), double)
    assert len(outcome.done) + len(outcome.failed) == len(answers)
    if code is None:
        outcome.finish("m", False)
        return
    with pytest.raises(typer.Exit) as caught:
        outcome.finish("m", False)
    assert caught.value.exit_code == code


def test_json_holds_both(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        for_each(pairs(4, BROKEN), double, show=False).finish(
            "m", True, lambda _: print("no report")
        )
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["results"] == [{"input": "0.cif", "name": "0", "twice": 8}]
    assert document["failures"][0]["input"] == "1.cif"
    assert "mend it" in err


def test_records_are_shown_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    for_each(pairs(1, 2), double).finish("m", False)
    assert capsys.readouterr().out == "0: 2\n\n1: 4\n"


def test_a_wrong_option_ends_the_command() -> None:
    def refuse(entry: Entry, answer: int) -> Done:
        raise ConfigError(f"{entry.name} {answer}", "wrong for every input", "choose another")

    with pytest.raises(ConfigError):
        for_each(pairs(1, 2), refuse)


@pytest.mark.parametrize("command", ["predict", "thermo", "bands", "screen"])
def test_vacancies_are_refused_or_filled_in_every_command(
    command: str, tmp_path: Path, write_cif: Callable[..., Path], phonodos: Callable[..., Result]
) -> None:
    write_cif(tmp_path / "vacant.cif", "Na 0 0 0 0.9", "Cl 0.5 0.5 0.5 1")
    out = ("-o", "t.parquet", "--engine", "serial") if command == "screen" else ("-o", "out")
    model = ("--model", "lattice", "--members", "1") if command == "bands" else ()
    words = (command, "vacant.cif", *out, *model)
    refused = phonodos(*words)
    assert refused.exit_code == 4
    assert "occupancies of site 1 sum to 0.9" in " ".join(refused.output.split())
    if command != "screen":
        assert "--vacancies fill" in " ".join(refused.stderr.split())
    again = ("--no-resume",) if command == "screen" else ()
    (tmp_path / "t.parquet").unlink(missing_ok=True)
    filled = phonodos(*words, "--vacancies", "fill", *again)
    assert filled.exit_code == 0, filled.output
    told = "vacancies were filled by the elements present"
    if command == "screen":
        (row,) = pq.read_table(tmp_path / "t.parquet").to_pylist()
        assert told in row["trust"]
    else:
        assert told in " ".join(filled.stdout.split())
        texts = [p.read_text() for p in (tmp_path / "out" / "vacant").glob("*.yaml")]
        assert texts
        assert all(told in " ".join(text.replace("#", "").split()) for text in texts)
    wrong = phonodos(*words, "--vacancies", "maybe")
    assert wrong.exit_code == 2
    assert "vacancies 'maybe' is not known" in wrong.stderr
