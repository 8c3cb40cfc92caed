"""What a report costs beside the prediction it starts from, and where the time goes.

Processor time of one thread. python benchmarks/report.py
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phonodos.prediction.predictor import load
from phonodos.studies.report import PARTS, report

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("MgO", "GaAs", "ZnO", "Mg3Sb2", "SrTiO3", "Al2O3")


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor time of the fastest of three calls [s], and the last answer."""
    best, found = float("inf"), None
    for _ in range(3):
        start = time.process_time()
        found = work()
        best = min(best, time.process_time() - start)
    return best, found


def main() -> None:
    model = load()
    heads = ("whole", "spectrum", *PARTS)
    print(f"{'':8s} predict [ms]" + "".join(f" {head:>13s}" for head in heads) + "   JSON [kB]")
    for name in NAMES:
        path = EXAMPLES / f"{name}.cif"
        alone, answer = clock(lambda path=path: next(model.predict_many([path])))
        line = f"{name:8s} {1e3 * alone:12.0f}"
        chosen: list[tuple[str, ...]] = [PARTS, (), *((part,) for part in PARTS)]
        sizes = []
        for parts in chosen:
            more, record = clock(
                lambda answer=answer, parts=parts: report(answer, include=parts).to_dict()
            )
            whole = 1.0 + more / alone if parts == PARTS else more / alone
            line += f" {'x ' + format(whole, '.2f'):>13s}"
            sizes.append(len(json.dumps(record)))
        print(f"{line} {sizes[0] / 1e3:10.0f}")
    print("whole: prediction and report; the others: what they add, the share of elements included")


if __name__ == "__main__":
    main()
