"""`Prediction`: what a network says of one crystal, and how far it is to be trusted."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from phonodos.errors import PhonodosWarning as PhonodosWarning
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import ThermalProperties, thermal_properties
from phonodos.prediction.uncertainty import Calibration, Interval, intervals
from phonodos.results.provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.phonon.dos import PhononDos as PymatgenDos

    from phonodos.prediction.lattice_dynamics import LatticeDynamics
    from phonodos.prediction.stability import Stability


SHOWN = {  # digits of what is shown of a prediction
    "mean_frequency": 0,
    "max_frequency": 0,
    "heat_capacity": 2,
    "entropy": 2,
    "heat_capacity_298": 2,
    "entropy_298": 2,
    "zero_point_energy": 2,
    "debye_temperature": 0,
}


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What a network says of one crystal.

    Attributes
    ----------
    crystal
        The crystal as given.
    dos
        Density of states of the **given** cell, integral 3N.
    lattice
        Force constants, Born charges and dielectric tensor, in the primitive cell; None for
        networks that predict a spectrum only.
    model
        Name of the weights.
    warnings
        Reasons to trust the answer less, in plain words.
    members
        Spectra of the members of an ensemble, whose mean `dos` is; empty for a single network.
    calibrations
        What the weight file says of the errors of such predictions; see `intervals`.
    outside
        Why no interval is stated: bonds that training never held, or none of the elements, sites
        shared by elements, a metal, an unstable crystal, means over crystals; of networks that
        predict a spectrum also states above its end and hydrogen. There the reference lay inside
        far less often than the intervals say, or nothing is known of it.
    stability
        Whether the crystal is predicted to be stable, by the lowest frequency anywhere; None for
        networks that predict a spectrum only, and for means over structures.
    member_lattices
        Lattice dynamics of every member of an ensemble, of whose tensors `lattice` is the mean;
        empty for a single network.
    provenance
        Which program and weights the numbers come from, for the heads of files; None for weights
        that came from no file.
    """

    crystal: Crystal
    dos: PhononDos
    lattice: "LatticeDynamics | None"
    model: str
    warnings: tuple[str, ...]
    members: tuple[PhononDos, ...] = ()
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    stability: "Stability | None" = None
    member_lattices: "tuple[LatticeDynamics, ...]" = ()
    provenance: Provenance | None = None

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """90 % intervals of ``mean_frequency`` [cm^-1] and C_V(300 K) [J/(K mol of atoms)].

        ``heat_capacity`` is the key of the second. Empty for weights that were not calibrated with
        this number of members, and where such intervals do not hold (`outside`).
        """
        if self.outside:
            return {}
        return intervals(self.dos, self.members, self.calibrations)

    @property
    def max_frequency(self) -> float:
        """Largest frequency [cm^-1]: of an ensemble the mean over its members, not smoothed."""
        return self.dos.largest_frequency

    @cached_property
    def max_frequency_spread(self) -> float | None:
        """Standard deviation (n - 1) of the members' largest frequencies [cm^-1]; None of one."""
        if len(self.members) < 2:
            return None
        return float(np.std([member.largest_frequency for member in self.members], ddof=1))

    def thermal_properties(self, temperatures: ArrayLike) -> ThermalProperties:
        """Return heat capacity, entropy, energies at temperatures [K], per mole of cells."""
        return thermal_properties(self.dos, np.atleast_1d(np.asarray(temperatures, dtype=float)))

    def to_dict(self, units: str = "cm-1", per: str = "formula") -> dict[str, Any]:
        """Return numbers, warnings and spectrum as a dictionary fit for JSON.

        Parameters
        ----------
        units
            Of frequencies: ``cm-1``, ``THz`` or ``meV``.
        per
            Amount of substance: ``atom``, ``formula``, ``cell``, ``kg`` or ``cm3``.

        Raises
        ------
        ConfigError
            If unit or amount is unknown.
        """
        from phonodos.prediction.record import prediction_record
        from phonodos.results.spectra import dos_record

        return {
            "model": self.model,
            **prediction_record(self, units, per),
            "warnings": list(self.warnings),
            "dos": dos_record(self.dos, units, {}),
        }

    def to_pymatgen(self) -> "PymatgenDos":
        """Return the density of states as pymatgen's object [THz, states/THz per cell].

        Raises
        ------
        ConfigError
            If pymatgen is not installed.
        """
        from phonodos.results.spectra import pymatgen_record
        from phonodos.structures.objects import require_pymatgen

        require_pymatgen("its phonon density of states")
        from pymatgen.phonon.dos import PhononDos as PymatgenDos

        return PymatgenDos.from_dict(pymatgen_record(self.dos))

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        unit: str = "cm-1",
        inset: bool = True,
        mean: bool = True,
    ) -> "Axes":
        """Draw the density of states as `phonodos predict` does; return the axes.

        Parameters
        ----------
        ax
            Axes to draw into; a figure of one column is made without.
        unit
            ``cm-1``, ``THz`` or ``meV``.
        inset
            Whether the heat capacity is drawn where there is room for it.
        mean
            Whether the mean frequency is marked.

        Raises
        ------
        ConfigError
            If the unit is unknown.
        """
        from phonodos.figures.spectra import draw_dos, plot_dos

        sure = self.intervals.get("mean_frequency")
        wanted: dict[str, Any] = {
            "crystal_label": self.crystal.written_formula,
            "unit": unit,
            "thermal": self.thermal_properties(np.arange(0.0, 601.0, 10.0)) if inset else None,
            "members": self.members,
            "half_width": None if sure is None else sure.half_width,
            "label": self.model,
            "mean": mean,
        }
        if ax is None:
            return plot_dos(self.dos, **wanted).axes[0]
        draw_dos(ax, self.dos, **wanted)
        return ax

    def save(
        self, folder: str | Path, *, formats: Sequence[str] = ("phonopy", "pymatgen"), **wanted: Any
    ) -> list[str]:
        """Write what `phonodos predict` writes into a folder; return the names of the files.

        Parameters
        ----------
        folder
            Made where it is not there.
        formats
            Any of ``phonopy``, ``pymatgen``, ``csv``, ``json``.
        wanted
            Further fields of `phonodos.prediction.files.Files`, such as ``units`` and ``plot``.

        Raises
        ------
        ConfigError
            If a format, unit or projection is not known.
        DataError
            If folder or file cannot be written.
        """
        from phonodos.files import refused
        from phonodos.prediction.files import Files, file_formats, write_prediction
        from phonodos.results.desk import Results

        files = Files(formats=file_formats(",".join(formats)), **wanted)
        files.check(self)
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(Path(folder), error) from error
        origin = self.provenance or Provenance(self.model)
        return write_prediction(Results(Path(folder), origin.warned(self.warnings)), self, files)

    def __repr__(self) -> str:
        return f"<Prediction of {self.crystal.label} ({self.crystal.n_atoms} atoms), {self.model}>"

    def __str__(self) -> str:
        """Return the numbers in some ten lines, thermodynamics per formula unit."""
        rows = [f"{name:<18}{value} {unit}" for name, value, unit in self._rows()]
        return "\n".join([self._title, *rows, *(f"warning: {text}" for text in self.warnings)])

    def _repr_html_(self) -> str:
        """Return table and figure for a notebook."""
        from phonodos.figures.spectra import figure_bytes

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(value)}</td><td>{escape(unit)}</td></tr>"
            for name, value, unit in self._rows()
        )
        notes = "".join(f"<p>warning: {escape(text)}</p>" for text in self.warnings)
        figure = self.plot().get_figure(root=True)
        assert figure is not None
        picture = b64encode(figure_bytes(figure, "png")).decode()
        return (
            f"<div><p><b>{escape(self._title)}</b></p><table>{rows}</table>{notes}"
            f'<img alt="phonon density of states" src="data:image/png;base64,{picture}"></div>'
        )

    @property
    def _title(self) -> str:
        crystal = self.crystal
        return f"{crystal.written_formula}, {crystal.n_atoms} atoms per cell; {self.model}"

    def _rows(self) -> list[tuple[str, str, str]]:
        """Return name, value with its half width, and unit of what is shown."""
        from phonodos.prediction.record import prediction_record

        found = prediction_record(self)
        shown = []
        for name, digits in SHOWN.items():
            value, unit = (found[name][key] for key in ("value", "unit"))
            interval = found["intervals"].get(name)
            sure = "" if interval is None else f" +- {interval['half_width']:.{digits}f}"
            shown.append(
                (name.removesuffix("_298").replace("_", " "), f"{value:.{digits}f}{sure}", unit)
            )
        if self.stability is not None:
            chance = self.stability.probability
            sure = "" if chance is None else f" (p of unstable {chance:.2f})"
            lowest = f"lowest frequency {self.stability.lowest:z.0f} cm-1"
            shown.append(("stability", f"{self.stability.verdict}{sure};", lowest))
        return shown
