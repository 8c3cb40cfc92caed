"""Weight files: safetensors with a JSON header that says what the numbers are and where from.

The header holds the format version, the network's configuration, the recipe of the target, the ids
of the split, what was seen in training, metrics, versions, and the answers the network gave on
small reference crystals when it was written. Loading recomputes those answers.
"""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from phonodos.errors import WeightsError
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.reference import Network, reference_answers
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork

FORMAT_VERSION = 1
HEADER_KEY = "phonodos"
REFERENCE_TOLERANCE = 1e-3  # of the largest value; float32 on other machines differs by 1e-6
REQUIRED_KEYS = ("format_version", "name", "network", "target", "split", "training", "reference")

NETWORKS: dict[str, tuple[Any, Any]] = {
    "spectrum": (SpectrumConfig, SpectrumNetwork),
    "lattice": (LatticeConfig, LatticeNetwork),
}


def build_network(config: Mapping[str, Any]) -> Network:
    """Return an untrained network of the kind and hyperparameters in `config`.

    Raises
    ------
    WeightsError
        If the kind is unknown or a hyperparameter is unknown or out of range.
    """
    kind = config.get("kind")
    if kind not in NETWORKS:
        raise WeightsError(
            f"unknown kind of network '{kind}'",
            "this version of phonodos knows: " + ", ".join(NETWORKS),
            "update phonodos, or use other weights",
        )
    config_type, network_type = NETWORKS[kind]
    try:
        network: Network = network_type(config_type.model_validate(dict(config)))
        return network
    except (ValidationError, ValueError) as err:
        raise WeightsError(
            f"the configuration of the {kind} network is invalid",
            str(err).replace("\n", "; "),
            "use weights and a version of phonodos that belong together",
        ) from err


def weights_folder() -> Path:
    """Return the folder of the weights that come with the package."""
    return Path(str(files("phonodos"))) / "weights"


def available() -> list[str]:
    """Return the names of the weights that come with the package."""
    return sorted(path.stem for path in weights_folder().glob("*.safetensors"))


def weights_path(name_or_path: str | Path) -> Path:
    """Return the weight file of a released name or of a path.

    Raises
    ------
    WeightsError
        If there is neither a released weight nor a file of that name.
    """
    path = Path(name_or_path)
    if path.suffix == ".safetensors":
        if path.is_file():
            return path
        raise WeightsError(
            f"no weight file {path}", "the file does not exist", "check the path for a typing error"
        )
    if str(name_or_path) in available():
        return weights_folder() / f"{name_or_path}.safetensors"
    raise WeightsError(
        f"no weights named '{name_or_path}'",
        "the package comes with: " + (", ".join(available()) or "none"),
        "choose one of them (phonodos models list) or give the path of a .safetensors file",
    )


