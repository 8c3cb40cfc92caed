"""`phonodos bands`: frequencies along the recommended path of the Brillouin zone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.inputs import Entry, check_output, output_folder, predictions, read_inputs
from phonodos.cli.options import CheckOption, MembersOption, ModelOption, VacanciesOption
from phonodos.cli.outcome import for_each
from phonodos.cli.output import (
    Column,
    format_note,
    format_table,
)
from phonodos.errors import ConfigError
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.path import BandStructure
    from phonodos.prediction.prediction import Prediction

FINE_MESH, SMALL_CELL = 40.0, 40  # [A], of the density of states in figures of at most 40 atoms
DIGITS = {"cm-1": 1, "THz": 3, "meV": 2}


def bands(
    files: Annotated[
        list[str], typer.Argument(help="structure files, folders, or - for standard input")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<input name>/")
    ] = Path(),
    units: Annotated[str, typer.Option(help="cm-1, THz or meV in table, figure and CSV")] = "cm-1",
    model: ModelOption = None,
    members: MembersOption = None,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    plot: Annotated[bool, typer.Option(help="figure as bands.png and bands.pdf")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")] = False,
) -> None:
    """Predict phonon bands of the primitive cell: a figure, bands.csv and phonopy's band.yaml."""
    from phonodos.physics.units import per_wavenumber

    per_wavenumber(units)
    check_output(output)
    from phonodos.prediction.predictor import load

    predictor = load(model, members=members, check=check, vacancies=vacancies)

    def handle(entry: Entry, answer: "Prediction") -> dict[str, Any]:
        found = band_structure(answer)
        origin = predictor.provenance.warned(answer.warnings)
        results = Results(output_folder(output, entry.name), origin)
        record = _write(results, answer, found, units, plot)
        if as_json:
            from phonodos.results.bands import bands_record

            record["bands"] = bands_record(found, units)
        return record

    outcome = for_each(predictions(predictor, read_inputs(files, vacancies=vacancies)), handle)
    outcome.finish(
        predictor.name, as_json, lambda done: print(_report(done, predictor.name, units))
    )


def band_structure(prediction: "Prediction") -> "BandStructure":
    """Return the bands of a prediction; raises `ConfigError` if its network knows none."""
    if prediction.lattice is None:
        raise ConfigError(
            f"{prediction.model} has no bands",
            "this network predicts the density of states only; bands take force constants",
            "choose a model of lattice dynamics with --model (phonodos models list)",
        )
    return prediction.lattice.bands()


def _write(
    results: Results, prediction: "Prediction", bands: "BandStructure", units: str, plot: bool
) -> dict[str, Any]:
    from phonodos.physics.units import per_wavenumber
    from phonodos.results.bands import band_text, bands_table, path_text

    assert prediction.lattice is not None
    crystal = prediction.lattice.crystal
    results.yaml("band.yaml", band_text(bands, crystal))
    results.csv("bands.csv", *bands_table(bands, units))
    if plot:
        from phonodos.figures.bands import plot_bands
        from phonodos.physics.mesh import MESH_LENGTH

        length = FINE_MESH if crystal.n_atoms <= SMALL_CELL else MESH_LENGTH
        dos = prediction.lattice.dos(prediction.lattice.mesh(length))
        figure = plot_bands(bands, dos, crystal_label=crystal.formula, unit=units)
        results.figure("bands", figure)
    factor = per_wavenumber(units)
    low = min(float(w.min()) for w in bands.frequencies) * factor
    high = max(float(w.max()) for w in bands.frequencies) * factor
    return {
        "formula": crystal.formula,
        "n_atoms_primitive": crystal.n_atoms,
        "path": path_text(bands),
        "min_frequency": {"value": low, "unit": units},
        "max_frequency": {"value": high, "unit": units},
        "warnings": list(prediction.warnings),
        "folder": str(results.folder),
        "files": results.written,
    }


def _report(done: list[dict[str, Any]], model: str, units: str) -> str:
    columns = [Column("atoms", "", 5), Column("lowest", units, 9), Column("highest", units, 9)]
    digits = DIGITS[units]
    rows = [
        (
            r["name"],
            r["formula"],
            [
                str(r["n_atoms_primitive"]),
                # Acoustic modes at Gamma are zero to rounding: no minus sign before a zero.
                *(f"{r[k]['value']:z.{digits}f}" for k in ("min_frequency", "max_frequency")),
            ],
        )
        for r in done
    ]
    lines = [
        format_table(("input", "formula"), columns, rows),
        f"{model}; atoms of the primitive cell; imaginary frequencies are negative",
    ]
    for r in done:
        lines += [format_note("path", r["name"], r["path"])]
        lines += [format_note("warning", r["name"], text) for text in r["warnings"]]
    folders = sorted({r["folder"] for r in done})
    where = folders[0] if len(folders) == 1 else f"{len(folders)} folders, {folders[0]} ..."
    return "\n".join([*lines, f"wrote {', '.join(done[0]['files'])} to {where}"])
