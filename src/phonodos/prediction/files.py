"""The files of a prediction: for phonopy, pymatgen and others, and the figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from phonodos.errors import ConfigError
from phonodos.files import file_name
from phonodos.physics.thermodynamics import known_basis
from phonodos.physics.units import STANDARD_TEMPERATURE, per_wavenumber
from phonodos.results import spectra
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction

FORMATS = ("phonopy", "pymatgen", "csv", "json", "euphonic", "ncmat")
LONGEST_NAME = 200  # bytes of a name in an archive; systems take 255, and endings follow
THERMAL_STEP, THERMAL_MAX = 10.0, 1000.0  # [K], phonopy's own defaults
TEMPERATURES = tuple(
    sorted(
        [THERMAL_STEP * i for i in range(round(THERMAL_MAX / THERMAL_STEP) + 1)]
        + [STANDARD_TEMPERATURE]
    )
)


@dataclass(frozen=True)
class Files:
    """Which files are wanted of a prediction.

    Attributes
    ----------
    units
        Of frequencies in CSV, JSON and figure: ``cm-1``, ``THz`` or ``meV``.
    project
        ``element`` or ``site`` for a projected density of states; None for none.
    formats
        Any of `FORMATS`.
    plot
        Whether the figure is drawn.
    per
        Amount of substance in ``thermal_properties.csv``.
    temperatures
        Of the thermodynamics [K]; by default every 10 K to 1000 K, and 298.15 K.
    inset, mean
        Whether the figure shows the heat capacity, where there is room for it, and marks the mean
        frequency.
    """

    units: str = "cm-1"
    project: str | None = None
    formats: tuple[str, ...] = ("phonopy", "pymatgen")
    plot: bool = True
    per: str = "formula"
    temperatures: tuple[float, ...] = TEMPERATURES
    inset: bool = True
    mean: bool = True

    def __post_init__(self) -> None:
        per_wavenumber(self.units)
        known_basis(self.per)
        if self.project not in (None, "element", "site"):
            raise ConfigError(
                f"--project {self.project} is not known",
                "the density of states is projected by element or by site",
                "write --project element or --project site",
            )

    @property
    def projected(self) -> bool:
        """Whether a file needs the densities of states of the atoms."""
        return self.project is not None or "ncmat" in self.formats

    def check(self, prediction: "Prediction") -> None:
        """Raise `ConfigError` if a projection is wanted of a network that has none."""
        if self.project and prediction.dos.projected is None:
            raise ConfigError(
                f"--project {self.project}: {prediction.model} has no projected density of states",
                "this network predicts the total spectrum only",
                "choose another model with --model (phonodos models list), or leave --project out",
            )
        missing = {"ncmat": prediction.dos.projected, "euphonic": prediction.lattice}
        for name, found in missing.items():
            if name in self.formats and found is None:
                raise ConfigError(
                    f"--format {name}: {prediction.model} has no force constants for it",
                    "a total spectrum, or a mean over structures, does not tell how atoms move",
                    "choose a model of lattice dynamics (phonodos models list), or leave "
                    f"{name} out",
                )


def file_formats(text: str, known: Sequence[str] = FORMATS) -> tuple[str, ...]:
    """Return the formats in a text such as ``phonopy,csv``; raises `ConfigError` for others."""
    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ConfigError(
                f"--format {name} is not known",
                "results can be written as " + ", ".join(known),
                _fix(name, near),
            )
    return wanted


def _fix(name: str, near: Sequence[str]) -> str:
    if name == "html":
        return (
            "write what phonodos.report(...).to_html() returns, or phonodos predict --format html"
        )
    return f"did you mean {near[0]}?" if near else "choose among them, separated by commas"


def write_prediction(results: Results, prediction: "Prediction", wanted: Files) -> list[str]:
    """Write the files that were asked for and return their names.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    dos, crystal = prediction.dos, prediction.crystal
    columns = spectra.projections(dos, crystal, wanted.project) if wanted.project else {}
    thermal = prediction.thermal_properties(wanted.temperatures)
    title = f"{crystal.written_formula}, {crystal.n_atoms} atoms, {prediction.model}"
    if "phonopy" in wanted.formats:
        results.text("total_dos.dat", spectra.total_dos_text(dos, title))
        results.yaml("thermal_properties.yaml", spectra.thermal_properties_text(thermal, dos))
    if "phonopy" in wanted.formats and crystal.is_ordered and prediction.lattice is not None:
        from phonodos.prediction.phonopy_export import write_phonopy

        write_phonopy(results, prediction.lattice)
    if "euphonic" in wanted.formats and prediction.lattice is not None:
        from phonodos.prediction.phonopy_export import write_euphonic

        write_euphonic(results, prediction.lattice)
    if "phonopy" in wanted.formats and columns:
        results.text("projected_dos.dat", spectra.projected_dos_text(dos, columns, title))
    if "ncmat" in wanted.formats:
        from phonodos.results.ncmat import ncmat_text

        head = () if results.provenance is None else tuple(results.provenance.lines())
        results.plain(f"{results.folder.name}.ncmat", ncmat_text(crystal, dos, head))
    if "pymatgen" in wanted.formats:
        results.json("pymatgen_phonon_dos.json", spectra.pymatgen_record(dos), indent=None)
    if "csv" in wanted.formats:
        results.csv("dos.csv", *spectra.dos_table(dos, wanted.units, columns))
        table = spectra.thermal_table(thermal.per(wanted.per, crystal))
        results.csv("thermal_properties.csv", *table)
    if "json" in wanted.formats:
        results.json("dos.json", spectrum_record(prediction, wanted))
    if wanted.plot:
        _draw(results, prediction, wanted, columns)
    return results.written


