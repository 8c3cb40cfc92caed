"""One broken input never stops the others, and the exit code says how many there were."""

import json
from typing import Any

import pytest
import typer

from phonodos.cli.inputs import Entry
from phonodos.cli.outcome import for_each
from phonodos.errors import ConfigError, PhonodosError, StructureError

BROKEN = StructureError("b: broken", "it is", "mend it")


def pairs(*answers: "int | PhonodosError") -> list[tuple[Entry, Any]]:
    return [(Entry(f"{k}.cif", str(k), BROKEN), answer) for k, answer in enumerate(answers)]


def double(entry: Entry, answer: int) -> dict[str, Any]:
    if answer < 0:
        raise StructureError(f"{entry.name}: negative", "it is", "give another")
    return {"twice": 2 * answer}


@pytest.mark.parametrize(
    ("answers", "code"), [((1, 2), None), ((1, BROKEN), 3), ((-1, 2), 3), ((-1, BROKEN), 4)]
)
def test_exit_codes(answers: tuple[Any, ...], code: int | None) -> None:
    outcome = for_each(pairs(*answers), double)
    assert len(outcome.done) + len(outcome.failed) == len(answers)
    if code is None:
        outcome.finish("m", False)
        return
    with pytest.raises(typer.Exit) as caught:
        outcome.finish("m", False)
    assert caught.value.exit_code == code


def test_json_holds_both(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        for_each(pairs(4, BROKEN), double).finish("m", True, lambda _: print("no report"))
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["results"] == [{"input": "0.cif", "name": "0", "twice": 8}]
    assert document["failures"][0]["input"] == "1.cif"
    assert "mend it" in err


def test_records_are_shown_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    for_each(pairs(1, 2), double, lambda r: f"{r['name']}: {r['twice']}").finish("m", False)
    assert capsys.readouterr().out == "0: 2\n\n1: 4\n"


def test_a_wrong_option_ends_the_command() -> None:
    def refuse(entry: Entry, answer: int) -> dict[str, Any]:
        raise ConfigError(f"{entry.name} {answer}", "wrong for every input", "choose another")

    with pytest.raises(ConfigError):
        for_each(pairs(1, 2), refuse)
