"""Print the lowest frequencies of unstable crystals of a data set, and what weights say of them.

    python tools/unstable_table.py DATASET SPLIT WEIGHTS ... [--part PART] [--formula FORMULA ...]

Of training crystals it tells whether weights have learned an instability that they were shown.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import PARTS, Split
from phonodos.errors import PhonodosError
from phonodos.evaluation.measures import UNDEFINED, markdown_table
from phonodos.evaluation.stability import reference_lowest
from phonodos.prediction.predictor import AnyPredictor, load
from phonodos.prediction.stability import UNSTABLE_BELOW


def unstable_of(records: Dataset, formulas: Sequence[str]) -> dict[str, float]:
    """Return id -> lowest frequency [cm^-1] of the unstable records, of all if no formula is given.

    Unstable: below -20 cm^-1 away from Gamma.
    """
    found = {}
    for index, (name, formula) in enumerate(zip(records.ids, records.formulas, strict=True)):
        if not formulas or formula in formulas:
            lowest = reference_lowest(records, index)
            if lowest is not None and lowest < UNSTABLE_BELOW:
                found[name] = lowest
    return found


def rows(
    records: Dataset, references: dict[str, float], predictors: Sequence[AnyPredictor]
) -> Iterator[list[str]]:
    """Yield id, formula, lowest frequency of the reference and by every predictor, with verdict."""
    chosen = records.select(references)
    answers = [list(p.predict_many(list(chosen.crystals()), errors="yield")) for p in predictors]
    for name, formula, *found in zip(chosen.ids, chosen.formulas, *answers, strict=True):
        cells = []
        for answer in found:
            if isinstance(answer, PhonodosError) or answer.stability is None:
                cells.append(UNDEFINED)
            else:
                cells.append(f"{answer.stability.lowest:.0f} ({answer.stability.verdict})")
        yield [name, formula, f"{references[name]:.0f}", *cells]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--part", choices=PARTS, default="train")
    parser.add_argument("--formula", nargs="*", default=[])
    words = parser.parse_args()
    records = Dataset.open(words.dataset).select(Split.read(words.split).parts[words.part])
    predictors = [load(name) for name in words.weights]
    head = ["id", "formula", "reference [cm^-1]", *(f"{p.name} [cm^-1]" for p in predictors)]
    references = unstable_of(records, words.formula)
    print(markdown_table(head, rows(records, references, predictors), words=2))


if __name__ == "__main__":
    main()
