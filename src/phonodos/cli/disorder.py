"""Options for sites that elements share: averaged, or filled in quasi-random structures."""

from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.errors import ConfigError

if TYPE_CHECKING:
    from phonodos.prediction.predictor import AnyPredictor
    from phonodos.prediction.quasirandom import Arrangements

DisorderOption = Annotated[
    str,
    typer.Option(help="of shared sites: average, or sqs (quasi-random structures, extra [sqs])"),
]
SqsAtomsOption = Annotated[
    int | None, typer.Option(help="most atoms of a quasi-random structure; 32", show_default=False)
]
SqsNumberOption = Annotated[
    int | None, typer.Option(help="quasi-random structures to average; 3", show_default=False)
]
SqsSeedOption = Annotated[
    int | None, typer.Option(help="seed of the quasi-random structures; 0", show_default=False)
]


def arrangements(
    disorder: str,
    atoms: int | None,
    number: int | None,
    seed: int | None,
    *,
    project: str | None = None,
) -> "Arrangements | None":
    """Return how quasi-random structures are to be made; None for averaged sites.

    Raises
    ------
    ConfigError
        If `disorder` is neither average nor sqs, a number is out of range or given for average, a
        projection is wanted of structures whose sites differ, or the library that makes them is
        not installed.
    """
    given = {"atoms": atoms, "number": number, "seed": seed}
    named = {name: value for name, value in given.items() if value is not None}
    if disorder not in ("average", "sqs"):
        raise ConfigError(
            f"--disorder {disorder} is not known",
            "a site that elements share is averaged, or filled in quasi-random structures",
            "write --disorder average or --disorder sqs",
        )
    if disorder == "average":
        if named:
            raise ConfigError(
                f"--sqs-{next(iter(named))} without quasi-random structures",
                "sites that elements share are averaged unless --disorder says otherwise",
                "add --disorder sqs, or leave it out",
            )
        return None
    if project is not None:
        raise ConfigError(
            f"--project {project} and --disorder sqs do not go together",
            "the structures have other sites than the input, each with its own spectrum",
            "leave one of the two out",
        )
    from phonodos.prediction.quasirandom import Arrangements, check_installed

    check_installed()
    return Arrangements(**named)


def load_predictor(
    model: str | None,
    members: int | None,
    order: "Arrangements | None",
    *,
    project: bool = False,
    check: bool = True,
    vacancies: str = "refuse",
) -> "AnyPredictor":
    """Return the weights as a predictor that averages shared sites, or fills them as ordered."""
    from phonodos.prediction.predictor import load

    predictor = load(model, members=members, project=project, check=check, vacancies=vacancies)
    if order is None:
        return predictor
    from phonodos.prediction.disorder import QuasirandomPredictor

    return QuasirandomPredictor(predictor, order)
