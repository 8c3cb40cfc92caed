"""`phonodos thermo`: heat capacity, entropy and energies of crystals against temperature."""

from dataclasses import dataclass, replace
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
    DisorderOption,
    FilesArgument,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    PerOption,
    PlotOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    VacanciesOption,
    arrangements,
    load_predictor,
    read_kelvin,
    temperature_range,
)
from phonodos.cli.output import Column, format_note, format_table, written
from phonodos.cli.quasi_harmonic import (
    AcceptOption,
    BulkModulusOption,
    CellTemperatureOption,
    EnergyVolumeOption,
    EquationOption,
    check_weights,
    quasi_harmonic_text,
    quasi_harmonic_words,
    write_quasi_harmonic,
)
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonodos.physics.thermodynamics import ThermalProperties
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor
    from phonodos.studies.debye import DebyeTemperature
    from phonodos.studies.quasi_harmonic import QuasiHarmonicStudy

DebyeOption = Annotated[
    str | None,
    typer.Option(
        help="Debye temperature, told too: moment (2nd, of the spectrum), elastic (of the "
        "velocities of sound) or both",
        show_default=False,
    ),
]
CURVE = 241  # temperatures of the figure


def thermo(
    files: FilesArgument,
    output: OutputOption = Path(),
    tmin: Annotated[
        float, typer.Option(parser=read_kelvin, metavar="K", help="lowest temperature [K]")
    ] = 0.0,
    tmax: Annotated[
        float, typer.Option(parser=read_kelvin, metavar="K", help="highest temperature [K]")
    ] = 1000.0,
    tstep: Annotated[float, typer.Option(parser=read_kelvin, metavar="K", help="step [K]")] = 50.0,
    per: PerOption = "formula",
    debye: DebyeOption = None,
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    disorder: DisorderOption = "average",
    sqs_atoms: SqsAtomsOption = None,
    sqs_number: SqsNumberOption = None,
    sqs_seed: SqsSeedOption = None,
    plot: PlotOption = True,
    energy_volume: EnergyVolumeOption = None,
    bulk_modulus: BulkModulusOption = None,
    equation: EquationOption = "vinet",
    cell_temperature: CellTemperatureOption = None,
    accept_strain_error: AcceptOption = False,
    as_json: JsonOption = False,
) -> None:
    """Predict thermodynamics: a table, a figure, CSV, and phonopy's YAML (per cell).

    With static energies or a bulk modulus thermal expansion and C_p too (quasi-harmonic).
    """
    from phonodos.physics.thermodynamics import known_basis

    order = Order(output, temperature_range(tmin, tmax, tstep), per, plot, _kinds(debye))
    known_basis(per)
    arranged = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed)
    words = quasi_harmonic_words(
        energy_volume, bulk_modulus, equation, cell_temperature, accept_strain_error
    )
    check_output(output)
    predictor = load_predictor(
        model, members, arranged, check=check, metal=metal, vacancies=vacancies
    )
    if words is not None:
        check_weights(predictor, accept=accept_strain_error, arranged=arranged is not None)

    def handle(entry: Entry, answer: "Prediction") -> Done:
        return _done(entry, answer, predictor, order, words)

    pairs = predictions(predictor, read_inputs(files, vacancies=vacancies, isotopes=isotope))
    for_each(pairs, handle, show=not as_json).finish(predictor.name, as_json)


@dataclass(frozen=True)
class Order:
    """Where results go, and which: even steps of temperature [K], amount, whether a figure, which
    Debye temperatures.
    """

    output: Path
    temperatures: list[float]
    per: str
    plot: bool
    debye: tuple[str, ...] = ()


def _kinds(debye: str | None) -> tuple[str, ...]:
    if debye is None:
        return ()
    from phonodos.studies.debye import debye_kinds

    return debye_kinds(debye)


def _thetas(prediction: "Prediction", kinds: tuple[str, ...]) -> "tuple[DebyeTemperature, ...]":
    if not kinds:
        return ()
    from phonodos.studies.debye import debye_temperatures

    return debye_temperatures(prediction, kinds)


def _done(
    entry: Entry,
    answer: "Prediction",
    predictor: "AnyPredictor",
    order: Order,
    words: dict[str, Any] | None,
) -> Done:
    """Write the files of one crystal; return its record and its tables."""
    from phonodos.results.spectra import thermal_record

    kelvin, per = with_standard(order.temperatures), order.per
    study = None if words is None else _expanding(entry, kelvin, per, words, predictor)
    doubts = list(dict.fromkeys([*answer.warnings, *(study.warnings if study else ())]))
    results = Results(output_folder(order.output, entry.name), predictor.provenance.warned(doubts))
    found, thetas = _properties(answer, kelvin, per), _thetas(answer, order.debye)
    _write(results, answer, order.temperatures, found, thetas)
    if study is not None:
        write_quasi_harmonic(results, study)
    if order.plot:
        results.figure("thermo", _figure(answer, order.temperatures, per, study))
    record = {
        **thermal_record(found[0], answer.crystal),
        **_spread_record(found[1]),
        **{theta.name: theta.to_dict() for theta in thetas},
        **({} if study is None else {"quasi_harmonic": study.to_dict()}),
        "warnings": doubts,
        "folder": str(results.folder),
        "files": results.written,
    }
    text = f"{entry.name} ({answer.crystal.written_formula}), per {found[0].amount}\n"
    text += _shown(found, answer, entry.name)
    text += "".join("\n" + format_note("Debye", entry.name, str(theta)) for theta in thetas)
    if study is not None:
        text += "\n" + quasi_harmonic_text(study, entry.name)
    text += "\n" + written(results.written, str(results.folder))
    return Done(record, text)


