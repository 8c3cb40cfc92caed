"""What `modes`, `displacements` and `elastic` cost beside the prediction they start from.

Processor time of one thread. python benchmarks/observables.py
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phonodos.prediction.predictor import load
from phonodos.studies.displacements import displacements
from phonodos.studies.elastic import elastic
from phonodos.studies.modes import modes

EXAMPLES = Path(__file__).parent.parent / "examples"
STUDIES: dict[str, Callable[[Any], Any]] = {
    "modes": modes, "displacements": displacements, "elastic": elastic
}  # fmt: skip


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor time of the faster of three calls [s], and the last answer."""
    best, found = float("inf"), None
    for _ in range(3):
        start = time.process_time()
        found = work()
        best = min(best, time.process_time() - start)
    return best, found


def main() -> None:
    model = load()
    print(f"{'':14s} predict [ms]" + "".join(f" {name:>14s}" for name in STUDIES))
    for name in ("MgO", "GaAs", "ZnO", "SrTiO3", "Al2O3"):
        path = EXAMPLES / f"{name}.cif"
        alone, answer = clock(lambda path=path: next(model.predict_many([path])))
        line = f"{name:14s} {1e3 * alone:12.0f}"
        for study in STUDIES.values():
            more, _ = clock(lambda study=study, answer=answer: study(answer).to_dict())
            line += f" {'x ' + format(more / alone, '.2f'):>14s}"
        print(line)


if __name__ == "__main__":
    main()
