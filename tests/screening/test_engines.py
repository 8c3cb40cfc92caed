"""Engines: what is refused, and that the serial one leaves torch as it was."""

import pytest
import torch

from phonodos.errors import ConfigError
from phonodos.screening.calculator import Recipe
from phonodos.screening.engines import cores, start_engine


@pytest.mark.parametrize(
    ("name", "workers", "address", "reason"),
    [
        ("poool", None, None, "unknown engine 'poool'"),
        ("pool", 0, None, "0 workers"),
        ("pool", None, "auto", "--address without Ray"),
    ],
)
def test_refusals(name: str, workers: int | None, address: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        start_engine(name, Recipe("", "", "", None, (300.0,)), workers, address)


def test_ray_that_is_absent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="needs Ray") as caught:
        start_engine("ray", Recipe("", "", "", None, (300.0,)))
    assert "phonodos[ray]" in caught.value.fix


def test_serial_leaves_torch_alone() -> None:
    before = torch.get_num_threads()
    engine = start_engine("serial", Recipe.of(None, None, (300.0,)))
    assert list(engine.run([])) == []
    engine.close()
    assert torch.get_num_threads() == before
    assert cores() >= 1
