"""Predictions of disordered crystals as means over quasi-random structures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from phonodos.errors import PhonodosError, PredictionError, StructureError
from phonodos.model.isolation import undisturbed
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.prediction.doubts import share_doubts, stability_doubts
from phonodos.prediction.failures import failed, name_of
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, Predictor
from phonodos.prediction.quasirandom import Arrangements, check_installed, quasirandom
from phonodos.structures.occupancies import vacancies
from phonodos.structures.reading import as_crystal
from phonodos.time_limit import time_limit

AVERAGED = "averaged quasi-random cells"  # among the reasons of `Prediction.outside`


class QuasirandomPredictor(AnyPredictor):
    """A predictor that gives a disordered crystal the mean spectrum of quasi-random structures.

    Ordered crystals are predicted as by the predictor it is made from, bit for bit. What was done
    stands first among the warnings of a prediction. Such a prediction has no lattice dynamics, no
    projections and no intervals: it is of several cells, and none of that was calibrated.

    Parameters
    ----------
    predictor
        What predicts the structures.
    order
        How many, how large, which seed.

    Raises
    ------
    ConfigError
        If the library that searches for the structures is not installed.
    """

    def __init__(self, predictor: Predictor, order: Arrangements | None = None) -> None:
        check_installed()
        super().__init__(predictor.networks, predictor.header, predictor.device)
        self.predictor = predictor
        self.path, self.metal = predictor.path, predictor.metal
        self.vacancies = predictor.vacancies
        self.order = order or Arrangements()

    def _results(
        self, xs: Iterable[Any], limit: float | None
    ) -> Iterator[Prediction | PhonodosError]:
        """Yield them one by one; a disordered crystal may take `limit` [s] with all structures."""
        for x in xs:
            yield self._one(x, limit)

    def _one(self, x: Any, limit: float | None) -> Prediction | PhonodosError:
        who = name_of(x)
        kind: type[PhonodosError] = StructureError
        try:
            with time_limit(limit, who):
                with undisturbed(quiet=True), vacancies(self.vacancies):
                    crystal = as_crystal(x)
                who, kind = crystal.label, PredictionError
                if crystal.is_ordered:
                    return next(self.predictor.predict_many([crystal]))
                return self._average(crystal)
        except Exception as err:
            return failed(err, who, kind)

    def _average(self, crystal: Crystal) -> Prediction:
        made = quasirandom(crystal, self.order)
        found = list(self.predictor.predict_many(made.crystals))

        def mean(spectra: Sequence[PhononDos]) -> PhononDos:
            n = crystal.n_atoms
            return mean_of([dos.per_cells(n / dos.n_atoms, n) for dos in spectra])

        dos = mean([p.dos for p in found])
        doubts = {
            text: None
            for p in found
            for text in p.warnings
            if p.stability is None or text not in stability_doubts(p.stability)
        }
        members = tuple(mean(each) for each in zip(*(p.members for p in found), strict=True))
        warnings = (made.note, *crystal.notes, *doubts, *share_doubts(dos))
        return Prediction(
            crystal,
            dos,
            None,
            self.name,
            warnings,
            members,
            self.calibrations,
            (AVERAGED,),
            provenance=self.provenance,
        )
