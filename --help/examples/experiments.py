"""Predictions for materials whose spectra have been measured by inelastic scattering.

    python examples/experiments.py -o experiments
    python examples/experiments.py --model lattice --data dfpt2018.parquet

Prints a table (peaks at a resolution of 20 cm^-1, cut-off, gap, which elements training saw) and
draws experiments.png and .pdf. Literature values are drawn where they are stated in numbers; no
published curve is copied. DFPT curves of SrTiO3 and ZrSiO4 are added where a data set with them is
given.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import phonodos
from phonodos.datasets.dataset import Dataset
from phonodos.figures.comparison import Overlay, plot_comparisons
from phonodos.figures.spectra import save_figure
from phonodos.physics.curve import Curve
from phonodos.physics.neutron import curve_of, neutron_curve
from phonodos.physics.thermodynamics import left_out
from phonodos.physics.units import MEV_PER_WAVENUMBER

RESOLUTION = 20.0  # [cm^-1], FWHM at which peaks are told apart
FOLDER = Path(__file__).with_name("experiments")
MATERIALS = (
    "UO2", "SrTiO3", "SrTiO3_cubic", "ZrSiO4", "Nd2CuO4", "Bi2Te3", "Sb2Te3", "Bi2Se3",
)  # fmt: skip

# As stated in the neutron and nuclear-resonance literature [cm^-1]; no other numbers are known.
PEAKS = {
    "UO2": (100.0, 161.0, 258.0, 449.0, 561.0),  # 300 K; cut-off 645
    "Bi2Te3": (13.0 / MEV_PER_WAVENUMBER,),  # of tellurium, 13 meV
}
CUT_OFFS = {"UO2": 645.0}
GAPS = {"SrTiO3": (70.0 / MEV_PER_WAVENUMBER, 90.0 / MEV_PER_WAVENUMBER)}
CALCULATED = {"SrTiO3": "mp-4651", "ZrSiO4": "mp-4820"}  # ids in dfpt2018


def main(words: Sequence[str] | None = None) -> None:
    """Predict, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", nargs="*", default=["lattice", "chen2021"], help="names or paths"
    )
    parser.add_argument("--data", type=Path, help="Parquet data set with DFPT spectra (dfpt2018)")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments"), help="folder")
    options = parser.parse_args(words)
    options.output.mkdir(parents=True, exist_ok=True)
    calculated = {} if options.data is None else _calculated(options.data)
    curves: dict[str, dict[str, Curve]] = {name: {} for name in MATERIALS}
    lines = [_header()]
    for model in options.model:
        lines += _study(model, curves)
    for name, curve in calculated.items():
        lines.append(_line(name, "DFPT", curve, "", ""))
    overlays = [_overlay(name, curves[name], calculated.get(name)) for name in MATERIALS]
    figure = plot_comparisons(overlays)
    for suffix in ("png", "pdf"):
        save_figure(figure, options.output / f"experiments.{suffix}")
    table = "\n".join(lines)
    (options.output / "experiments.md").write_text(table + "\n", encoding="utf-8")
    print(table)


def _study(model: str, curves: dict[str, dict[str, Curve]]) -> list[str]:
    """Add the predictions of one model to `curves` and return its lines of the table."""
    predictor = phonodos.load(model, project=True)
    seen: dict[str, int] = predictor.header["training_elements"]
    lines = []
    paths = [FOLDER / f"{name}.cif" for name in MATERIALS]
    for name, p in zip(MATERIALS, predictor.predict_many(paths), strict=True):
        curve = curve_of(p.dos)
        curves[name][predictor.name] = curve
        if p.dos.projected is not None:
            curves[name][f"{predictor.name}, neutron"] = neutron_curve(p.dos, p.crystal)
        rare = ", ".join(
            f"{s} in {seen.get(s, 0)}" if seen.get(s, 0) else f"{s} never seen"
            for s in sorted(p.crystal.composition, key=lambda s: seen.get(s, 0))[:1]
        )
        imaginary = f"{100 * left_out(p.dos):.1f} %"
        lines.append(_line(name, predictor.name, curve, imaginary, rare))
    return lines


def _header() -> str:
    head = "| material | source | peaks (cm^-1) | cut-off | gap | imaginary | rarest element |"
    return head + "\n|---|---|---|---|---|---|---|"


def _line(name: str, source: str, curve: Curve, imaginary: str, rare: str) -> str:
    fine = curve.frequencies[1] - curve.frequencies[0] < RESOLUTION / 2
    seen = curve.broadened(constant=RESOLUTION) if fine else curve
    peaks = ", ".join(f"{w:.0f}" for w in seen.peaks())
    gap = curve.largest_gap()
    shown = "none" if gap is None else f"{gap[0]:.0f} to {gap[1]:.0f}"
    cells = [name, source, peaks, f"{curve.cut_off():.0f}", shown, imaginary, rare]
    return "| " + " | ".join(cells) + " |"


def _calculated(path: Path) -> dict[str, Curve]:
    data = Dataset.open(path)
    names = {name: ids for name, ids in CALCULATED.items() if ids in set(data.ids)}
    chosen = data.select(names.values())
    return {name: curve_of(chosen.dos(k)) for k, name in enumerate(names)}


def _overlay(name: str, predicted: dict[str, Curve], calculated: Curve | None) -> Overlay:
    notes = [f"measured cut-off {CUT_OFFS[name]:.0f} cm$^{{-1}}$"] if name in CUT_OFFS else []
    formula, _, kind = name.partition("_")
    title = f"{formula} ({kind})" if kind else formula
    return Overlay(
        title, predicted, calculated, "DFPT", PEAKS.get(name, ()), GAPS.get(name), tuple(notes)
    )


if __name__ == "__main__":
    main()
