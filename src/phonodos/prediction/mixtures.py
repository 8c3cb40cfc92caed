"""Predictions along an alloy: mixed features, averaged force constants, quasi-random structures."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from phonodos.errors import ConfigError, PhonodosError
from phonodos.model.isolation import undisturbed
from phonodos.model.kinds import kind_of
from phonodos.model.lattice import LatticeNetwork
from phonodos.physics.alloy import Alloy, LatticeOf
from phonodos.physics.crystal import Crystal, compact
from phonodos.physics.primitive import primitive_cell
from phonodos.prediction.answers import LatticeAnswers
from phonodos.prediction.disorder import QuasirandomPredictor
from phonodos.prediction.failures import named
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor

Method = Literal["embedding", "vca", "sqs"]
METHODS: tuple[Method, ...] = ("embedding", "vca")  # that average a site
ASSUMPTIONS: dict[Method, str] = {
    "embedding": "a mixed site is seen by the network as the mean of its elements by fraction: "
    "masses and bonds change together, as the network learned from pure crystals",
    "vca": "force constants, Born charges, dielectric tensor and masses are the means of two pure "
    "crystals on the alloy's geometry: every cell is the average cell",
    "sqs": "whole atoms fill the mixed sites of supercells that stand for a random alloy, and the "
    "spectra are averaged; positions are not relaxed around them",
}
AVERAGED = "averaged force constants"  # among the reasons of `Prediction.outside`
BOTH_ASSUME = "no disorder: every cell is alike, modes neither broaden nor localise"
VEGARD: dict[LatticeOf, str] = {
    "end members": "lattice and positions follow Vegard's rule",
    "radii": "the lattice follows Vegard's rule to that of x = 1, which radii made",
    "cell end": "the lattice follows Vegard's rule from the parent's to the other end's",
}


def methods_of(predictor: AnyPredictor) -> tuple[Method, ...]:
    """Return the methods a predictor has: averaging force constants takes a network of them.

    One that makes quasi-random structures has that way only.
    """
    if isinstance(predictor, QuasirandomPredictor):
        return ("sqs",)
    return METHODS if kind_of(predictor.networks[0]).averages_force_constants else METHODS[:1]


def predict_mixtures(
    predictor: AnyPredictor,
    alloy: Alloy,
    compositions: Sequence[float],
    method: Method = "embedding",
) -> Iterator[Prediction]:
    """Yield the predictions at every composition; pure ends are those of the end members.

    Raises
    ------
    ConfigError
        If the network does not know the method, or a composition lies outside [0, 1].
    PredictionError
        If the prediction of a mixture fails, for whatever reason.
    """
    if method not in methods_of(predictor):
        raise ConfigError(
            f"{predictor.name} cannot do '{method}'",
            "averaging force constants takes a network that predicts them; known here: "
            + ", ".join(methods_of(predictor)),
            "choose another method, or another model with --model (phonodos models list)",
        )
    crystals = [alloy.mixture(x) for x in compositions]
    for x, crystal in zip(compositions, crystals, strict=True):
        if x in (0.0, 1.0) or method != "vca":
            # One by one: in a batch the last digits would differ from a prediction alone.
            yield next(predictor.predict_many([crystal]))
        else:
            with named(crystal.label), undisturbed(quiet=True):
                prediction = virtual_crystal(predictor, alloy, x, crystal)
            yield prediction


def virtual_crystal(
    predictor: AnyPredictor, alloy: Alloy, x: float, mixture: Crystal
) -> Prediction:
    """Return the prediction of the virtual crystal at x, of a network of lattice dynamics.

    Force constants, Born charges and dielectric tensor are (1 - x) times those of the first end
    member's elements plus x times those of the second's, both on the lattice and positions of the
    mixture; so are the masses. Every member of an ensemble is averaged by itself.

    Raises
    ------
    PredictionError
        If the numbers of the network are not finite.
    """
    cells, site_map = _cells(alloy, x, mixture)
    networks = [network for network in predictor.networks if isinstance(network, LatticeNetwork)]
    answers = LatticeAnswers(networks, predictor.header, predictor.device, project=False)
    if predictor.metal:
        answers = answers.of_metals()
    answer = answers.averaged(cells, (1.0 - x, x))
    if isinstance(answer, PhonodosError):
        raise answer
    multiplicity = len(site_map) / cells[0].n_atoms
    return Prediction(
        mixture,
        answer.dos.per_cells(multiplicity, mixture.n_atoms),
        answer.lattice,
        predictor.name,
        answer.doubts,
        tuple(d.per_cells(multiplicity, mixture.n_atoms) for d in answer.members),
        predictor.calibrations,
        (*answer.outside, AVERAGED),
        stability=answer.stability,
        provenance=predictor.provenance,
    )


def _cells(alloy: Alloy, x: float, mixture: Crystal) -> tuple[list[Crystal], list[int]]:
    """Return mixture and both decorations in one primitive cell, and the map of its sites."""
    ends = alloy.decorated(x)
    primitive = primitive_cell(mixture)
    site_map = primitive.site_map.tolist()
    first = [site_map.index(k) for k in range(primitive.crystal.n_atoms)]
    same = all(
        dict(end.occupancy[i]) == dict(end.occupancy[first[k]])
        for end in ends
        for i, k in enumerate(site_map)
    )
    if not same:  # two sites may mix to the same content from different ends
        return [compact(cell)[0] for cell in (mixture, *ends)], list(range(mixture.n_atoms))
    cell = primitive.crystal
    decorated = [replace(cell, occupancy=tuple(e.occupancy[i] for i in first)) for e in ends]
    return [cell, *decorated], site_map
