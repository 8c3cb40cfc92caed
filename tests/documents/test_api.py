"""The page on Python: every public name with signature and fields, examples that run as shown.

`python tests/documents/test_api.py` writes what the examples print into the page anew.
"""

import contextlib
import doctest
import inspect
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import phonodos
from phonodos.datasets.dataset import write_dataset
from phonodos.datasets.splits import Split
from phonodos.evaluation.report import Judged, Report
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.elasticity import Elasticity
from phonodos.physics.infrared import GammaModes
from phonodos.physics.quasi_harmonic import EquationOfState, QuasiHarmonic, QuasiHarmonicCrystal
from phonodos.physics.resolution import Resolution
from phonodos.physics.strain import Gruneisen
from phonodos.physics.target import target_of
from phonodos.prediction.prediction import Prediction
from phonodos.screening.landscape import Landscape
from phonodos.screening.screen import Progress, Summary
from phonodos.screening.survey import Agreement, Components, Springs, Survey
from phonodos.studies import report as report_of_all
from phonodos.studies.alloy import AlloyPoint, AlloyStudy, Beside
from phonodos.studies.bands import BandStudy
from phonodos.studies.comparison import Comparison, Features
from phonodos.studies.computed_entries import VibrationalCorrection
from phonodos.studies.displacements import DisplacementStudy
from phonodos.studies.elastic import ElasticStudy
from phonodos.studies.mode_gruneisen import ModeGruneisen, SpecialPoint
from phonodos.studies.modes import ModeSet, ModeStudy
from phonodos.studies.neutron import NeutronStudy, Scatterer
from phonodos.studies.quasi_harmonic import QuasiHarmonicStudy
from phonodos.studies.strain import StrainPoint, StrainStudy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```pycon\n(.*?)^```", re.M | re.S)
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
SHOWN = {  # what a section tells of: dataclasses whose fields and properties all stand there
    "Crystal": [Crystal],
    "PhononDos": [PhononDos],
    "Prediction": [Prediction],
    "strain": [StrainStudy, StrainPoint, Gruneisen, ModeGruneisen, SpecialPoint],
    "alloy": [AlloyStudy, AlloyPoint, Beside],
    "bands": [BandStudy],
    "compare": [Comparison, Features],
    "displacements": [DisplacementStudy],
    "elastic": [ElasticStudy, Elasticity],
    "evaluate": [Report, Judged],
    "modes": [ModeStudy, ModeSet, GammaModes],
    "quasi_harmonic": [QuasiHarmonicStudy, QuasiHarmonic, QuasiHarmonicCrystal, EquationOfState],
    "vibrational_correction": [VibrationalCorrection],
    "neutron": [NeutronStudy, Scatterer, Resolution],
    "report": [report_of_all.Report, report_of_all.Refusal],
    "screen": [Summary, Progress],
    "survey": [Survey, Landscape, Components, Springs, Agreement],
}
LEFT_OUT = {"Crystal": {"label", "reduction", "is_ordered", "symbols", "composition"}}


