"""Fuzzer: damaged structure files give crystals that make sense, or errors with a name.

    python tests/reliability/fuzz.py --cases 7200 --workers 2 --keep found

prints a table, one line a format, and below it everything that was wrong; the inputs of that lie in
the folder `found` afterwards. Exit code 1 if anything was wrong.
"""

import argparse
import itertools
import json
import os
import random
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from corpus import FORMATS, Text, corpus
from mutations import mutate
from phonodos.errors import PhonodosError
from phonodos.model import bond_lengths
from phonodos.model.bond_kinds import bond_name
from phonodos.model.bond_lengths import TrainingLengths
from phonodos.physics import crystal as limits
from phonodos.physics import overlap
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_number, covalent_radii, element_of
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor, load
from phonodos.structures.reading import iter_crystals
from trials import run

MOST_FREQUENCY = 10_000.0  # [cm^-1]
PREDICTED_ATOMS = 40  # of crystals that are also predicted: larger ones take their time rightly
MEASURED_ATOMS = 200  # of crystals whose distances are all measured
ENTRIES = 200  # of a file that are looked at
NO_MEMORY = re.compile(r"MemoryError|allocate memory|Unable to allocate|more memory than there is")


def distances(crystal: Crystal) -> np.ndarray:
    """Return the distance of every two sites, of a site and its own image on the diagonal [A].

    By all images of a Minkowski-reduced cell, and none of the code that is judged.
    """
    from ase.geometry import minkowski_reduce

    short, _ = minkowski_reduce(crystal.cell)
    places = crystal.positions @ np.linalg.inv(short)
    apart = places[:, None] - places[None]
    apart -= np.round(apart)
    steps = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    squared = (((apart[:, :, None] + steps) @ short) ** 2).sum(axis=-1)
    here = ~steps.any(axis=1)
    squared[np.eye(len(places), dtype=bool)[:, :, None] & here] = np.inf
    return np.asarray(np.sqrt(squared.min(axis=-1)))


def doubts_of(crystal: Crystal) -> list[str]:
    """Return what makes no sense in a crystal that was accepted."""
    if not (np.isfinite(crystal.cell).all() and np.isfinite(crystal.frac_coords).all()):
        return ["numbers that are not finite"]
    from ase.geometry import minkowski_reduce

    short, basis = minkowski_reduce(crystal.cell)
    volume = abs(np.linalg.det(short)) / crystal.n_atoms
    height = 1.0 / np.linalg.norm(np.linalg.inv(short), axis=0).max()
    axis = np.linalg.norm(short, axis=1).max()
    inside = crystal.frac_coords @ np.linalg.inv(basis)
    far = np.fmin(np.abs(crystal.frac_coords).max(axis=1), np.abs(inside).max(axis=1)).max()
    some = 1.0 + 1e-6
    wrong = {
        "too dense": volume * some < limits.MINIMUM_VOLUME_PER_ATOM,
        "too thin": volume > some * limits.MAXIMUM_VOLUME_PER_ATOM,
        "a long axis": axis > some * limits.LONGEST_AXIS,
        "flat": height * some < limits.LOWEST_HEIGHT,
        "a site far away": far > some * limits.FARTHEST_CELL,
        "atoms upon each other": (
            crystal.n_atoms <= MEASURED_ATOMS
            and distances(crystal).min() * some < overlap.MINIMUM_DISTANCE
        ),
        "occupancies": any(abs(sum(site.values()) - 1.0) > 1e-9 for site in crystal.occupancy),
    }
    return [f"nonsense: {name}" for name, is_so in wrong.items() if is_so]


