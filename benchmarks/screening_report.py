"""What docs/screening.md says of the real screening: rates, top 20, shares, agreement with DFT.

RESULTS is the table that `phonodos screen` made of the structures, at 293.15 K among others;
STRUCTURES the JSON lines it was made of (flag `in_paper_screening`); DATASET and SPLIT, if given,
those of phonondb, of which the parts valid and test are compared where the table holds them.

    phonodos screen STRUCTURES -o RESULTS --temperatures 293.15
    python benchmarks/screening_report.py RESULTS STRUCTURES DATASET SPLIT

A sample of the structures whose formulas neither the weights nor the paper's were trained on (where
time is short; the flag `same_formula_dfpt2018` tells the latter):

    python benchmarks/screening_report.py --sample 500 --model lattice STRUCTURES > SAMPLE.jsonl
"""

import argparse
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split
from phonodos.evaluation.metrics import binomial_error, spectrum_scores
from phonodos.model.weights import read_header, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.isotopes import element_formula
from phonodos.physics.target import target_of
from phonodos.physics.thermodynamics import thermal_properties

COLUMN = "c_v_293_15_per_kg"
KELVIN, HIGH, TOP = 293.15, 1000.0, 20  # [K], [J/(K kg)], rows
SEED = 2021  # of a sample


def overview(rows: list[dict[str, Any]], flagged: set[str]) -> None:
    """Print how many failed, computing time, and the share of high heat capacities."""
    good = [row for row in rows if row["status"] == "ok"]
    print(f"{rows[0]['model']}: {len(rows)} crystals, {len(rows) - len(good)} failed")
    for row in rows:
        if row["status"] != "ok":
            print(f"  {row['id']}: {row['reason']}")
    print(f"computing time of all rows on one core: {sum(r['seconds'] or 0 for r in rows):.0f} s")
    print(f"with a reason for doubt: {sum(r['trust'] is not None for r in good)}")
    print(f"unstable: {sum(r['unstable'] for r in good)}")
    both = [row for row in good if row["id"] in flagged]
    for name, chosen in {"all": good, "screened by the paper too": both}.items():
        new = [row for row in chosen if not row["in_training"]]
        print(f"above {HIGH:g} J/(kg K), {name}: never trained on {share_above(new)}; ", end="")
        print(f"with those trained on {share_above(chosen)}")


def share_above(rows: list[dict[str, Any]]) -> str:
    """Return the share of high heat capacities with its binomial standard error."""
    if not rows:
        return "none"
    high = sum(row[COLUMN] > HIGH for row in rows)
    share = high / len(rows)
    error = binomial_error(share, len(rows))
    return f"{high} of {len(rows)} ({100 * share:.1f} +- {100 * error:.1f} %)"


def top(rows: list[dict[str, Any]]) -> None:
    """Print the rows of highest heat capacity as a table."""
    print("\n| id | formula | atoms | space group | C_V(293.15 K) [J/(kg K)] | doubt | trained |")
    print("|---|---|---:|---:|---:|---|---|")
    good = [row for row in rows if row["status"] == "ok"]
    for row in sorted(good, key=lambda r: -r[COLUMN])[:TOP]:
        width = row["c_v_300_per_kg_interval"]
        shown = f"{row[COLUMN]:.0f}" + (" +- n/a" if width is None else f" +- {width:.0f}")
        doubt = "" if row["trust"] is None else row["trust"].split(":")[0]
        place = f"{row['id']} | {row['formula']} | {row['n_atoms']} | {row['spacegroup']}"
        trained = "yes" if row["in_training"] else ""
        print(f"| {place} | {shown} | {doubt} | {trained} |")


def agreement(rows: list[dict[str, Any]], dataset: Dataset, split: Split) -> None:
    """Print the scores on the parts of phonondb that training did not see."""
    known = {row["id"]: row for row in rows if row["status"] == "ok"}
    high = {"DFT": 0, "network": 0, "both": 0}
    for part in ("valid", "test"):
        chosen = dataset.select([name for name in split.parts[part] if name in known])
        if not len(chosen.ids):
            continue
        found, errors = [], []
        for k, name in enumerate(chosen.ids):
            row, reference = known[name], chosen.dos(k)
            dos = PhononDos(
                np.array(row["dos_frequencies"], dtype=float),
                np.array(row["dos_densities"], dtype=float), row["n_atoms"],
            )  # fmt: skip
            found.append(target_of(dos))
            wanted = thermal_properties(reference, [KELVIN]).heat_capacity[0] / reference.n_atoms
            ours = row["c_v_293_15_per_atom"]
            errors.append(abs(ours / wanted - 1.0))
            dft = row[COLUMN] * wanted / ours
            high["DFT"] += dft > HIGH
            high["network"] += row[COLUMN] > HIGH
            high["both"] += min(dft, row[COLUMN]) > HIGH
        scores = spectrum_scores(chosen.targets, np.stack(found))
        shown = ", ".join(f"{key} {value:.4g}" for key, value in scores.items())
        parts = [100 * np.median(errors), 100 * np.mean(errors), 100 * np.quantile(errors, 0.9)]
        print(f"{part}, {len(chosen.ids)}: {shown}")
        print(
            "  relative error of C_V, median, mean, 90 %: " + ", ".join(f"{p:.2g} %" for p in parts)
        )
    print(f"above {HIGH:g} J/(kg K): {high}")


def structures_of(path: Path) -> list[dict[str, Any]]:
    """Return the records of JSON lines, gzipped or not."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def sample(records: list[dict[str, Any]], model: str, size: int) -> list[dict[str, Any]]:
    """Return `size` seeded records of formulas outside of the training of `model` and dfpt2018."""
    trained = set(read_header(weights_path(model)).training_formulas)
    new = []
    for record in records:
        if not record["same_formula_dfpt2018"]:
            cell = np.array(record["lattice"])
            crystal = Crystal.ordered(cell, record["frac_coords"], record["species"])
            if element_formula(crystal) not in trained:
                new.append(record)
    print(f"{len(new)} crystals never trained on, {size} drawn", file=sys.stderr)
    places = np.random.default_rng(SEED).permutation(len(new))[:size]
    return [new[place] for place in sorted(places)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", type=Path, nargs="*", help="RESULTS STRUCTURES [DATASET SPLIT]")
    parser.add_argument("--sample", type=int, metavar="N", help="print N of STRUCTURES instead")
    parser.add_argument("--model", default="lattice", help="whose training is left out of a sample")
    given = parser.parse_args()
    if given.sample is not None and len(given.paths) == 1:
        for record in sample(structures_of(given.paths[0]), given.model, given.sample):
            print(json.dumps(record))
        return
    if len(given.paths) not in (2, 4):  # `make bench` has no data
        print("skipped: it takes RESULTS, STRUCTURES, and perhaps DATASET and SPLIT")
        return
    flagged = {line["id"] for line in structures_of(given.paths[1]) if line["in_paper_screening"]}
    rows = pq.read_table(given.paths[0]).to_pylist()
    overview(rows, flagged)
    top(rows)
    if len(given.paths) == 4:
        agreement(rows, Dataset.open(given.paths[2]), Split.read(given.paths[3]))


if __name__ == "__main__":
    main()