def read_header(path: Path) -> dict[str, Any]:
    """Return the checked JSON header of a weight file.

    Raises
    ------
    WeightsError
        If the file is truncated, no safetensors file, not ours, or of a newer format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as err:
        raise WeightsError(
            f"{path} is not a readable weight file",
            f"the file is truncated, damaged or no safetensors file ({err})",
            "copy or download it again and compare the sizes",
        ) from err
    try:
        header = json.loads(metadata[HEADER_KEY])
    except (KeyError, json.JSONDecodeError) as err:
        raise WeightsError(
            f"{path} holds no phonodos header",
            "it is a safetensors file of another program, or its header was edited",
            "use weights written by phonodos train or phonodos models",
        ) from err
    _check_header(path, header)
    return dict(header)


def _check_header(path: Path, header: dict[str, Any]) -> None:
    found = header.get("format_version")
    if not isinstance(found, int) or found > FORMAT_VERSION:
        raise WeightsError(
            f"{path} is of a newer format ({found})",
            f"this version of phonodos reads formats up to {FORMAT_VERSION}",
            "pip install --upgrade phonodos",
        )
    missing = [key for key in REQUIRED_KEYS if key not in header]
    if missing:
        raise WeightsError(
            f"{path}: the header lacks {', '.join(missing)}",
            "the file was written by something else or edited",
            "use weights written by phonodos train",
        )


def load_network(path: Path, *, check: bool = True) -> tuple[Network, dict[str, Any]]:
    """Return the network in a weight file, ready to predict, and the header.

    Raises
    ------
    WeightsError
        If the file is unreadable, its tensors do not fit the configuration in its header, or (with
        `check`) the network does not give the reference answers stored in the header.
    """
    header = read_header(path)
    network = build_network(header["network"])
    load_tensors(network, path)
    network.eval()
    if check:
        _check_reference(path, network, header["reference"])
    return network, header


def load_networks(path: Path, members: int | None = None) -> tuple[list[Network], dict[str, Any]]:
    """Return the members of an ensemble, or the one network of a file, and the header.

    Raises
    ------
    WeightsError
        As `load_network`, and if more members are asked for than there are.
    """
    header = read_header(path)
    held = int(header.get("members", 1))
    if members is not None and not 1 <= members <= held:
        raise WeightsError(
            f"{path.stem} has no {members} members",
            f"it holds {held}",
            f"ask for 1 to {held}",
        )
    if "members" not in header:
        network, header = load_network(path)
        return [network], header
    networks = []
    for number in range(members or held):
        network = build_network(header["network"])
        load_tensors(network, path, prefix=f"{number}.")
        network.eval()
        networks.append(network)
    _check_reference(path, networks[0], header["reference"])
    return networks, header


def load_member(network: nn.Module, path: Path, number: int = 1) -> None:
    """Fill `network` with one member of an ensemble, from 1, or with the one network of a file.

    Raises
    ------
    WeightsError
        If the file is unreadable, has no such member, or its tensors do not fit.
    """
    header = read_header(path)
    held = int(header.get("members", 1))
    if not 1 <= number <= held:
        raise WeightsError(
            f"{path.stem} has no member {number}",
            f"it holds {held}",
            "choose 1" if held == 1 else f"choose from 1 to {held}",
        )
    load_tensors(network, path, prefix=f"{number - 1}." if "members" in header else "")


def load_tensors(network: nn.Module, path: Path, prefix: str = "") -> None:
    """Fill `network` with the tensors of a file; raises `WeightsError` if they do not fit."""
    with safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {
            k.removeprefix(prefix): file.get_tensor(k).float()
            for k in file.keys()  # noqa: SIM118
            if k.startswith(prefix)
        }
    try:
        network.load_state_dict(tensors)
    except RuntimeError as err:
        raise WeightsError(
            f"the tensors of {path} do not fit the network of its header",
            str(err).split("\n")[1].strip() if "\n" in str(err) else str(err),
            "the file was edited, or belongs to another version of phonodos",
        ) from err


def save_network(path: Path, network: Network, header: Mapping[str, Any]) -> None:
    """Write a network as a weight file, atomically; reference answers and versions are added."""
    network.eval()
    tensors = {
        key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
    }
    full = {
        "format_version": FORMAT_VERSION,
        **header,
        "network": network.config.model_dump(mode="json"),
        "versions": versions(),
        "reference": reference_answers(network),
    }
    write_weights(path, tensors, full)


def rewrite_header(path: Path, changes: Mapping[str, Any]) -> None:
    """Write new values into the header of a weight file, atomically; tensors stay to the bit.

    Raises
    ------
    WeightsError
        If the file is unreadable.
    """
    header = {**read_header(path), **changes}
    write_weights(path, load_file(path), header)


def write_weights(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and header as a weight file; a reader never sees half of one."""
    data = save(dict(tensors), metadata={HEADER_KEY: json.dumps(header)})
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    found = {}
    for package in ("phonodos", "torch", "e3nn", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _check_reference(path: Path, network: Network, expected: list[list[float]]) -> None:
    found = np.array(reference_answers(network))
    wanted = np.array(expected)
    fits = found.shape == wanted.shape
    if not fits or np.abs(found - wanted).max() > REFERENCE_TOLERANCE * np.abs(wanted).max():
        raise WeightsError(
            f"{path}: the network does not give its reference answers",
            "the tensors were altered, or this version of phonodos computes something else",
            "use the version named in the header (phonodos models show), or train again",
        )