def zipped(
    prediction: "Prediction",
    wanted: Files | None = None,
    name: str | None = None,
    place: Path | None = None,
) -> bytes:
    """Return the files that were asked for in one archive (zip), byte for byte as on the disk.

    The same prediction gives the same archive: its entries bear no date.

    Parameters
    ----------
    prediction
        What is written.
    wanted
        Which files; by default those of `phonodos predict`.
    name
        Of the crystal, as a folder of results would be called; by default what it is called.
    place
        Folder for a temporary one; by default that of the system.

    Raises
    ------
    ConfigError
        If a file is asked for that the network has nothing for.
    DataError
        If the system has no room for the files, which are written first.
    """
    wanted = Files() if wanted is None else wanted
    wanted.check(prediction)
    origin = (prediction.provenance or Provenance(prediction.model)).warned(prediction.warnings)
    content = BytesIO()
    with TemporaryDirectory(prefix="phonodos-", dir=place) as temporary:
        plain = file_name(name or prediction.crystal.label).encode()[:LONGEST_NAME]
        folder = Path(temporary) / plain.decode(errors="ignore")
        folder.mkdir()
        with ZipFile(content, "w", ZIP_DEFLATED) as archive:
            for entry in write_prediction(Results(folder, origin), prediction, wanted):
                info = ZipInfo(entry)  # of 1980: the date of the temporary file says nothing
                info.compress_type = ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, (folder / entry).read_bytes())
    return content.getvalue()


def _draw(
    results: Results, prediction: "Prediction", wanted: Files, columns: dict[str, Any]
) -> None:
    from phonodos.figures.spectra import plot_dos

    mean = prediction.intervals.get("mean_frequency")
    figure = plot_dos(
        prediction.dos,
        crystal_label=prediction.crystal.written_formula,
        unit=wanted.units,
        thermal=prediction.thermal_properties(wanted.temperatures) if wanted.inset else None,
        members=prediction.members,
        half_width=None if mean is None else mean.half_width,
        projected=columns,
        label=prediction.model,
        mean=wanted.mean,
    )
    results.figure("dos", figure)


def spectrum_record(prediction: "Prediction", wanted: Files) -> dict[str, Any]:
    """Return formula, model and spectrum as a dictionary fit for JSON."""
    columns = (
        spectra.projections(prediction.dos, prediction.crystal, wanted.project)
        if wanted.project
        else {}
    )
    return {
        "formula": prediction.crystal.written_formula,
        "model": prediction.model,
        **spectra.dos_record(prediction.dos, wanted.units, columns),
    }
