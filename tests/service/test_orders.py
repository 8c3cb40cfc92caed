"""Options of forms and of JSON mean the same, and nonsense is refused by name."""

import pytest

from phonodos.errors import ConfigError
from phonodos.service.limits import Limits
from phonodos.service.orders import (
    AlloyOptions,
    CompareOptions,
    JobOptions,
    PredictOptions,
    check_model,
)
from phonodos.service.problems import Refused
from phonodos.service.tasks import PARTS, Order


def test_forms_and_json_mean_the_same() -> None:
    form = {"include": ["bands,modes"], "temperatures": ["10,300"], "metal": ["true"],
            "isotopes": ["O=17.999", "Mg=25"], "model": [""]}  # fmt: skip
    given = {"include": ["modes", "bands"], "temperatures": [10, 300], "metal": True,
             "isotopes": ["O=17.999", "Mg=25"]}  # fmt: skip
    wanted = Order(None, ("bands", "modes"), (10.0, 300.0), True, ("O=17.999", "Mg=25"))
    for fields in (form, given):
        assert PredictOptions.of(fields).order(Limits()) == wanted
    assert PredictOptions.of({}).order(Limits()) == Order(include=PARTS)
    assert PredictOptions.of({"include": "none"}).order(Limits()).include == ()
    assert PredictOptions.of({"include": []}).order(Limits()).include == ()


def test_nonsense_is_refused_by_name() -> None:
    for fields, words in (
        ({"x": 1}, "no option 'x'"),
        ({"temperatures": "cold"}, "temperatures"),
        ({"temperatures": [1e9]}, "temperatures"),
        ({"metal": "perhaps"}, "metal"),
        ({"isotopes": ["x"] * 60}, "isotopes"),
    ):
        with pytest.raises(Refused, match=words):
            PredictOptions.of(fields)
    with pytest.raises(ConfigError, match="no part 'all'"):
        PredictOptions.of({"include": "all"}).order(Limits())
    with pytest.raises(ConfigError, match="5 temperatures"):
        PredictOptions.of({"temperatures": [1] * 5}).order(Limits(temperatures=4))
    with pytest.raises(Refused, match="x"):
        AlloyOptions.of({"x": "0,2"})
    with pytest.raises(Refused, match="scale"):
        CompareOptions.of({"scale": "some"})
    with pytest.raises(Refused, match="temperatures"):
        JobOptions.of({"temperatures": [1] * 30})


def test_rules_in_short() -> None:
    found = AlloyOptions.of({"substitute": ["Mg=Ca", "Sb = Sb{1-x}Bi{x}"], "x": "0,1"})
    assert found.rules() == ("Mg=Mg{1-x}Ca{x}", "Sb = Sb{1-x}Bi{x}")
    assert found.x == (0.0, 1.0)


def test_only_names_that_are_served() -> None:
    check_model(None, ["a"])
    check_model("a", ["a"])
    with pytest.raises(Refused, match="no weights") as caught:
        check_model("/etc/a.safetensors", ["a"])
    assert caught.value.status == 404


@pytest.mark.parametrize("wrong", [{"atoms": 0}, {"waiting": 0}, {"seconds": -1.0}])
def test_limits_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Limits(**wrong)  # type: ignore[arg-type]
