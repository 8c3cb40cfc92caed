"""phonodos serve: what it needs, what it says, and that its help is light."""

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from phonodos.cli.serve import NEEDED, check_installed
from phonodos.errors import ConfigError

Phonodos = Callable[..., Any]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, phonodos: Phonodos) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name in NEEDED else find(name, *rest),
    )
    with pytest.raises(ConfigError, match=r"phonodos serve needs the extra \[web\]") as caught:
        check_installed()
    assert "python-multipart" in caught.value.reason
    assert caught.value.fix == "pip install 'phonodos[web]'"
    found = phonodos("serve")
    assert found.exit_code == 2
    assert "reason: fastapi, uvicorn, python-multipart cannot be imported" in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--queue", "0"), "--queue 0"),
        (("--max-atoms", "-1"), "--max-atoms -1"),
        (("--timeout", "0"), "a time limit of 0 s makes no sense"),
        (("--workers", "0"), "0 workers"),
        (("--model", "none"), "no weights named 'none'"),
        (("--host", "no.such.host.invalid"), "nothing can be served at"),
    ],
)
def test_options_that_make_no_sense(words: tuple[str, ...], said: str, phonodos: Phonodos) -> None:
    pytest.importorskip("fastapi")
    found = phonodos("serve", *words)
    assert found.exit_code == 2
    assert said in found.output


def test_what_it_is_told(monkeypatch: pytest.MonkeyPatch, phonodos: Phonodos) -> None:
    pytest.importorskip("fastapi")
    import phonodos.service.server as home

    seen: dict[str, Any] = {}

    def serve(host: str, port: int, *, tell: Callable[[str], None], **rest: Any) -> None:
        seen.update(rest, host=host, port=port)
        tell("http://127.0.0.1:9/")
        raise KeyboardInterrupt

    monkeypatch.setattr(home, "serve", serve)
    words = ("--host", "0.0.0.0", "--port", "9", "--timeout", "5", "--max-atoms", "7")
    more = ("--allow-host", "box", "--cors", "https://a.example", "--queue", "2", "--workers", "1")
    found = phonodos("serve", *words, *more)
    assert found.exit_code == 130
    assert "phonodos serves at http://127.0.0.1:9/" in found.output
    assert "reached by other machines" in found.output
    limits = seen["limits"]
    assert (limits.atoms, limits.waiting, limits.seconds) == (7, 2, 5.0)
    assert (seen["hosts"], seen["origins"], seen["workers"]) == (["box"], ["https://a.example"], 1)
