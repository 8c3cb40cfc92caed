"""Options that commands share: `--disorder`, temperatures, widths."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from phonodos.cli.options import chosen_resolution, parse_resolution, temperature_range
from phonodos.errors import ConfigError
from phonodos.physics.units import MEV_PER_WAVENUMBER
from phonodos.prediction import quasirandom

Phonodos = Callable[..., Result]
SQS = ("--disorder", "sqs", "--sqs-atoms", "10", "--sqs-number", "1")


def test_predict(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    files = (examples / "Cu0.7Au0.3.cif", examples / "NaCl.cif")
    words = ("predict", *files, "--no-plot", "--json")
    mixed, pure = json.loads(phonodos(*words, *SQS).stdout)["results"]
    average, alone = json.loads(phonodos(*words).stdout)["results"]
    assert mixed["warnings"][0].startswith("sqs: mean of 1 special quasi-random structure of 10")
    assert mixed["formula"] == average["formula"] == "Cu0.7Au0.3"
    assert mixed["mean_frequency"]["value"] != average["mean_frequency"]["value"]
    assert pure["warnings"] == alone["warnings"]
    one, other = (each["mean_frequency"]["value"] for each in (pure, alone))
    assert one == pytest.approx(other, rel=1e-4)


def test_thermo(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    done = phonodos("thermo", examples / "Cu0.7Au0.3.cif", "--tmax", "300", "--tstep", "300", *SQS)
    assert done.exit_code == 0, done.output
    assert "special quasi-random structure of 10" in " ".join(done.stdout.split())


def test_alloy(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    ends = (examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif")
    answer = json.loads(phonodos("alloy", *ends, "--x", "0,0.5", *SQS, "--json").stdout)
    assert [row["method"] for row in answer["results"]] == ["sqs", "sqs"]
    notes = " ".join(answer["notes"])
    assert "sqs: whole atoms fill the mixed sites" in notes
    assert "of 10 atoms (Bi2Mg6Sb2)" in notes
    assert "no disorder" not in notes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--disorder", "both"], "--disorder both is not known"),
        (["--sqs-atoms", "16"], "--sqs-atoms without quasi-random structures"),
        (["--disorder", "sqs", "--project", "site"], "do not go together"),
    ],
)
def test_refused(phonodos: Phonodos, examples: Path, words: list[str], message: str) -> None:
    done = phonodos("predict", examples / "NaCl.cif", *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_methods_are_of_averages(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    ends = (examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif")
    done = phonodos("alloy", *ends, "--method", "vca", *SQS)
    assert done.exit_code == 2
    assert "--method and --disorder sqs do not go together" in " ".join(done.stderr.split())


def test_without_the_library(
    phonodos: Phonodos, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> None:
        raise ConfigError("absent", "not installed", "pip install '.[sqs]'")

    monkeypatch.setattr(quasirandom, "_library", absent)
    done = phonodos("thermo", examples / "NaCl.cif", "--disorder", "sqs")
    assert done.exit_code == 2
    assert "pip install '.[sqs]'" in done.stderr


def test_temperatures_end_where_the_step_meets_the_end() -> None:
    assert temperature_range(0, 100, 50) == [0, 50, 100]
    assert temperature_range(0, 120, 50) == [0, 50, 100]
    assert temperature_range(0, 1, 0.1)[-1] == pytest.approx(1.0)
    assert temperature_range(300, 300, 50) == [300]


@pytest.mark.parametrize(
    "numbers", [(-1, 10, 1), (10, 0, 1), (0, 10, 0), (0, 1e9, 1), (0, float("inf"), 1)]
)
def test_impossible_temperatures(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="no temperatures"):
        temperature_range(*numbers)


def test_widths() -> None:
    assert parse_resolution("3%", 1.0) == (0.0, 0.03)
    assert parse_resolution("2", MEV_PER_WAVENUMBER) == (pytest.approx(16.13, rel=1e-3), 0.0)
    for text in ("-3%", "wide", "", "3 cm", "nan"):
        with pytest.raises(ConfigError, match="is no width"):
            parse_resolution(text, 1.0)


@pytest.mark.parametrize("text", ["101%", "1001"])
def test_widths_that_leave_nothing(text: str) -> None:
    with pytest.raises(ConfigError, match="is too wide"):
        parse_resolution(text, 1.0)


def test_what_reads_as_a_width_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever files there are; what is too long for a name of a file is no file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "15").write_text("0 1\n100 2\n")
    assert chosen_resolution("15", None, None, "cm-1").constant == 15.0
    assert chosen_resolution("./15", None, None, "cm-1").table is not None
    for text, message in (("9" * 400, "is too wide"), ("w" * 400, "is no width")):
        with pytest.raises(ConfigError, match=message) as caught:
            chosen_resolution(text, None, None, "cm-1")
        assert len(caught.value.summary) < 100


COMMANDS = ("predict", "bands", "thermo", "strain")


@pytest.mark.parametrize("command", COMMANDS)
def test_metals_and_isotopes(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path, command: str
) -> None:
    words = ("--model", lattice_weights, "--metal", "--isotope", "O=17.999", "--isotope", "1=Mg26")
    short = {"strain": ("-e", "-0.01,0.01"), "thermo": ("--tmax", "300", "--tstep", "300")}
    more = ("--no-plot",) if command in ("predict", "bands") else ()
    call = (command, examples / "MgO.cif", *words, *more, *short.get(command, ()))
    (found,) = json.loads(phonodos(*call, "--json").stdout)["results"]
    isotopes = "isotopes: O = 17.999 amu, Mg = 25.982593 amu on site 1"
    metal = next(text for text in found["warnings"] if text.startswith("metal: charges left out"))
    assert isotopes in found["warnings"]
    for path in (tmp_path / "MgO").iterdir():
        if path.suffix in (".csv", ".yaml", ".json", ".dat"):
            text = path.read_text()
            assert isotopes in text, path
            assert metal in text, path
    assert not (tmp_path / "MgO" / "BORN").exists()


def test_metals_and_isotopes_of_alloys(
    phonodos: Phonodos, examples: Path, lattice_weights: Path
) -> None:
    ends = (examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif")
    call = ("alloy", *ends, "--x", "0,0.5,1", "--model", lattice_weights, "--json")
    words = ("--metal", "--isotope", "Sb=Sb123")
    plain = json.loads(phonodos(*call).stdout)["results"]
    found = json.loads(phonodos(*call, *words).stdout)
    assert "isotopes: Sb = 122.904215 amu" in found["notes"]
    assert any(note.startswith("metal: charges left out") for note in found["notes"])
    masses = [row["c_v [J/(K kg)]"] / row["c_v [J/(K mol of atoms)]"] for row in found["results"]]
    before = [row["c_v [J/(K kg)]"] / row["c_v [J/(K mol of atoms)]"] for row in plain]
    heavier = [a < b * (1 - 1e-4) for a, b in zip(masses, before, strict=True)]
    assert heavier == [True, True, False] * 2  # Sb at x = 0 and 0.5, by both methods


def test_metals_and_isotopes_beside_a_reference(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    (tmp_path / "peak.csv").write_text("frequency [meV],g\n5,0\n10,1\n20,0.5\n40,0\n")
    call = ("compare", examples / "MgO.cif", "peak.csv", "--model", lattice_weights, "--json")
    found = json.loads(phonodos(*call, "--metal", "--isotope", "O=O18").stdout)
    assert any(note.startswith("metal: charges left out") for note in found["notes"])
    assert any(note.startswith("isotopes: O = 17.999") for note in found["notes"])
    (tmp_path / "dos.csv").write_text("frequency [cm-1],dos\n0,0\n100,0.1\n200,0\n")
    done = phonodos("compare", "dos.csv", "peak.csv", "--isotope", "O=O18")
    assert done.exit_code == 2
    assert "--isotope with a spectrum" in done.stderr
    assert "fix:" in done.stderr


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--isotope", "O=O99"], "names no isotope", 2),
        (["--isotope", "O=-3"], "no isotope of O has a mass of -3 amu", 2),
        (["--isotope", "O"], "'O' names no isotope", 2),
        (["--isotope", "O=17", "--isotope", "O=18"], "O is given two masses", 2),
        (["--isotope", "Ge=73"], "MgO holds no Ge", 4),
        (["--isotope", "1=O18"], "site 1 of MgO is Mg", 4),
        (["--isotope", "99=O18"], "MgO has no site 99", 4),
        (["--model", "chen2021", "--metal"], "cannot be told that a crystal is a metal", 2),
        (["--model", "chen2021", "--isotope", "O=O18"], "chen2021 knows nothing of isotopes", 4),
    ],
)  # fmt: skip
def test_metals_and_isotopes_refused(
    phonodos: Phonodos, examples: Path, words: list[str], message: str, code: int
) -> None:
    done = phonodos("predict", examples / "MgO.cif", "--no-plot", *words)
    assert done.exit_code == code
    assert message in done.stderr
    assert "reason:" in done.stderr
    assert "fix:" in done.stderr


@pytest.mark.parametrize("isotope", ["D", "T"])
def test_heavy_hydrogen_is_refused_and_hydrogen_doubted(
    phonodos: Phonodos, tmp_path: Path, isotope: str
) -> None:
    cell = "made\n1.0\n0 2.04 2.04\n2.04 0 2.04\n2.04 2.04 0\n"
    for species in ("H", isotope):
        text = f"{cell}Li {species}\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
        (tmp_path / f"{species}.vasp").write_text(text)
    words = ("--model", "chen2021", "--no-plot")
    done = phonodos("predict", f"{isotope}.vasp", *words)
    assert done.exit_code == 4
    assert f"chen2021 knows nothing of isotopes ({isotope})" in done.stderr
    assert "reason: it maps the masses" in done.stderr
    assert "fix:    use weights of lattice dynamics" in done.stderr
    done = phonodos("predict", "H.vasp", *words)
    assert done.exit_code == 0, done.output
    assert "errs several times more for crystals with hydrogen" in " ".join(done.stdout.split())


def test_sites_of_several_crystals_are_refused(phonodos: Phonodos, examples: Path) -> None:
    files = (examples / "MgO.cif", examples / "SrTiO3.cif")
    assert phonodos("predict", *files, "--isotope", "1=Mg26").exit_code == 2
    ends = (examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif")
    done = phonodos("alloy", *ends, "--isotope", "1=Mg26")
    assert done.exit_code == 2
    assert "of more than one crystal" in done.stderr


HEATED = {
    "thermo --tmin": ["MgO.cif"],
    "thermo --tmax": ["MgO.cif"],
    "thermo --tstep": ["MgO.cif"],
    "thermo --bulk-modulus 160 --accept-strain-error --cell-temperature": ["MgO.cif"],
    "screen -o out.parquet --temperatures": ["MgO.cif"],
    "displacements -T": ["MgO.cif"],
    "neutron -T": ["MgO.cif"],
    "alloy --x 0.5 --temperature": ["Mg3Sb2.cif", "Mg3Bi2.cif"],
    "compare -T": ["MgO.cif", "MgO.cif"],
    "figures screening --temperature": ["MgO.cif"],
}


@pytest.mark.parametrize("text", ["-5", "abc"])
@pytest.mark.parametrize("command", HEATED)
def test_temperatures_that_are_none(
    phonodos: Phonodos, examples: Path, tmp_path: Path, command: str, text: str
) -> None:
    """Every command that takes temperatures refuses them in three lines, and writes no file."""
    done = phonodos(*command.split(), text, *(examples / name for name in HEATED[command]))
    assert done.exit_code == 2, done.output
    assert [line[:10].strip() for line in done.stderr.splitlines()] == ["error:", "reason:", "fix:"]
    assert text in done.stderr.splitlines()[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
