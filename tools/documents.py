"""Write the documents with numbers: cards, docs/accuracy.md, docs/duel.md, groups, the README.

    python tools/documents.py [FOLDER OF THE REPOSITORY]

All are made from docs/metrics: ``<name>/<evaluation>.json``, the metrics.json of `evaluate` for
every released weight, ``rivals.json`` and ``duel.json``, values of others with their sources, and
``learning_curves.json``, what benchmarks/voxel_cnn.py and learning_curves.py printed.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from duel_page import duel_page
from phonodos.errors import DataError
from phonodos.evaluation.card import Metrics, card, group_table, read_metrics, set_name
from phonodos.evaluation.measures import (
    BRANCHES,
    HEADLINE,
    MEASURES,
    QUANTITIES,
    TEMPERATURES,
    flatten,
    markdown_table,
)
from phonodos.files import write_text
from phonodos.model.weights import known_as, read_header, stored_bits
from phonodos.prediction.predictor import DEFAULT_WEIGHTS

WEIGHTS = Path("src/phonodos/weights")
METRICS = Path("docs/metrics")
PAGE = Path("docs/accuracy.md")
DUEL = Path("docs/duel.md")
README = Path("README.md")
ACCURACY, VERDICTS = "accuracy", "stability"  # parts of the README
ORDER = ("test", "valid", "train")  # of evaluations
GENERATED = "Made by `make cards` from docs/metrics; not edited by hand."

PAIR = ("ratio", "error")  # of sound

Released = Mapping[str, Sequence[Metrics]]  # name -> evaluations


def documents(root: Path) -> dict[Path, str]:
    """Return the text that every generated document below `root` should have.

    Raises
    ------
    DataError
        If a released weight has no evaluation, an evaluation is of another weight file than the
        released one, or the README has no place for the table.
    """
    found: dict[Path, str] = {}
    released: dict[str, list[Metrics]] = {}
    exams: dict[str, Sequence[Any]] = {}
    for path in sorted((root / WEIGHTS).glob("*.safetensors")):
        released[path.stem] = evaluations(root / METRICS / path.stem, path)
        header = read_header(path)
        exams[path.stem] = () if header.strain is None else header.strain.exams
        found[WEIGHTS / f"{path.stem}.md"] = card(
            header, released[path.stem], size=path.stat().st_size, bits=stored_bits(path)
        )
    rivals = _read(root / METRICS / "rivals.json")
    learned = root / METRICS / "learning_curves.json"
    found[PAGE] = accuracy_page(released, rivals, exams)
    duel = root / METRICS / "duel.json"
    if duel.is_file():
        found[DUEL] = duel_page(released, _read(duel))
    found |= {METRICS / f"{name}.md": groups_page(name, of) for name, of in released.items()}
    if learned.is_file():
        found[learned.relative_to(root).with_suffix(".md")] = curves_page(_read(learned))
    text = (root / README).read_text(encoding="utf-8")
    text = with_part(text, VERDICTS, readme_verdicts(released))
    found[README] = with_part(text, ACCURACY, readme_table(released, rivals))
    return found


def evaluations(folder: Path, weights: Path) -> list[Metrics]:
    """Return the evaluations in a folder, test first; all must be of the weight file given."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise DataError(
            f"no evaluation of {weights.name} in {folder}",
            "every released weight needs its metrics",
            f"phonodos evaluate {weights.stem} --data DATASET --part valid -o FOLDER, "
            f"then copy metrics.json to {folder}/valid.json",
        )
    found = [read_metrics(path) for path in paths]
    known = known_as(weights)
    for path, metrics in zip(paths, found, strict=True):
        if metrics.get("weights_sha256") not in known:
            raise DataError(
                f"{path} is not an evaluation of {weights}",
                "the SHA-256 of the weights it was made with is another one",
                "evaluate the released weights again and copy metrics.json there",
            )
    return sorted(found, key=_place)


