"""List the training crystals that weights of lattice dynamics have learned worst, for `emphasis`.

    python tools/hardest.py DATASET SPLIT WEIGHTS -o IDS.json [--error 15] [--without FORMULA ...]

Listed are records whose bands are off by more than so many cm^-1 in the mean, and those that are
unstable (below -20 cm^-1 on their path, Gamma aside) where the weights see nothing of it, or stable
where these have a mode below -10. Records of a single element are left out: solid gases. What is
not to be believed should be, too (docs/decisions/0026).
"""

import argparse
import json
import sys
from collections.abc import Collection
from pathlib import Path

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split
from phonodos.errors import PhonodosError
from phonodos.evaluation.lattice_errors import lattice_errors
from phonodos.evaluation.stability import reference_lowest
from phonodos.files import write_text
from phonodos.prediction.predictor import AnyPredictor, load
from phonodos.prediction.stability import UNSTABLE_BELOW

ERROR = 15.0  # [cm^-1], of the bands in the mean
SOFT = -10.0  # [cm^-1], below it a mode that the reference does not have counts


def hardest(
    records: Dataset,
    predictor: AnyPredictor,
    error: float = ERROR,
    without: Collection[str] = (),
) -> list[str]:
    """Return the ids of crystals off by more than `error` [cm^-1], or stable or soft by mistake.

    Those of the formulas `without` are left out.
    """
    found = []
    answers = predictor.predict_many(list(records.crystals()), errors="yield")
    for index, answer in enumerate(answers):
        if isinstance(answer, PhonodosError) or records.formulas[index] in without:
            continue
        if len(answer.crystal.composition) < 2:
            continue
        errors = lattice_errors(records, index, answer)
        if errors is None or errors.bands_mae is None or errors.path_lowest is None:
            continue
        lowest = reference_lowest(records, index)
        missed = lowest is not None and lowest < UNSTABLE_BELOW <= errors.path_lowest
        invented = lowest is not None and lowest >= UNSTABLE_BELOW and errors.path_lowest < SOFT
        if missed or invented or errors.bands_mae > error:
            found.append(records.ids[index])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("weights")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--error", type=float, default=ERROR, help="of the bands [cm^-1]")
    parser.add_argument("--without", nargs="*", default=[], help="formulas to leave out")
    words = parser.parse_args()
    records = Dataset.open(words.dataset).select(Split.read(words.split).parts["train"])
    found = hardest(records, load(words.weights), words.error, words.without)
    write_text(words.output, json.dumps(found))
    print(f"{len(found)} of {len(records.ids)} crystals: {words.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