def with_standard(temperatures: list[float]) -> list[float]:
    """Return temperatures [K] with 298.15 beside 300, where both lie within them."""
    from phonodos.physics.units import ROOM_TEMPERATURE, STANDARD_TEMPERATURE

    if ROOM_TEMPERATURE not in temperatures or temperatures[0] > STANDARD_TEMPERATURE:
        return temperatures
    return sorted({*temperatures, STANDARD_TEMPERATURE})


def _expanding(
    entry: Entry, kelvin: list[float], per: str, words: dict[str, Any], predictor: "AnyPredictor"
) -> "QuasiHarmonicStudy":
    from phonodos.studies.quasi_harmonic import quasi_harmonic

    return quasi_harmonic(entry.content, kelvin, per=per, model=predictor, **words)


def _properties(
    prediction: "Prediction", kelvin: list[float], per: str
) -> "tuple[ThermalProperties, ThermalProperties | None]":
    """Return what is in the table, and the standard deviations of the members."""
    from phonodos.physics.thermodynamics import thermal_properties
    from phonodos.studies.harmonic import spread

    crystal = prediction.crystal
    found = prediction.thermal_properties(kelvin).per(per, crystal)
    each = [thermal_properties(dos, kelvin).per(per, crystal) for dos in prediction.members]
    if len(each) < 2:
        return found, None
    names = ("heat_capacity", "entropy", "internal_energy", "free_energy")
    wide = {name: spread(getattr(x, name) for x in each) for name in names}
    zero = float(spread(x.zero_point_energy for x in each))
    return found, replace(found, **wide, zero_point_energy=zero)


def _write(
    results: Results,
    prediction: "Prediction",
    temperatures: list[float],
    found: "tuple[ThermalProperties, ThermalProperties | None]",
    thetas: "tuple[DebyeTemperature, ...]",
) -> None:
    """Write both files; phonopy's keeps the even steps of its own."""
    import numpy as np

    from phonodos.results.spectra import thermal_properties_text, thermal_table

    (names, rows), wide = thermal_table(found[0]), found[1]
    if wide is not None:
        more, spreads = thermal_table(wide)
        names = [*names, *(name.replace(" [", "_spread [") for name in more[1:])]
        rows = np.concatenate([rows, spreads[:, 1:]], axis=1)
    notes = [f"Debye temperature, {theta}" for theta in thetas]
    results.csv("thermal_properties.csv", names, rows, notes=notes)
    thermal = prediction.thermal_properties(temperatures)
    text = thermal_properties_text(thermal, prediction.dos)
    results.yaml("thermal_properties.yaml", text)


def _spread_record(wide: "ThermalProperties | None") -> dict[str, Any]:
    names = ("heat_capacity", "entropy", "internal_energy", "free_energy")
    found = {f"{n}_spread": None if wide is None else getattr(wide, n).tolist() for n in names}
    return {**found, "zero_point_energy_spread": None if wide is None else wide.zero_point_energy}


def _figure(
    prediction: "Prediction",
    temperatures: list[float],
    per: str,
    study: "QuasiHarmonicStudy | None",
) -> "Figure":
    """Return the figure over the range of the table, or up to 300 K where that is one point."""
    import numpy as np

    from phonodos.figures.thermodynamics import plot_thermodynamics
    from phonodos.physics.units import GAS_CONSTANT, ROOM_TEMPERATURE

    low, high = temperatures[0], temperatures[-1]
    if high <= low:
        low, high = 0.0, max(high, ROOM_TEMPERATURE)
    axis = np.linspace(low, high, CURVE).tolist()
    thermal, wide = _properties(prediction, axis, per)
    crystal = prediction.crystal
    limit = replace(thermal, heat_capacity=np.full(1, 3.0 * crystal.n_atoms * GAS_CONSTANT),
                    basis="cell").per(per, crystal).heat_capacity[0]  # fmt: skip
    return plot_thermodynamics(
        thermal,
        title=crystal.written_formula,
        limit=float(limit),
        spread=wide,
        expanding=None if study is None else study.at(axis, per).properties,
    )


def _shown(
    both: "tuple[ThermalProperties, ThermalProperties | None]",
    prediction: "Prediction",
    name: str,
) -> str:
    from phonodos.results.spectra import thermal_table
    from phonodos.studies.harmonic import with_spread

    found, wide = both
    size = 12 if wide is None else 16
    columns = [
        Column("C_V", "J/K", size), Column("S", "J/K", size), Column("U", "kJ", size),
        Column("F", "kJ", size),
    ]  # fmt: skip
    digits = (3, 3, 4, 4)
    table = thermal_table(found)[1]
    spreads = None if wide is None else thermal_table(wide)[1]
    rows = []
    for k, (kelvin, *values) in enumerate(table):
        each = [None] * 4 if spreads is None else [float(x) for x in spreads[k, 1:]]
        cells = [with_spread(float(v), e, d) for v, e, d in zip(values, each, digits, strict=True)]
        rows.append((f"{kelvin:g}", "", cells))
    from phonodos.physics.dos import MENTIONED_SHARE

    doubts = list(prediction.warnings)
    if (share := found.imaginary_fraction) > MENTIONED_SHARE:
        doubts.append(f"{100 * share:.1f} % of the states are imaginary and left out")
    return "\n".join(
        [
            format_table(("T [K]", ""), columns, rows),
            f"zero-point energy {found.zero_point_energy / 1000:.4f} kJ/{found.amount}, "
            "part of U and F",
            *(() if wide is None else ("after +-: standard deviation of the members",)),
            *(format_note("warning", name, text) for text in doubts),
        ]
    )
