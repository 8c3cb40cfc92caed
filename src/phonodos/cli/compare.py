"""`phonodos compare`: a prediction over a measured or calculated spectrum."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.inputs import check_output, output_folder
from phonodos.cli.options import MembersOption, ModelOption
from phonodos.cli.output import Column, format_note, format_table, legible, print_json
from phonodos.errors import ConfigError, DataError
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance

if TYPE_CHECKING:
    from phonodos.physics.crystal import Crystal
    from phonodos.physics.curve import Curve
    from phonodos.physics.dos import PhononDos

WIDEST = 1000.0  # [cm^-1] of a resolution
RESULTS = ("total_dos.dat", "dos.csv", "pymatgen_phonon_dos.json")  # of `phonodos predict`


def compare(
    prediction: Annotated[
        Path, typer.Argument(help="structure file, or spectrum or folder of phonodos predict")
    ],
    reference: Annotated[Path, typer.Argument(help="two columns: frequency, intensity")],
    reference_units: Annotated[
        str | None, typer.Option(help="cm-1, meV or THz; default: as its header says")
    ] = None,
    neutron: Annotated[
        bool, typer.Option("--neutron", help="weight every element by sigma/m (needs projections)")
    ] = False,
    resolution: Annotated[
        str, typer.Option(help="width (FWHM) of the instrument: 3% of w, or 15 in --units")
    ] = "0",
    units: Annotated[str, typer.Option(help="cm-1, THz or meV in table and figure")] = "cm-1",
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<name>/")
    ] = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")] = False,
) -> None:
    """Overlay a prediction with any two-column spectrum; both over their own maximum."""
    from phonodos.physics.curve import distance, sampled_like
    from phonodos.physics.units import per_wavenumber
    from phonodos.results.measurements import read_curve

    factor = per_wavenumber(units)
    constant, relative = parse_resolution(resolution, factor)
    given, unit = read_curve(reference, reference_units)
    check_output(output)
    curve, label, notes, origin = _predicted(prediction, model, members, neutron)
    if constant or relative:
        curve = curve.broadened(constant, relative)
    elif (alike := sampled_like(curve, given)) is not curve:
        curve = alike
        notes.append("the reference has the paper's 51 points: smoothed and sampled as it is")
    facts = {"prediction": _facts(curve, factor), "reference": _facts(given, factor)}
    apart = distance(curve, given)
    folder = output_folder(output, prediction.stem)
    _draw(Results(folder, origin), label, curve, given, reference.stem, units)
    if as_json:
        print_json(
            {"units": units, "reference_units": unit, **facts, "wasserstein_cm-1": apart,
             "notes": notes, "folder": str(folder)}
        )  # fmt: skip
        return
    print(_table(facts, units, prediction.name, reference.name))
    for name, found in facts.items():
        peaks = ", ".join(f"{w:.4g}" for w in found["peaks"])
        print(format_note("peaks", f"of the {name} [{units}]", peaks or "none"))
    print(f"distance (Wasserstein, unit area where both are known): {apart:.1f} cm-1")
    print("\n".join(format_note("note", prediction.stem, text) for text in notes))
    print(f"wrote compare.png, compare.pdf to {folder}")


def parse_resolution(text: str, factor: float) -> tuple[float, float]:
    """Return the constant [cm^-1] and the relative width of ``3%`` or ``15``.

    Parameters
    ----------
    text
        What the user wrote.
    factor
        How many of the user's units one cm^-1 is.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip())
    if match is None:
        raise ConfigError(
            f"--resolution {text} is no width",
            "a width is a share of the frequency with %, or a number in --units; not negative",
            "write for example --resolution 3%, or --resolution 2 --units meV",
        )
    value = float(match[1])
    constant, relative = (0.0, value / 100.0) if match[2] else (value / factor, 0.0)
    if constant > WIDEST or relative > 1.0:
        raise ConfigError(
            f"--resolution {text[:20]} is too wide",
            f"a width is at most 100 %, or {WIDEST:g} cm-1: nothing would be left of a spectrum",
            "write for example --resolution 3%, or --resolution 2 --units meV",
        )
    return constant, relative


def _predicted(
    path: Path, model: str | None, members: int | None, neutron: bool
) -> "tuple[Curve, str, list[str], Provenance]":
    """Return the predicted curve, its name, what there is to say of it, and its origin."""
    from phonodos.physics.neutron import curve_of, neutron_curve, neutron_weights

    notes = ["both curves over their own maximum; negative frequencies are left out"]
    if (found := _spectrum(path)) is not None:
        if neutron:
            raise DataError(
                f"{path} is a spectrum without its crystal",
                "neutron weights need the elements and the projected density of states",
                "give the structure file instead, with --model",
            )
        return curve_of(found), path.stem, notes, Provenance()
    from phonodos.prediction.predictor import load
    from phonodos.structures.reading import read_crystal

    crystal: Crystal = read_crystal(path)
    if neutron:
        neutron_weights(crystal)  # an element without a scattering length is refused first
    predictor = load(model, members=members, project=neutron)
    answer = next(iter(predictor.predict_many([crystal])))
    notes += answer.warnings
    origin = predictor.provenance.warned(answer.warnings)
    if not neutron:
        notes.append("plain density of states: no neutron weights (--neutron)")
        return curve_of(answer.dos), crystal.formula, notes, origin
    notes.append("weighted by sigma/m of every element (bound total cross-sections, periodictable)")
    return neutron_curve(answer.dos, crystal), crystal.formula, notes, origin


def _spectrum(path: Path) -> "PhononDos | None":
    """Return the spectrum in a file or folder of `phonodos predict`; None for a structure."""
    from phonodos.results.spectra import read_dos_csv, read_pymatgen_dos, read_total_dos

    if path.is_dir():
        inside = [path / name for name in RESULTS if (path / name).is_file()]
        if not inside:
            raise DataError(
                f"{path}: no spectrum in this folder",
                "none of " + ", ".join(RESULTS) + " is there",
                "give a folder that phonodos predict wrote, or a file",
            )
        return _spectrum(inside[0])
    if path.suffix == ".dat":
        return read_total_dos(path)
    if path.suffix == ".csv":
        return read_dos_csv(path)
    return read_pymatgen_dos(path) if path.name == RESULTS[2] else None


def _facts(curve: "Curve", factor: float) -> dict[str, Any]:
    gap = curve.gap()
    return {
        "peaks": [float(w) * factor for w in curve.peaks()],
        "cut_off": curve.cut_off() * factor,
        "gap": None if gap is None else [gap.low * factor, gap.high * factor],
    }


def _table(facts: dict[str, Any], units: str, first: str, second: str) -> str:
    columns = [
        Column("peaks", "", 6), Column("cut-off", units, 9), Column("gap from", units, 9),
        Column("gap to", units, 9),
    ]  # fmt: skip
    rows = []
    for source, found in zip((first, second), facts.values(), strict=True):
        gap = ["-", "-"] if found["gap"] is None else [f"{edge:.4g}" for edge in found["gap"]]
        rows.append((source, "", [str(len(found["peaks"])), f"{found['cut_off']:.4g}", *gap]))
    return format_table(("spectrum", ""), columns, rows)


def _draw(
    results: Results, label: str, curve: "Curve", given: "Curve", name: str, units: str
) -> None:
    from phonodos.figures.comparison import Overlay, plot_comparison

    overlay = Overlay(legible(label), {"phonodos": curve}, given, legible(name))
    results.figure("compare", plot_comparison(overlay, units))
