"""Commands with one study a crystal: isotopes reach all, failures do not stop the others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Phonodos = Callable[..., Result]


def lightest(record: dict[str, Any]) -> float:
    """Return a number that is smaller for heavier atoms: |frequency|, 1 / density, U at 0 K."""
    if "density_kg_per_m3" in record:
        return 1.0 / float(record["density_kg_per_m3"])
    if "U_iso_A2" in record:
        return float(record["U_iso_A2"][0][0])
    return max(abs(float(mode["frequency_cm-1"])) for mode in record["modes"])


@pytest.mark.parametrize("command", ["modes", "elastic", "displacements"])
def test_isotopes_go_along(
    phonodos: Phonodos, examples: Path, lattice_weights: Path, command: str
) -> None:
    words = (command, examples / "MgO.cif", "--model", lattice_weights, "--json", "--no-plot")
    plain = phonodos(*words)
    heavy = phonodos(*words, "--isotope", "O=17.999", "--isotope", "Mg=26.0")
    assert plain.exit_code == heavy.exit_code == 0, heavy.output
    records = [json.loads(done.stdout)["results"][0] for done in (plain, heavy)]
    assert lightest(records[1]) < lightest(records[0])


@pytest.mark.parametrize("command", ["modes", "elastic", "displacements"])
def test_an_isotope_of_another_element_is_refused(
    phonodos: Phonodos, examples: Path, lattice_weights: Path, command: str
) -> None:
    words = ("--model", lattice_weights, "--isotope", "Cl=36.9")
    done = phonodos(command, examples / "MgO.cif", *words)
    assert done.exit_code in (2, 4)
    assert "Cl" in done.stderr


def test_a_failure_does_not_stop_the_others(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    (tmp_path / "broken.cif").write_text("data_x")
    done = phonodos(
        "elastic", "broken.cif", examples / "MgO.cif", "--model", lattice_weights, "--no-plot"
    )
    assert done.exit_code == 3
    assert "broken.cif" in done.stderr
    assert "MgO (MgO), " in done.stdout
    assert "point group m-3m" in done.stdout