def readme_table(released: Released, rivals: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of the README: the default weights on test, and rivals marked for it.

    All weights where the default ones are not among them; valid where none was tested.
    """
    rows = []
    default = {n: found for n, found in released.items() if n == DEFAULT_WEIGHTS}
    for name, found in (default or released).items():
        tested = [m for m in found if m.get("part") == "test"]
        rows += [_row(f"**{name}**", set_name(m), flatten(m)) for m in tested or found]
    rows += [_rival(r) for r in rivals if r.get("readme")]
    return "\n\n".join(
        [
            _table(rows),
            _bases(HEADLINE) + " All weights, others and definitions: "
            "[docs/accuracy.md](docs/accuracy.md).",
        ]
    )


def accuracy_page(
    released: Released,
    rivals: Sequence[Mapping[str, Any]],
    exams: Mapping[str, Sequence[Any]] | None = None,
) -> str:
    """Return docs/accuracy.md; `exams` on strain by the name of the weights."""
    rows = [
        _row(f"**{name}**", set_name(m), flatten(m))
        for name, found in released.items()
        for m in found
    ]
    parts = [
        "# Accuracy",
        GENERATED,
        "## Released weights",
        _table(rows),
        _bases(HEADLINE),
        DEFINITIONS,
        "## Others",
        "Their own values, with the set each was measured on. Sets differ; so do small choices of "
        "the target. A dash: not given. Universal potentials, in their units: [the duel](duel.md).",
        _table([_rival(r) for r in rivals]),
        "## Intervals",
        INTERVALS,
        _intervals(released),
        *_stability(released),
        *_sound(released),
        *_temperatures(released),
        *_strain(exams or {}),
        *_static(released),
        "## Groups, gaps and cut-off",
        "By number of atoms, by element, by quartile of the error and more, with what became of "
        "gaps and cut-off, a page for each of the released weights: "
        + ", ".join(f"[{name}]({METRICS.name}/{name}.md)" for name in released)
        + ".",
    ]
    return "\n\n".join(parts) + "\n"


def groups_page(name: str, found: Sequence[Metrics]) -> str:
    """Return the page of groups of one of the released weights."""
    parts = [
        f"# {name}: groups",
        GENERATED,
        "Headline measures of every group of materials; whether gaps and cut-off survive in poor "
        "predictions stands beside the quartiles of the MSE (1: the best predictions). What the "
        "measures are: [accuracy](../accuracy.md).",
        _bases(HEADLINE),
        *(f"## {set_name(m)}\n\n{group_table(m)}" for m in found),
    ]
    return "\n\n".join(parts) + "\n"


def curves_page(curves: Mapping[str, Any]) -> str:
    """Return the page of the voxel network and the learning curves, MSE own-max on valid."""
    turned = [[r["training"], f"{r['stored']:.4f}", f"{r['turned']:.4f}"] for r in curves["voxels"]]
    grown = [
        [r["network"], str(r["crystals"]), str(r["epochs"]), f"{r['mse']:.4f}"]
        for r in curves["curves"]
    ]
    head = ["voxel network, trained", "cells as stored", "cells turned at random"]
    sizes = ["network", "training crystals", "passes", "MSE"]
    parts = [
        "# Learning curves",
        GENERATED,
        curves["note"],
        markdown_table(head, turned, words=1),
        markdown_table(sizes, grown, words=1),
    ]
    return "\n\n".join(parts) + "\n"


def _strain(exams: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the section of exams on strain; nothing where no weights sat one."""
    rows = [
        [f"**{name}**", exam.name, exam.formula, str(exam.states)]
        + [f"{value:.2f}" for value in (exam.gamma, exam.gamma_dft)]
        for name, sat in exams.items()
        for exam in sat
    ]
    if not rows:
        return []
    head = ["model", "exam", "crystal", "cells", "gamma", "DFT"]
    return [
        "## Strain",
        "Grueneisen parameters of the mean frequency, gamma = -d ln wbar / d ln V, a straight line "
        "through all cells of an exam. Other structure types can err more: [strain](strain.md).",
        markdown_table(head, rows, words=3),
    ]


def _temperatures(released: Released) -> list[str]:
    """Return the section of C_V and S by temperature; nothing where no evaluation judged them."""
    rows = []
    for name, found in released.items():
        for metrics in found:
            for quantity, symbol in (("heat_capacity", "C_V"), ("entropy", "S")):
                values = flatten(metrics)
                keys = [f"thermal.{quantity}.{t}" for t in TEMPERATURES]
                if "thermal" in metrics:
                    cells = [MEASURES[key].show(values.get(key)) for key in keys]
                    rows.append([f"**{name}**", set_name(metrics), symbol, *cells])
    if not rows:
        return []
    head = ["model", "judged on", "quantity", *(f"{t} K [%]" for t in TEMPERATURES)]
    text = (
        "Relative error of C_V and S, median over materials whose reference is stable. A dash: "
        "the references of dfpt2018 have steps of 1 cm^-1 and say nothing below 10 K."
    )
    return ["## Temperature", text, markdown_table(head, rows, words=3)]


def _stability(released: Released) -> list[str]:
    """Return the section of stability; nothing where no evaluation judged it."""
    found = {
        f"{name}, {set_name(m)}": flatten(m)
        for name, evaluated in released.items()
        for m in evaluated
        if "stability" in m
    }
    if not found:
        return []
    shown = set().union(*found.values())
    keys = [key for key in MEASURES if key.startswith("stability.") and key in shown]
    rows = [
        [MEASURES[key].head, *(MEASURES[key].show(column.get(key)) for column in found.values())]
        for key in keys
    ]
    return [
        "## Stability",
        "Verdicts beside references, a reference being unstable if it has a mode below -20 cm^-1; "
        "old rule: more than 1 % of the states below -10 cm^-1. Calibrated on valid, which "
        "flatters its own rows; [stability](stability.md) says how, and has valid by materials "
        "left out. Valid and test of phonondb2018 were picked: hardly one is unstable.",
        markdown_table(["materials", *found], rows),
    ]


def _sound(released: Released) -> list[str]:
    """Return the section of sound; nothing where no evaluation had references of it."""
    rows = []
    for name, found in released.items():
        for metrics in found:
            if "sound" in metrics:
                values = flatten(metrics)
                keys = ["materials", "waves", *(f"{x}.{k}" for k in BRANCHES for x in PAIR)]
                cells = [MEASURES[f"sound.{key}"].show(values.get(f"sound.{key}")) for key in keys]
                rows.append([f"**{name}**", set_name(metrics), *cells])
    if not rows:
        return []
    head = ["model", "judged on", "materials", "wave vectors"]
    head += [f"branch {k}: {x}" for k in BRANCHES for x in ("ratio", "error")]
    return [
        "## Sound",
        "The three lowest branches at long waves, predicted over reference: median ratio, and "
        "median distance of the ratio from 1. References are the DFPT bands of dfpt2018, at the "
        "wave vectors of their path with 0.06 < |q| < 0.2 1/A where no branch is below 5 cm^-1. "
        "It is not judged on phonondb2018, whose constants are stored up to 7 A. How far two "
        "calculations agree: [where the error is](decisions/0017-where-the-error-is.md).",
        markdown_table(head, rows, words=2),
    ]


def _static(released: Released) -> list[str]:
    """Return the section of eps_0; nothing where no evaluation had references of it."""
    keys = [f"lattice.static_{name}" for name in ("materials", "soft", "error", "rank")]
    rows = []
    for name, found in released.items():
        for metrics in found:
            values = flatten(metrics)
            if values.get(keys[0]):
                cells = [MEASURES[key].show(values.get(key)) for key in keys]
                rows.append([f"**{name}**", set_name(metrics), *cells])
    if not rows:
        return []
    head = ["model", "judged on", "materials", "predicted soft", "median relative error",
            "Spearman's rank correlation"]  # fmt: skip
    return [
        "## Static dielectric constant",
        "A third of the trace of eps_0 of the clamped cell: eps_inf and what the modes at Gamma "
        "add, from predicted force constants, Born charges and eps_inf; nothing was trained on "
        "eps_0. Materials whose reference has sound Born charges and eps_inf, and no imaginary "
        "mode; predicted soft: more of them, left out since the prediction has no eps_0 (an optic "
        "mode at Gamma below 1 cm^-1).",
        markdown_table(head, rows, words=2),
    ]


INTERVALS = """\
How often the reference lay inside the stated 90 % interval, with the binomial error of that share,
and the mean half width. None is stated where bonds or all elements were never seen in training,
for sites shared by elements, for metals and for crystals called unstable; by `chen2021` neither
for hydrogen and bonds that vibrate above 1000 cm^-1.
The factors are fitted on materials that had no say in the epoch of any member: the valid part of
phonondb2018; the epochs were chosen on that of dfpt2018. phonondb2018's valid spoke once about
members: a candidate that had seen the paper's data alone was left out of `lattice`, since it did
worse there (docs/decisions/0004); of `lattice-paper` and `chen2021` it chose nothing. Its own rows
are those of the fit and have nine of ten by construction."""

DEFINITIONS = """\
- **own-max**: reference and prediction each divided by their own maximum, on 51 points from 0 to
  1000 cm^-1, after a Savitzky-Golay filter of 101 points on the 1 cm^-1 axis.
- **R2** = 1 - SSE / SST over all points of all materials, SST about the grand mean. Other
  definitions are in use; they move the same predictions by some hundredths.
- **WD** = 20 cm^-1 x sum of |cumulative difference| of the unit-sum spectra.
- **wbar**: mean frequency of the 51 points; the share within 10 % of the reference.
- **C_V(300 K) on the full axis**: the reference with all its states, those above 1000 cm^-1 too;
  the prediction as released, 3N states. A spectrum that ends at 1000 cm^-1 loses here on light
  elements; the cards also give it with both spectra cut there.
- **gap**: the widest run of two or more points below 0.02 own-max between points above;
  **cut-off**: the last point >= 0.02 own-max.
- **Reference and prediction take one road** from frequencies to a spectrum
  (docs/decisions/0005). Release 0.1 had two, and its own numbers held their difference: for the
  same weights (`lattice`, phonondb2018 test) MSE 0.0082 and WD 7.4 then, 0.0080 and 7.2 now; on
  dfpt2018 test 0.0081 and 7.1 then, 0.0079 and 6.8 now, where only the prediction's side moved. A
  corrected ruler, read again on released weights: nothing was chosen by it.
- Means are over materials; nothing is left out except failures, which are counted.
- The best epoch is chosen on valid (of `lattice` the last is taken, settings were chosen there), so
  scores on valid flatter; test is looked at once for every
  released weight, and for one candidate more of `lattice-paper` (docs/decisions/0025)."""


def readme_verdicts(released: Released) -> str:
    """Return what verdicts of stability were worth on every test part, for the README."""
    told = []
    for found in (released.get(name, ()) for name in (DEFAULT_WEIGHTS, *sorted(released))):
        judged = [m for m in found if m.get("part") == "test" and "stability" in m]
        for metrics in judged:
            verdict = metrics["stability"]["verdict"]
            unstable, stable = (
                sum(verdict[f"{kind}_{said}"] for said in ("unstable", "unsure", "stable"))
                for kind in ("unstable", "stable")
            )
            unsure, alarms = verdict["unstable_unsure"], verdict["stable_unstable"]
            told.append(
                f"- {set_name(metrics)}: of {unstable} unstable ones "
                f"{verdict['unstable_stable']} called stable, {unsure} unsure; of {stable} stable "
                f"ones {alarms} called unstable"
            )
        if judged:
            break
    return "\n".join(f"  {line}" for line in told)


def with_part(text: str, name: str, content: str) -> str:
    """Return a README with `content` between the markers of a part.

    Raises
    ------
    DataError
        If there is not exactly one pair of markers, in order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise DataError(
            f"{README} has no place for {name}",
            f"one line {begin} and one line {end} after it are expected",
            "put both lines where it should stand",
        )
    head, rest = text.split(begin)
    after = rest.split(end)[1]
    indent = head[len(head.rstrip(" ")) :]
    return f"{head}{begin}\n{content}\n{indent}{end}{after}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = ["model", "judged on", *(MEASURES[key].head for key in HEADLINE)]
    return markdown_table(head, rows, words=2)


def _row(model: str, judged_on: str, values: Mapping[str, Any]) -> list[str]:
    return [model, judged_on, *(MEASURES[key].show(values.get(key)) for key in HEADLINE)]


def _rival(values: Mapping[str, Any]) -> list[str]:
    """Return the row of somebody else's values, as they gave them: no digits are added."""
    cells = [MEASURES[key].as_given(values.get(key)) for key in HEADLINE]
    return [values["model"], f"{values['set']}; {values['source']}", *cells]


def _bases(keys: Sequence[str]) -> str:
    by_basis: dict[str, list[str]] = {}
    for key in keys:
        by_basis.setdefault(MEASURES[key].basis, []).append(MEASURES[key].label)
    return "; ".join(f"{', '.join(names)}: {basis}" for basis, names in by_basis.items()) + "."


def _intervals(released: Released) -> str:
    rows = []
    for name, found in released.items():
        for metrics in found:
            for key, found_of in metrics.get("intervals", {}).items():
                measure = MEASURES[f"intervals.{key}.half_width"]
                error = 100 * found_of["coverage_error"]
                share = f"{100 * found_of['coverage']:.0f} +- {error:.0f} %"
                width = f"{measure.show(found_of['half_width'])} {measure.unit}"
                stated = str(found_of.get("stated", metrics["n"]))
                cells = [QUANTITIES[key], stated, share, width]
                rows.append([f"**{name}**", set_name(metrics), *cells])
    head = ["model", "judged on", "quantity", "stated for", "inside", "mean half width"]
    return markdown_table(head, rows, words=3)


def _place(metrics: Metrics) -> tuple[int, list[str]]:
    part = str(metrics.get("part", ""))
    return (ORDER.index(part) if part in ORDER else len(ORDER), list(metrics.get("data", [])))


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main(root: Path) -> None:
    """Write every generated document below `root` anew."""
    for path, text in documents(root).items():
        write_text(root / path, text)
        print(f"written: {path}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="of the repository")
    main(parser.parse_args().root)