def doubts_of_prediction(answer: Prediction, known: TrainingLengths) -> list[str]:
    """Return what makes no sense in a prediction, `known` being the distances in training."""
    dos, crystal = answer.dos, answer.crystal
    finite = np.isfinite(dos.frequencies).all() and np.isfinite(dos.densities).all()
    ratios = np.array([(9.0, 9.0), *closeness(crystal, known)]).min(axis=0)
    said = " ".join(answer.warnings)
    volume = abs(np.linalg.det(crystal.cell)) / crystal.n_atoms
    empty = known.emptiest is not None and volume > 1.001 * bond_lengths.EMPTY * known.emptiest
    wrong = {
        "a density that is not finite": not finite,
        "a negative density": finite and bool((dos.densities < 0.0).any()),
        "not 3N states": finite and abs(dos.integral / (3 * crystal.n_atoms) - 1.0) > 1e-6,
        "frequencies out of range": finite and dos.frequencies.max() > 1.01 * MOST_FREQUENCY,
        "atoms closer than in any crystal": ratios[0] < 0.999,
        "close atoms without a word": ratios[1] < 0.999 and "A apart" not in said,
        "vacuum without a word": empty and "A^3 an atom" not in said,
    }
    return [f"nonsense: {name}" for name, is_so in wrong.items() if is_so]


def closeness(crystal: Crystal, known: TrainingLengths) -> list[tuple[float, float]]:
    """Return every distance over the least that is answered, and over that without a warning."""
    radii = covalent_radii()
    apart = distances(crystal)
    found = []
    sites = [next(iter(site)) if len(site) == 1 else None for site in crystal.occupancy]
    for (i, a), (j, b) in itertools.combinations_with_replacement(enumerate(sites), 2):
        if a is None or b is None:
            continue  # shared sites make room for each other
        pair = tuple(map(element_of, (a, b)))
        least = known.shortest.get(bond_name(pair))
        wanted = sum(radii[atomic_number(symbol) - 1] for symbol in pair)
        absurd = bond_lengths.ABSURD_RADII * wanted
        doubtful = bond_lengths.CLOSE_RADII * wanted
        if least is not None:
            absurd, doubtful = bond_lengths.ABSURD * least, least
        length = apart[i, j]
        found.append((length / absurd, length / (doubtful * (1.0 - bond_lengths.MARGIN))))
    return found


class Fuzz:
    """The cases of one format: number -> input, and what it gave."""

    def __init__(
        self, form: str, seed: int, predictors: list[Predictor], every: int, folder: Path
    ) -> None:
        self.form, self.seed = form, seed
        self._predictors, self._every = predictors, every
        self._folder = folder
        self._texts: list[Text] = corpus(form)

    def input(self, number: int) -> tuple[str, bytes]:
        """Return name and bytes of a case, always the same for the same seed and number."""
        rng = random.Random(f"{self.form}-{self.seed}-{number}")
        text, suffix = rng.choice(self._texts)
        name = "case" if rng.random() < 0.1 else "case" + suffix  # then it is looked at
        return name, mutate(rng, text)

    def __call__(self, number: int) -> dict[str, Any]:
        """Read a case, predict some of what it holds, and report."""
        name, data = self.input(number)
        folder = self._folder / str(os.getpid())
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(data)
        try:
            report = self._read(path, number)
        # Whatever is raised is looked for here, also what is no Exception.
        except BaseException as error:
            report = {"wrong": [_place(error)]}
        if path.read_bytes() != data or len(list(folder.iterdir())) != 1:
            report["wrong"].append("reading wrote")
        path.unlink()
        return report

    def _read(self, path: Path, number: int) -> dict[str, Any]:
        crystals: list[Crystal] = []
        refused, wrong = 0, []
        for _, answer in zip(range(ENTRIES), iter_crystals(path), strict=False):
            if isinstance(answer, PhonodosError):
                refused += 1
                wrong += ["more than 1 GB"] if NO_MEMORY.search(str(answer)) else []
            else:
                crystals.append(answer)
                wrong += doubts_of(answer)
        chosen: list[Crystal] = []
        if number % self._every == 0:
            chosen = [c for c in crystals if c.n_atoms <= PREDICTED_ATOMS][:1]
            turn = number // self._every % len(self._predictors)
            wrong += self._predict(self._predictors[turn], chosen)
        return {
            "accepted": len(crystals), "refused": refused, "predicted": len(chosen),
            "wrong": sorted(set(wrong)),
        }  # fmt: skip

    def _predict(self, predictor: Predictor, crystals: list[Crystal]) -> list[str]:
        wrong = []
        for answer in predictor.predict_many(crystals, errors="yield"):
            if isinstance(answer, PhonodosError):
                wrong += ["more than 1 GB"] if NO_MEMORY.search(str(answer)) else []
            else:
                known = predictor.header.training_lengths or TrainingLengths()
                wrong += doubts_of_prediction(answer, known)
        return wrong


