"""What docs/screening.md says of the real screening: rates, top 20, shares, agreement with DFT.

RESULTS is the table that `phonodos screen` made of the structures, at 293.15 K among others;
STRUCTURES the JSON lines it was made of (flag `in_paper_screening`); DATASET and SPLIT those of
phonondb, of which the parts valid and test are compared.

    phonodos screen STRUCTURES -o RESULTS --temperatures 293.15
    python benchmarks/screening_report.py RESULTS STRUCTURES DATASET SPLIT
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split
from phonodos.evaluation.metrics import spectrum_scores
from phonodos.physics.dos import PhononDos
from phonodos.physics.target import target_of
from phonodos.physics.thermodynamics import thermal_properties

COLUMN = "c_v_293_15_per_kg"
KELVIN, HIGH, TOP = 293.15, 1000.0, 20  # [K], [J/(K kg)], rows


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
    groups = {"all": good, "screened by the paper too": both}
    groups |= {
        f"{name}, never trained on": [row for row in chosen if not row["in_training"]]
        for name, chosen in groups.items()
    }
    for name, chosen in groups.items():
        high = sum(row[COLUMN] > HIGH for row in chosen)
        share = 100 * high / max(len(chosen), 1)
        print(f"above {HIGH:g} J/(kg K): {high} of {len(chosen)} ({share:.1f} %), {name}")


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
        chosen = dataset.select(split.parts[part])
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


def main() -> None:
    if len(sys.argv) != 5:  # `make bench` has no data
        print("skipped: it takes RESULTS, STRUCTURES, DATASET and SPLIT")
        return
    results, structures, dataset, split = map(Path, sys.argv[1:])
    lines = (json.loads(line) for line in structures.open(encoding="utf-8"))
    flagged = {line["id"] for line in lines if line["in_paper_screening"]}
    rows = pq.read_table(results).to_pylist()
    overview(rows, flagged)
    top(rows)
    agreement(rows, Dataset.open(dataset), Split.read(split))


if __name__ == "__main__":
    main()
