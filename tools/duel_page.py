"""docs/duel.md: our errors in the units of the benchmarks of universal potentials, beside theirs.

Ours are what `phonodos evaluate` put into docs/metrics; theirs stand in docs/metrics/duel.json,
each list with set, functional and source.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from phonodos.evaluation.card import Metrics, set_name
from phonodos.evaluation.measures import MEASURES, UNDEFINED, flatten, markdown_table

CELL = tuple(f"cell.{x}_mae" for x in ("max_frequency", "entropy", "free_energy", "heat_capacity"))
WD = "full.wd"
SECONDS = "speed.cpu_seconds"
OURS = "PBEsol"  # of both data sets
HERE = "docs/metrics"  # where our own values stand

INTRODUCTION = """\
What universal potentials are judged by, said of our weights: mean absolute errors of the highest
frequency, as a temperature, and of entropy, free energy and heat capacity at 300 K **per mole of
primitive cells** (everywhere else on these pages: of atoms), and the distance of the spectra. Made
by `make cards` from docs/metrics; not edited by hand."""

DIFFERENCES = """\
**The rows are not of one examination.** What differs:

- *Materials.* Ours are parts of dfpt2018 and phonondb2018 that were kept aside. Theirs are some ten
  thousand crystals of a later state of the same database. Errors per cell grow with the cell, so
  they depend on the set: see the groups.
- *Functional.* Our references are PBEsol, theirs PBE, and each is what the model was taught.
  Neither row says which is closer to experiment.
- *Cells.* We take the crystal as it is given, relaxed by DFT, and predict force constants. A
  potential first relaxes cell and atoms to its own minimum: its error in the lattice constant is in
  its row, and ours in a cell that somebody has got wrong is not in ours.
- *What was seen.* Of phonondb2018 no formula that we are judged on was trained on, of dfpt2018 some
  were (group "formula not in train"). Of theirs, relaxations of judged crystals are in some
  training sets.
- *What else they can do.* A potential gives energies, forces, relaxation, molecular dynamics and
  anharmonicity. We give the harmonic phonons of a known structure.
- *Time.* Ours: processor time a material, all threads, from the structure to spectrum and verdict.
  Theirs: time of a GPU, with relaxation and displacements. Different machines: an order of
  magnitude."""

DISTANCE = """\
That of Wasserstein, between spectra of unit integral on their whole axis. On the 103 binaries the
spectra of PBEsol itself are 8.1 cm^-1 away from those of PBE: closer than that a perfect network of
PBEsol would not come. Two of them, CuH, are off by 89 cm^-1 in the row of `lattice`."""

COMMANDS = """\
## How to make it again
For every released weight and data set, then `make cards`:

    phonodos evaluate NAME --data DATASET --split split_phonondb.json --part valid -o OUT
    cp OUT/metrics.json docs/metrics/NAME/phonondb-valid.json

and the same with `--part test` (phonondb-test.json) and with dfpt2018 (valid.json, test.json). Test
is looked at once for every released weight. This page shows `cell`, `full.wd` and `speed` of those
files; a file without `cell` is left out. Others' figures: docs/metrics/duel.json."""


def duel_page(released: Mapping[str, Sequence[Metrics]], others: Mapping[str, Any]) -> str:
    """Return docs/duel.md.

    Parameters
    ----------
    released
        Name -> evaluations; those of networks of spectra, and older ones without errors per cell,
        are left out.
    others
        ``thermodynamics`` and ``spectrum``, each with ``set``, ``functional``, ``source`` and
        ``models`` (values by the names of `MEASURES`, and under ``seen`` where they were found).
    """
    judged = [
        (name, metrics) for name, found in released.items()
        for metrics in found if "cell" in metrics and "lattice" in metrics
    ]  # fmt: skip
    parts = [
        "# The duel",
        INTRODUCTION,
        "## Highest frequency, entropy, free energy, heat capacity",
        _thermodynamics(judged, others["thermodynamics"]),
        f"Theirs: {others['thermodynamics']['source']}.",
        DIFFERENCES,
        "## Distance of spectra",
        _distances(judged, others["spectrum"]),
        f"Theirs: {others['spectrum']['source']}.",
        DISTANCE,
        "## By group",
        *(f"### {name}, {set_name(metrics)}\n\n{_groups(metrics)}" for name, metrics in judged),
        COMMANDS,
    ]
    return "\n\n".join(parts) + "\n"


def _thermodynamics(judged: Sequence[tuple[str, Metrics]], others: Mapping[str, Any]) -> str:
    rows = []
    for name, metrics in judged:
        found = flatten(metrics)
        cells = [MEASURES[key].show(found.get(key)) for key in CELL]
        seconds = MEASURES[SECONDS].show(found.get(SECONDS))
        spent = seconds if seconds == UNDEFINED else f"{seconds} CPU"
        rows.append([f"**{name}**", set_name(metrics), OURS, *cells, spent, HERE])
    for model in others["models"]:
        cells = [MEASURES[key].as_given(model.get(key)) for key in CELL]
        about = [model["model"], others["set"], others["functional"]]
        rows.append([*about, *cells, model["seconds"], model["seen"]])
    measured = [MEASURES[key].head for key in CELL]
    head = ["model", "judged on", "functional", *measured, "time [s]", "seen in"]
    return markdown_table(head, rows, words=3)


def _distances(judged: Sequence[tuple[str, Metrics]], others: Mapping[str, Any]) -> str:
    rows = [
        [f"**{name}**", set_name(m), OURS, MEASURES[WD].show(flatten(m).get(WD)), HERE]
        for name, m in judged
    ]
    rows += [
        [m["model"], others["set"], others["functional"], MEASURES[WD].as_given(m[WD]), m["seen"]]
        for m in others["models"]
    ]
    head = ["model", "judged on", "functional", MEASURES[WD].head, "seen in"]
    return markdown_table(head, rows, words=3)


def _groups(metrics: Metrics) -> str:
    rows = []
    for name, group in {"all": metrics, **metrics.get("groups", {})}.items():
        found = flatten(group)
        cells = [MEASURES[key].show(found.get(key)) for key in (*CELL, WD)]
        rows.append([name, str(group["n"]), *cells])
    return markdown_table(["group", "n", *(MEASURES[k].head for k in (*CELL, WD))], rows)