def _place(error: BaseException) -> str:
    """Return kind and place of an error that is not ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "phonodos" in Path(f.filename).parts and "tests" not in f.filename]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    return f"{type(error).__name__} at {where}"


def summary(form: str, reports: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums over the cases of one format."""
    total: dict[str, Any] = {"format": form, "cases": 0, "seconds": 0.0, "megabytes": 0.0}
    total |= {"accepted": 0, "refused": 0, "predicted": 0, "wrong": {}}
    for report in reports:
        total["cases"] += 1
        for key in ("accepted", "refused", "predicted"):
            total[key] += report.get(key, 0)
        for key in ("seconds", "megabytes"):
            total[key] = max(total[key], report.get(key, 0.0))
        for what in report["wrong"]:
            total["wrong"].setdefault(what, []).append(report["number"])
    return total


def _table(totals: list[dict[str, Any]]) -> str:
    keys = ("cases", "accepted", "refused", "predicted")
    lines = [f"{'format':9}" + "".join(f"{key:>11}" for key in keys) + "     wrong   max s  max MB"]
    for total in totals:
        wrong = sum(map(len, total["wrong"].values()))
        numbers = "".join(f"{total[key]:11d}" for key in keys)
        ends = f"{wrong:10d}{total['seconds']:8.2f}{total['megabytes']:8.0f}"
        lines.append(f"{total['format']:9}{numbers}{ends}")
    for total in totals:
        for what, numbers in sorted(total["wrong"].items()):
            lines.append(f"{total['format']}: {what}: {len(numbers)} cases, e.g. {numbers[:3]}")
    return "\n".join(lines)


def fuzz(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the cases of every format and return the sums."""
    predictors = [load(name, members=n) for name, n in (("chen2021", None), ("lattice", 1))]
    totals = []
    with tempfile.TemporaryDirectory() as folder:
        for form in arguments.formats:
            trial = Fuzz(form, arguments.seed, predictors, arguments.every, Path(folder))
            numbers = arguments.only or range(arguments.cases)
            totals.append(summary(form, run(trial, numbers, arguments.workers)))
            print(_table(totals[-1:]), file=sys.stderr, flush=True)
            for what, found in totals[-1]["wrong"].items():
                for number in found[:3] if arguments.keep else []:
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    name, data = trial.input(number)
                    label = re.sub(r"\W+", "-", what)
                    kept = f"{form}-{arguments.seed}-{number}-{label}{Path(name).suffix}"
                    (arguments.keep / kept).write_bytes(data)
    return totals


def main() -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", default=[], help=" ".join(FORMATS))
    parser.add_argument("--cases", type=int, default=300, help="of each format")
    parser.add_argument("--only", type=int, nargs="*", default=[], help="these cases alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=10, help="case that is also predicted")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that gave something wrong")
    parser.add_argument("--json", action="store_true", help="the sums as JSON")
    arguments = parser.parse_args()
    arguments.formats = arguments.formats or list(FORMATS)
    warnings.simplefilter("ignore")
    totals = fuzz(arguments)
    print(json.dumps(totals) if arguments.json else _table(totals))
    return int(any(total["wrong"] for total in totals))


if __name__ == "__main__":
    sys.exit(main())
