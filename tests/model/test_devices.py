"""Devices: the CPU needs no torch; what needs it says so where it is absent."""

import sys

import pytest
from typer.testing import CliRunner

import phonodos
from phonodos.cli.main import app
from phonodos.errors import ConfigError
from phonodos.model.devices import INSTALL, check_device


def test_devices_that_are_none() -> None:
    check_device("cpu")
    for name in ("gpu", "cuda:97"):
        with pytest.raises(ConfigError, match=f"cannot compute on device '{name}'"):
            check_device(name)
    with pytest.raises(ConfigError, match="cannot compute on device 'gpu'"):
        phonodos.load("chen2021", device="gpu")


def test_without_torch_there_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    check_device("cpu")
    with pytest.raises(ConfigError, match="device 'cuda' needs torch") as caught:
        check_device("cuda")
    assert caught.value.fix == INSTALL


def test_training_without_torch_is_an_error_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = CliRunner().invoke(app, ["train", "x.toml"])
    assert done.exit_code != 0
    assert "phonodos train needs torch" in done.output
    assert INSTALL in done.output
