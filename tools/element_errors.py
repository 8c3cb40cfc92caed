"""Write how wrong the spectra of weights are, element by element: what the service's models show.

    python tools/element_errors.py lattice VALID/materials.csv TEST/materials.csv

The tables are those of `phonodos evaluate`, made with the same weight file. The result lies beside
it, as NAME.elements.json, and holds means over materials, nothing of a single one.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).parent.parent
COLUMN, UNIT = "full_wd_cm-1", "cm^-1"
MEASURE = (
    "mean Wasserstein distance of predicted and calculated spectra (unit integral, full axis) over "
    "the materials kept from training that hold the element"
)
_SYMBOL = re.compile(r"[A-Z][a-z]?")


def rows_of(text: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a table of materials.

    Raises
    ------
    ValueError
        If it was not made with the weights of that name.
    """
    lines = text.splitlines()
    head = [line for line in lines if line.startswith("#")]
    if not any(f"with the weights {name} " in line for line in head):
        raise ValueError(f"the table does not say that it was made with the weights {name}")
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def record(rows: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Return the mean error and the number of materials of every element."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for symbol in set(_SYMBOL.findall(row["formula"])):
            found.setdefault(symbol, []).append(float(row[COLUMN]))
    return {
        "measure": MEASURE,
        "unit": UNIT,
        "elements": {
            symbol: {"error": round(mean(errors), 2), "n": len(errors)}
            for symbol, errors in sorted(found.items())
        },
    }


def main(words: Sequence[str]) -> None:
    """Write the file of the weights `words[0]` from the tables that follow.

    Raises
    ------
    SystemExit
        If it is not told both.
    """
    if len(words) < 2 or words[0].startswith("-"):
        raise SystemExit("usage: python tools/element_errors.py WEIGHTS materials.csv ...")
    name, *tables = words
    rows = [row for path in tables for row in rows_of(Path(path).read_text(encoding="utf-8"), name)]
    output = ROOT / "src" / "phonodos" / "weights" / f"{name}.elements.json"
    output.write_text(json.dumps(record(rows), indent=1) + "\n", encoding="utf-8")
    print(f"written: {output}")


if __name__ == "__main__":
    main(sys.argv[1:])
