"""Options that several subcommands share, word for word, and what their values mean."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.errors import ConfigError

if TYPE_CHECKING:
    from phonodos.physics.resolution import Resolution
    from phonodos.prediction.predictor import AnyPredictor
    from phonodos.prediction.quasirandom import Arrangements

MOST_TEMPERATURES = 100_000
HOTTEST = 1e5  # [K]
WIDEST = 1000.0  # [cm^-1] of a resolution
WIDTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)")  # 3%, 15


def allow_size(megabytes: int | None) -> int | None:
    """Let files hold so many MiB, unpacked, in this process and those it starts."""
    if megabytes is not None:
        os.environ["PHONODOS_MAX_SIZE"] = str(megabytes)
    return megabytes


def allow_isotopes(texts: list[str] | None) -> list[str]:
    """Return the texts, which are refused before anything is read if they name no isotopes."""
    if texts:
        from phonodos.physics.isotopes import read_isotopes

        read_isotopes(texts)
    return list(texts or [])


def read_kelvin(text: str | float) -> float:
    """Return a temperature [K], or a step of one; whether it makes sense is for the command to say.

    Raises
    ------
    ConfigError
        If the text is no number.
    """
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"'{str(text)[:30]}' is no temperature",
            "a temperature is a number in kelvin, without its unit",
            "write for example 300",
        ) from None


FilesArgument = Annotated[
    list[str], typer.Argument(help="structure files, folders, or - for standard input")
]
ModelOption = Annotated[
    str | None, typer.Option(help="released name or path of a weight file", show_default=False)
]
MembersOption = Annotated[
    int | None,
    typer.Option(help="members of an ensemble to use, the first ones; all", show_default=False),
]
MetalOption = Annotated[
    bool,
    typer.Option("--metal", help="of metals: the charges, whose field is screened, are left out"),
]
IsotopeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--isotope",
        help="mass of an element or a site: O=17.999 \\[amu], O=O18, 3=O18",
        show_default=False,
        callback=allow_isotopes,
    ),
]
UnitsOption = Annotated[str, typer.Option(help="of frequencies shown: cm-1, THz or meV")]
OutputOption = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<input name>/")
]
PerOption = Annotated[str, typer.Option(help="amount of substance: atom, formula, cell, kg or cm3")]
JsonOption = Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")]
ReferenceUnitsOption = Annotated[
    str | None, typer.Option(help="cm-1, meV or THz; default: as its header says")
]
ResolutionOption = Annotated[
    str,
    typer.Option(
        help="width (FWHM) of the instrument: 3% of w, or 15 in --units, or a file of two columns"
    ),
]
InstrumentOption = Annotated[
    str | None,
    typer.Option(
        help="TOSCA; or ARCS, MAPS, MARI, MERLIN, SEQUOIA with --incident-energy and, as their "
        "width at the elastic line, --resolution",
        show_default=False,
    ),
]
IncidentOption = Annotated[
    float | None,
    typer.Option("--incident-energy", metavar="MEV", help="of a chopper spectrometer \\[meV]"),
]
ScatteringTemperatureOption = Annotated[
    float | None,
    typer.Option(
        "-T",
        "--temperature",
        parser=read_kelvin,
        metavar="K",
        help="[K]: of one-phonon S(E); without, of the density of states",
    ),
]
PlotOption = Annotated[bool, typer.Option(help="draw the figure, as PNG and PDF")]
InsetOption = Annotated[
    bool, typer.Option("--inset/--no-inset", help="heat capacity as an inset of the figure")
]
MeanOption = Annotated[
    bool, typer.Option("--mean/--no-mean", help="line at the mean frequency in the figure")
]
CheckOption = Annotated[
    bool,
    typer.Option(
        "--check/--no-check",
        help="hold the distances of atoms against those of training; refuse absurd ones",
    ),
]
VacanciesOption = Annotated[
    str,
    typer.Option(help="of sites partly vacant: refuse, or fill by the elements on them"),
]
TimeoutOption = Annotated[
    float, typer.Option(metavar="SECONDS", help="longest time to read, compute or write a crystal")
]
MaxSizeOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="MIB",
        help="most that one input file may hold, unpacked [MiB]; 256",
        show_default=False,
        callback=allow_size,
    ),
]
DisorderOption = Annotated[
    str,
    typer.Option(help="of shared sites: average, or sqs (quasi-random structures, extra \\[sqs])"),
]
SqsAtomsOption = Annotated[
    int | None, typer.Option(help="most atoms of a quasi-random structure; 32", show_default=False)
]
SqsNumberOption = Annotated[
    int | None, typer.Option(help="quasi-random structures to average; 3", show_default=False)
]
SqsSeedOption = Annotated[
    int | None, typer.Option(help="seed of the quasi-random structures; 0", show_default=False)
]


def temperature_range(low: float, high: float, step: float) -> list[float]:
    """Return the temperatures from `low` to `high` (included where the step meets it) [K].

    Raises
    ------
    ConfigError
        If they are negative, beyond 100,000 K, fall, do not advance, or are more than 100,000.
    """
    sound = 0.0 <= low <= high <= HOTTEST and 0.0 < step < float("inf")
    if not sound or (high - low) / step > MOST_TEMPERATURES:
        raise ConfigError(
            f"no temperatures from {low:g} to {high:g} K in steps of {step:g} K",
            f"--tmin must not be negative, --tmax not below it nor above {HOTTEST:g}, and --tstep "
            f"positive (at most {MOST_TEMPERATURES} temperatures)",
            "write for example --tmin 0 --tmax 1000 --tstep 50",
        )
    return [low + step * i for i in range(int((high - low) / step + 1e-9) + 1)]


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
    match = WIDTH.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"--resolution {text[:60]} is no width",
            "a width is a share of the frequency with %, or a number in --units, not negative, or "
            "the name of a file of two columns (and there is no such file)",
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


def chosen_resolution(
    text: str, instrument: str | None, incident: float | None, units: str
) -> "Resolution":
    """Return the resolution that --resolution, --instrument and --incident-energy ask for.

    Parameters
    ----------
    text
        A share, a width in `units`, or the path of a table of widths; ``0`` for none. What reads as
        a width is one, whatever files there are (``./15`` is a file). For a chopper spectrometer
        the width at the elastic line, a share being one of its incident energy.
    instrument, incident
        A name, and an incident energy [meV].
    units
        Of frequencies: ``cm-1``, ``THz`` or ``meV``.

    Raises
    ------
    ConfigError
        If they make no sense, or not together.
    DataError
        If the file of widths cannot be read.
    """
    from phonodos.physics.resolution import Resolution, instrument_resolution
    from phonodos.physics.units import per_wavenumber

    factor = per_wavenumber(units)
    if instrument is None and incident is not None:
        raise ConfigError(
            f"--incident-energy {incident:g} without an instrument",
            "it sets the width of a chopper spectrometer, and none is named",
            "add for example --instrument ARCS --resolution 3%",
        )
    # os.path: a text too long for a name is no file, where Path passes on what the system says.
    is_table = WIDTH.fullmatch(text.strip()) is None and os.path.isfile(text)  # noqa: PTH113
    if instrument is None and is_table:
        from phonodos.results.measurements import read_widths

        return read_widths(Path(text), units)
    constant, relative = parse_resolution(text, factor)
    if instrument is not None:
        return instrument_resolution(instrument, incident, constant or None, relative or None)
    words = f"{100 * relative:g} %" if relative else f"{constant * factor:g} {units}"
    return Resolution(words if constant or relative else "none", constant, relative)


def arrangements(
    disorder: str,
    atoms: int | None,
    number: int | None,
    seed: int | None,
    *,
    project: str | None = None,
) -> "Arrangements | None":
    """Return how quasi-random structures are to be made; None for averaged sites.

    Raises
    ------
    ConfigError
        If `disorder` is neither average nor sqs, a number is out of range or given for average, a
        projection is wanted of structures whose sites differ, or the library that makes them is
        not installed.
    """
    given = {"atoms": atoms, "number": number, "seed": seed}
    named = {name: value for name, value in given.items() if value is not None}
    if disorder not in ("average", "sqs"):
        raise ConfigError(
            f"--disorder {disorder} is not known",
            "a site that elements share is averaged, or filled in quasi-random structures",
            "write --disorder average or --disorder sqs",
        )
    if disorder == "average":
        if named:
            raise ConfigError(
                f"--sqs-{next(iter(named))} without quasi-random structures",
                "sites that elements share are averaged unless --disorder says otherwise",
                "add --disorder sqs, or leave it out",
            )
        return None
    if project is not None:
        raise ConfigError(
            f"--project {project} and --disorder sqs do not go together",
            "the structures have other sites than the input, each with its own spectrum",
            "leave one of the two out",
        )
    from phonodos.prediction.quasirandom import Arrangements, check_installed

    check_installed()
    return Arrangements(**named)


def load_predictor(
    model: str | None,
    members: int | None,
    order: "Arrangements | None",
    *,
    project: bool = False,
    check: bool = True,
    metal: bool = False,
    vacancies: str = "refuse",
) -> "AnyPredictor":
    """Return the weights as a predictor that averages shared sites, or fills them as ordered."""
    from phonodos.prediction.predictor import load

    predictor = load(
        model, members=members, project=project, check=check, metal=metal, vacancies=vacancies
    )
    if order is None:
        return predictor
    from phonodos.prediction.disorder import QuasirandomPredictor

    return QuasirandomPredictor(predictor, order)
