"""`phonodos bands`: frequencies along the recommended path of the Brillouin zone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.inputs import (
    Done,
    Entry,
    check_output,
    for_each,
    output_folder,
    predictions,
    read_inputs,
)
from phonodos.cli.options import (
    CheckOption,
    FilesArgument,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    PlotOption,
    UnitsOption,
    VacanciesOption,
)
from phonodos.cli.output import Column, format_note, format_table, written_folders
from phonodos.errors import ConfigError
from phonodos.physics.units import FREQUENCY_DIGITS
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction
    from phonodos.studies.bands import BandStudy

DIGITS = {name: digits + 1 for name, digits in FREQUENCY_DIGITS.items()}


def bands(
    files: FilesArgument,
    output: OutputOption = Path(),
    units: UnitsOption = "cm-1",
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    plot: PlotOption = True,
    eigenvectors: Annotated[
        bool,
        typer.Option(
            "--eigenvectors", help="of every mode: in band.yaml, eigenvectors.npz and --json"
        ),
    ] = False,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="more files: website (phononwebsite.json, where modes can be watched)",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict phonon bands of the primitive cell: a figure, bands.csv and phonopy's band.yaml."""
    from phonodos.physics.units import per_wavenumber

    per_wavenumber(units)
    website = _wants_website(formats)
    check_output(output)
    from phonodos.prediction.predictor import load
    from phonodos.studies import bands as home

    predictor = load(model, members=members, check=check, metal=metal, vacancies=vacancies)

    def handle(entry: Entry, answer: "Prediction") -> Done:
        study = home.bands(answer)
        origin = predictor.provenance.warned(study.warnings)
        results = Results(output_folder(output, entry.name), origin)
        _write(results, study, units, plot, eigenvectors)
        if website:
            _write_website(results, study)
        record = study.to_dict(units, eigenvectors=eigenvectors and as_json)
        words = {} if study.stability is None else {"verdict": study.stability.text(units)}
        lines = {"bands": record.pop("bands")}
        files = {"folder": str(results.folder), "files": results.written}
        return Done({**record, **words, **files, **(lines if as_json else {})})

    entries = read_inputs(files, vacancies=vacancies, isotopes=isotope)
    outcome = for_each(predictions(predictor, entries), handle)
    outcome.finish(
        predictor.name, as_json, lambda done: print(_report(done, predictor.name, units))
    )


def _wants_website(formats: str | None) -> bool:
    """Return whether the file of phononwebsite is wanted; raise `ConfigError` for other formats."""
    for name in [] if formats is None else formats.split(","):
        if name != "website":
            raise ConfigError(
                f"--format {name} is not known",
                "beside band.yaml, CSV and JSON there is website",
                "write --format website, or leave it out",
            )
    return formats is not None


def _write(
    results: Results, study: "BandStudy", units: str, plot: bool, eigenvectors: bool
) -> None:
    from phonodos.results.bands import band_text, bands_table, eigenvector_arrays

    vectors = study.eigenvectors if eigenvectors else None
    results.yaml("band.yaml", band_text(study.structure, study.crystal, vectors))
    results.csv("bands.csv", *bands_table(study.structure, units))
    if vectors is not None:
        masses = study.lattice.masses
        found = eigenvector_arrays(study.structure, study.crystal, vectors, masses)
        results.arrays("eigenvectors.npz", found)
    if plot:
        from phonodos.figures.bands import plot_bands

        label = study.crystal.written_formula
        figure = plot_bands(
            study.structure, study.dos(), crystal_label=label, unit=units, spread=study.spread
        )
        results.figure("bands", figure)


def _write_website(results: Results, study: "BandStudy") -> None:
    from phonodos.results.phononwebsite import website_record

    record = website_record(
        study.structure, study.crystal, study.eigenvectors, study.lattice.masses
    )
    results.json("phononwebsite.json", record, indent=None)


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
        "lowest and highest: on the path, of the members' mean force constants",
        "stability: by the lowest frequency anywhere, mean of the members",
    ]
    for r in done:
        lines += [format_note("path", r["name"], r["path"])]
        if "verdict" in r:
            lines += [format_note("stability", r["name"], r["verdict"])]
        lines += [format_note("warning", r["name"], text) for text in r["warnings"]]
    return "\n".join([*lines, written_folders(done)])