def sections() -> dict[str, str]:
    """Return the text of every name's section."""
    parts = re.split(r"^## `(\w+)`\n", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def run(source: str, names: dict[str, Any]) -> str:
    """Return what one example prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "docs/api.md", "single"), names)
    return printed.getvalue()


def examples(text: str) -> Iterator[doctest.Example]:
    for block in BLOCK.findall(text):
        yield from doctest.DocTestParser().get_examples(block)


def same(found: str, shown: str) -> bool:
    """Return whether two outputs are alike, numbers within 1 % or one of their last digit."""
    if NUMBER.sub("#", found).split() != NUMBER.sub("#", shown).split():
        return False
    for a, b in zip(NUMBER.findall(found), NUMBER.findall(shown), strict=True):
        decimals = len(b.partition(".")[2])
        # Small whole numbers are counts, which have no last digit to be wrong in.
        digit = 0.0 if not decimals and abs(float(b)) < 10 else 1.01 * 10.0**-decimals
        if abs(float(a) - float(b)) > max(digit, 0.01 * abs(float(b))):
            return False
    return True


def furnish(folder: Path) -> None:
    """Lay out the files that the examples name: structures, a spectrum, a data set, its split."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    w = np.arange(0.0, 800.0, 5.0)
    g = np.exp(-(((w - 400) / 60) ** 2)) + 0.4 * np.exp(-(((w - 600) / 40) ** 2))
    lines = [f"{a:g},{b:.6f}" for a, b in zip(w, g, strict=True)]
    (folder / "measured.csv").write_text("\n".join(["frequency [cm-1],intensity", *lines, ""]))
    rows = []
    fcc = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    for k, (salt, a) in enumerate({"Na Cl": 5.64, "Mg O": 4.21, "Ca O": 4.81}.items()):
        crystal = Crystal.ordered(a * fcc, [[0.0] * 3, [0.5] * 3], salt.split())
        axis = np.arange(0.0, 701.0)
        shape = axis**2 * np.exp(-(((axis - 250.0 - 50.0 * k) / 90.0) ** 2))
        dos = PhononDos(axis, 6.0 * shape / np.trapezoid(shape, axis), 2)
        rows.append(
            {
                "id": f"salt-{k}", "source": "own", "formula": crystal.formula, "n_atoms": 2,
                "species": list(crystal.symbols), "cell": crystal.cell.ravel().tolist(),
                "frac_coords": crystal.frac_coords.ravel().tolist(),
                "dos_frequencies": dos.frequencies.tolist(),
                "dos_densities": dos.densities.tolist(), "target": target_of(dos).tolist(),
            }
        )  # fmt: skip
    write_dataset(folder / "data.parquet", rows, {})
    parts = {name: (f"salt-{k}",) for k, name in enumerate(("train", "valid", "test"))}
    Split(parts).write(folder / "split.json")


def test_the_page_lists_exactly_what_is_public() -> None:
    assert list(sections()) == list(dict.fromkeys(sections()))
    assert set(sections()) == set(phonodos.__all__)
    for name, text in sections().items():
        assert list(examples(text)), f"{name}: no example"


@pytest.mark.parametrize("name", [n for n in phonodos.__all__ if n != "__version__"])
def test_signatures(name: str) -> None:
    found = inspect.signature(getattr(phonodos, name))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    plain = found.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    assert f"\n    phonodos.{name}{plain}\n" in sections()[name]


@pytest.mark.parametrize("name", SHOWN)
def test_fields(name: str) -> None:
    words = set(re.findall(r"`([a-zA-Z_]\w*)", sections()[name]))
    for kind in SHOWN[name]:
        public = {f.name for f in fields(kind)}
        public |= {k for k, v in vars(kind).items() if isinstance(v, property) and k[0] != "_"}
        absent = public - words - LEFT_OUT.get(name, set())
        assert not absent, f"{kind.__name__}: {absent}"


def test_other_outputs_are_seen() -> None:
    assert same("[414.2]", "[414.1]")
    assert not same("(1, {})", "(2, {})")
    assert not same("'NaCl'", "'KCl'")
    assert not same("450 cm^-1", "414 cm^-1")


def test_no_name_is_that_of_a_room() -> None:
    """`phonodos.alloy` must stay the function, whatever is imported."""
    rooms = {path.stem for path in (ROOT / "src" / "phonodos").iterdir()}
    assert not rooms & set(phonodos.__all__)


def test_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for example in examples(PAGE.read_text(encoding="utf-8")):
        found = run(example.source, names)
        assert same(found, example.want), f"{example.source}{found}"


def rewrite() -> None:
    """Write what the examples print into the page."""
    names: dict[str, Any] = {}

    def shown(match: re.Match[str]) -> str:
        lines = []
        for example in doctest.DocTestParser().get_examples(match[1]):
            first, *rest = example.source.splitlines()
            lines += [f">>> {first}", *(f"... {line}" for line in rest)]
            lines += run(example.source, names).splitlines()
        return "\n".join(["```pycon", *lines, "```"])

    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(shown, text), encoding="utf-8")


if __name__ == "__main__":
    import os
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        furnish(Path(place))
        os.chdir(place)
        rewrite()
