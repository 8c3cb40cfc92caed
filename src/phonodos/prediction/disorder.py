"""Predictions of disordered crystals as means over quasi-random structures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from phonodos.data.structures import as_crystal
from phonodos.errors import PhonodosError, PredictionError, StructureError
from phonodos.model.isolation import undisturbed
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.prediction.doubts import stability_doubts
from phonodos.prediction.failures import failed, name_of, without_frames
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor
from phonodos.prediction.quasirandom import Arrangements, check_installed, quasirandom
from phonodos.time_limit import check_timeout, time_limit


class QuasirandomPredictor(Predictor):
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
        self.networks, self.header = predictor.networks, predictor.header
        self.device, self.answers = predictor.device, predictor.answers
        self.calibrations = predictor.calibrations
        self.order = order or Arrangements()

    def predict_many(
        self,
        xs: Iterable[Any],
        *,
        errors: Literal["raise", "yield"] = "raise",
        timeout: float | None = None,
    ) -> Iterator[Any]:
        """Yield the predictions for `xs` in order, one by one.

        `errors` and `timeout` as in `Predictor`; a disordered crystal may take `timeout` [s] with
        all of its structures.
        """
        limit = check_timeout(timeout)
        for x in xs:
            result = self._one(x, limit)
            if isinstance(result, PhonodosError):
                if errors == "raise":
                    raise result
                without_frames(result)
            yield result

    def _one(self, x: Any, limit: float | None) -> Prediction | PhonodosError:
        who, kind = name_of(x), StructureError
        try:
            with time_limit(limit, who):
                with undisturbed(quiet=True):
                    crystal = as_crystal(x)
                who, kind = crystal.label, PredictionError
                if crystal.is_ordered:
                    plain: Prediction = next(self._plain([crystal]))
                    return plain
                return self._average(crystal)
        except Exception as err:
            return failed(err, who, kind)

    def _plain(self, crystals: Sequence[Crystal]) -> Iterator[Any]:
        return super().predict_many(crystals)

    def _average(self, crystal: Crystal) -> Prediction:
        made = quasirandom(crystal, self.order)
        found: list[Prediction] = list(self._plain(made.crystals))

        def mean(spectra: Sequence[PhononDos]) -> PhononDos:
            n = crystal.n_atoms
            return mean_of([dos.per_cells(n / dos.n_atoms, n) for dos in spectra])

        dos = mean([p.dos for p in found])
        doubts = {t: None for p in found for t in p.warnings if t not in stability_doubts(p.dos)}
        members = tuple(mean(each) for each in zip(*(p.members for p in found), strict=True))
        warnings = (made.note, *doubts, *stability_doubts(dos))
        return Prediction(crystal, dos, None, self.name, warnings, members)
