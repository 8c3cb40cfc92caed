"""`check_device`: where to compute. The CPU needs no torch, everything else does."""

from typing import Any

from phonodos.errors import ConfigError

INSTALL = "pip install '.[train]'"


def check_device(name: str) -> None:
    """Raise unless this machine has a device and what computes on it; torch is loaded unless cpu.

    Raises
    ------
    ConfigError
        If it is no device, this machine has none of that kind, or torch is not installed.
    """
    if name == "cpu":
        return
    torch = needed_torch(f"device '{name}'")
    try:
        torch.empty(0, device=torch.device(name))
    except (RuntimeError, AssertionError) as err:
        raise ConfigError(
            f"cannot compute on device '{name}'",
            str(err).split("\n")[0],
            "use device=cpu, or device=cuda on a machine with a GPU and a torch built for it",
        ) from err


def needed_torch(what: str) -> Any:
    """Return torch, which `what` needs.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        import torch
    except ImportError as err:
        raise ConfigError(
            f"{what} needs torch",
            f"it is not installed ({err}); predictions on the CPU do without",
            INSTALL,
        ) from err
    return torch
