"""Weight files: safetensors with a JSON header that says what the numbers are and where from.

The header (`WeightHeader`) holds the format version, the network's configuration, the recipe of the
target, the ids of the split, what was seen in training, metrics, versions, a checksum of header and
tensors, and the answers that every network gave on small reference crystals when it was written.
Loading compares the checksum, which finds every altered bit, and computes the answers anew, which
finds a version of phonodos that computes something else.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from phonodos.errors import PhonodosError, WeightsError, WeightsWarning, failure_of
from phonodos.files import write_bytes
from phonodos.model.arrays import Array
from phonodos.model.header import FORMAT_VERSION as FORMAT_VERSION
from phonodos.model.header import HEADER_KEY as HEADER_KEY
from phonodos.model.header import (
    WeightHeader,
    checked,
    header_digest,
    parse_header,
)
from phonodos.model.kinds import network_of, reference_answers
from phonodos.model.network import Network
from phonodos.model.parameters import misfit
from phonodos.model.storage import misstored, restored, without_scales
from phonodos.version import __version__

REFERENCE_TOLERANCE = 1e-3  # of the largest value; float32 on other machines differs by 1e-6
KNOWN = ("I8", "F16", "F32", "F64")  # types of tensors, by the names of the format
# Tensors of the ensembles of release 0.1, whose files hold no checksum of them.
RELEASED_BEFORE = (
    "2fb1c6194884b9cce483673802af78282ca7a24231ff95e2ce1afe7508a2bff4",  # lattice
    "7bdd2d97226f8b0a6cf222aec77cf67e9f37fd962f21ef47e1b58d3bb3e71d91",  # lattice-paper
)


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


def read_header(path: Path) -> WeightHeader:
    """Return the header of a weight file.

    Raises
    ------
    WeightsError
        If the file is truncated, no safetensors file, not ours, of a newer format, damaged, or a
        value in the header makes no sense.
    """
    with _opened(path) as file:
        return _header(path, file)


def load_network(path: Path, *, check: bool = True) -> tuple[Network, WeightHeader]:
    """Return the first network in a weight file, ready to predict, and the header.

    Raises
    ------
    WeightsError
        As `load_networks`; without `check` the reference answers are not compared.
    """
    networks, header = load_networks(path, members=1, check=check)
    return networks[0], header


def load_networks(
    path: Path, members: int | None = None, *, check: bool = True
) -> tuple[list[Network], WeightHeader]:
    """Return the members of an ensemble, or the one network of a file, and the header.

    Warns
    -----
    WeightsWarning
        If the file has no checksum, as those of release 0.1. It is loaded if every member gives its
        reference answers, or its tensors are those of a released file.

    Raises
    ------
    WeightsError
        If the file is unreadable or damaged, its tensors do not fit the configuration in its
        header, a network does not give the reference answers stored in the header, or more members
        are asked for than there are.
    """
    header, tensors = read_weights(path)
    if members is not None and not 1 <= members <= header.held:
        raise WeightsError(
            f"{path.stem} has no {members} members",
            f"it holds {header.held}",
            f"ask for 1 to {header.held}",
        )
    wanted = header.held if members is None else members
    _check_names(path, header, tensors)
    if header.checksum is None:
        _check_old(path, header, tensors, wanted)
    networks = _networks(path, header, tensors, wanted)
    for number, network in enumerate(networks if check else ()):
        expected = header.answers(number)
        if expected is not None:
            _check_reference(path, network, expected, number)
    if header.checksum is None:
        _warn(path)
    return networks, header


def read_member(path: Path, number: int = 1) -> Network:
    """Return one member of an ensemble, from 1, or the one network of a file.

    Raises
    ------
    WeightsError
        If the file is unreadable or damaged, has no such member, or its tensors do not fit.
    """
    header, tensors = read_weights(path)
    if not 1 <= number <= header.held:
        raise WeightsError(
            f"{path.stem} has no member {number}",
            f"it holds {header.held}",
            "choose 1" if header.held == 1 else f"choose from 1 to {header.held}",
        )
    network = _network(path, header, tensors, number - 1)
    if header.checksum is None:
        _warn(path)
    return network


def read_weights(path: Path) -> tuple[WeightHeader, dict[str, Array]]:
    """Return header and tensors of a weight file, as they are stored.

    Raises
    ------
    WeightsError
        If the file is unreadable, the checksum does not fit, or a tensor holds something else than
        finite floating-point numbers.
    """
    with _opened(path) as file:
        header = _header(path, file)
        tensors = {name: _tensor(path, file, name) for name in sorted(file.keys())}
    if header.checksum and header.checksum.tensors != tensors_digest(tensors):
        raise _damaged(path, "tensors")
    return header, tensors


def stored_bits(path: Path) -> int:
    """Return in how many bits the large matrices of a weight file are stored: 8, 16, 32 or 64.

    Raises
    ------
    WeightsError
        If the file is unreadable or holds no tensors.
    """
    with _opened(path) as file:
        kinds = {str(file.get_slice(name).get_dtype()) for name in sorted(file.keys())}
    bits = [int(kind[1:]) for kind in kinds if kind in KNOWN]
    if not bits:
        raise _damaged(path, "tensors")
    return min(bits)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, OSError, ValueError) as err:
        raise WeightsError(
            f"{path} is not a readable weight file",
            f"the file is truncated, damaged or no safetensors file ({str(err)[:200]})",
            "copy or download it again and compare the sizes",
        ) from err


def _tensor(path: Path, file: Any, name: str) -> Array:
    """Return a tensor of an open file; raises `WeightsError` unless it holds finite numbers."""
    kind = file.get_slice(name).get_dtype()
    tensor = file.get_tensor(name) if kind in KNOWN else None
    finite = tensor is not None and _is_finite(tensor)
    if tensor is None or not finite:
        raise WeightsError(
            f"{path}: the tensor '{name[:200]}' holds no finite floating-point numbers",
            f"its type is {kind}" + ("" if tensor is None else ", with infinities or NaN in it"),
            "training went wrong or the file was altered: use another copy, or train again",
        )
    return tensor


def _is_finite(tensor: Array) -> bool:
    """Return whether the numbers of a tensor are finite in the 32 bits of the networks."""
    if tensor.dtype == np.float64:
        with np.errstate(over="ignore"):
            tensor = tensor.astype(np.float32)
    return bool(np.isfinite(tensor).all())


def _header(path: Path, file: Any) -> WeightHeader:
    metadata = file.metadata() or {}
    if HEADER_KEY not in metadata:
        raise WeightsError(
            f"{path} holds no phonodos header",
            "it is a safetensors file of another program, or its header was edited",
            "use weights written by phonodos train or phonodos models",
        )
    header, digest = parse_header(metadata[HEADER_KEY], str(path))
    if header.checksum and header.checksum.header != digest:
        raise _damaged(path, "header")
    return header


def _damaged(path: Path, part: str) -> WeightsError:
    return WeightsError(
        f"{path} is damaged: {part} and checksum do not fit",
        "numbers in the file were altered after it was written",
        "copy or download it again; phonodos models calibrate is what may change a header",
    )


def tensors_digest(tensors: Mapping[str, Array]) -> str:
    """Return the SHA-256 of tensors in the order of their names: name, type, shape and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        # With the type's name in torch, which wrote the first files.
        digest.update(f"{name}\0torch.{tensor.dtype.name}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _check_names(path: Path, header: WeightHeader, tensors: Mapping[str, Array]) -> None:
    """Raise `WeightsError` where the file holds tensors of no member, or a member has none."""
    if header.members is None:
        return
    held = {name.partition(".")[0] for name in tensors}
    wanted = {str(number) for number in range(header.members)}
    if held != wanted:
        raise WeightsError(
            f"{path}: the tensors are not those of {header.members} members",
            "there are none of member " + ", ".join(sorted(wanted - held)[:3])
            if wanted - held
            else "others are among them: " + ", ".join(sorted(held - wanted)[:3])[:200],
            "the file was edited, or belongs to another version of phonodos",
        )


def _networks(
    path: Path, header: WeightHeader, tensors: dict[str, Array], wanted: int
) -> list[Network]:
    """Return the first members, whose tensors are taken out of `tensors`."""
    return [_network(path, header, tensors, number) for number in range(wanted)]


def _network(path: Path, header: WeightHeader, tensors: dict[str, Array], number: int) -> Network:
    """Return a member, from 0; its tensors, taken out of `tensors`, must be those of the table."""
    try:
        network, config = network_of(header.network)
    except PhonodosError:
        raise
    except Exception as err:
        raise failure_of(
            err, f"{path}: the network of its header cannot be built", WeightsError,
            "use weights and a version of phonodos that belong together",
        ) from err  # fmt: skip
    prefix = header.prefix(number)
    taken = [name for name in tensors if name.startswith(prefix)]
    own = {name.removeprefix(prefix): tensors.pop(name) for name in taken}
    if found := misstored(own) or misfit(network.table(config), without_scales(own)):
        raise WeightsError(
            f"the tensors of {path} do not fit the network of its header",
            found[:300],
            "the file was edited, or belongs to another version of phonodos",
        )
    return network(config, restored(own))


def _check_old(path: Path, header: WeightHeader, tensors: Mapping[str, Array], wanted: int) -> None:
    """Raise `WeightsError` where nothing in a file without a checksum tells what a member says."""
    unknown = [number for number in range(wanted) if header.answers(number) is None]
    if unknown and tensors_digest(tensors) not in RELEASED_BEFORE:
        raise WeightsError(
            f"{path}: members 2 to {header.held} cannot be checked",
            "the file has no checksum and holds the reference answers of its first member only, "
            "as ensembles of release 0.1 do",
            "if you trust the file, add both: phonodos models seal FILE; or use --members 1",
        )


def _warn(path: Path) -> None:
    warnings.warn(
        f"{path} has no checksum: it was written by phonodos 0.1 or by another program. "
        "`phonodos models seal FILE` adds one",
        WeightsWarning,
        stacklevel=4,
    )


def save_network(path: Path, network: Network, header: Mapping[str, Any]) -> None:
    """Write a network as a weight file, atomically; reference answers and versions are added."""
    answers = reference_answers(network)
    full = {
        **header,
        "network": network.config.model_dump(mode="json"),
        "versions": versions(),
        "reference": answers,
        "references": [answers],
    }
    write_weights(path, network.parameters, full)


def rewrite_header(path: Path, changes: Mapping[str, Any]) -> None:
    """Write new values into the header of a weight file, atomically; tensors stay to the bit.

    Raises
    ------
    WeightsError
        If the file is unreadable or damaged.
    """
    header, tensors = read_weights(path)
    kept = {key: value for key, value in header.to_dict().items() if key != "formerly"}
    write_weights(path, tensors, {**kept, **changes})


def add_to_header(path: Path, found: Mapping[str, Any]) -> bool:
    """Write what was found out of weights into their header; return whether that changed the file.

    For values that no prediction depends on: results that were made with the file as it was stay
    known as its own (its SHA-256 is kept). Tensors stay to the bit, a file that holds the values
    already stays as it is.

    Raises
    ------
    WeightsError
        If the file is unreadable or damaged, or a value makes no sense.
    """
    header, tensors = read_weights(path)
    old = header.to_dict()
    if all(key in old and old[key] == value for key, value in found.items()):
        return False
    now, *formerly = known_as(path)
    write_weights(path, tensors, {**old, **found, "formerly": [*formerly, now]})
    return True


def seal(path: Path) -> WeightHeader:
    """Add checksum and reference answers of all members to a weight file; return its header.

    Tensors stay to the bit. Results that were made with the file as it was stay known as its own:
    its SHA-256 is kept in the header. A file that has a checksum stays as it is.

    Raises
    ------
    WeightsError
        If the file is unreadable or damaged, or its first member does not give its answers.
    """
    header, tensors = read_weights(path)
    if header.checksum is not None:
        return header
    _check_names(path, header, tensors)
    networks = _networks(path, header, dict(tensors), header.held)
    for number, network in enumerate(networks):
        expected = header.answers(number)
        if expected is not None:
            _check_reference(path, network, expected, number)
    with path.open("rb") as file:
        before = hashlib.file_digest(file, "sha256").hexdigest()
    more = {
        "references": [header.reference, *(reference_answers(n) for n in networks[1:])],
        "formerly": [*header.formerly, before],
    }
    write_weights(path, tensors, header.to_dict() | more)
    return read_header(path)


def known_as(path: Path) -> tuple[str, ...]:
    """Return the SHA-256 of a weight file, and those of earlier files that give the same numbers.

    Raises
    ------
    WeightsError
        As `read_header`.
    """
    header = read_header(path)
    with path.open("rb") as file:
        return (hashlib.file_digest(file, "sha256").hexdigest(), *header.formerly)


def write_weights(
    path: Path, tensors: Mapping[str, Array], header: Mapping[str, Any]
) -> WeightHeader:
    """Write tensors and header as a weight file with its checksum; a reader never sees half of one.

    The format is the oldest that holds them. Returns the header as it was written.

    Raises
    ------
    WeightsError
        If the header makes no sense.
    DataError
        If the disk refuses; a file that was there stays.
    """
    stored = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    content = json.loads(json.dumps({k: v for k, v in header.items() if k != "checksum"}))
    content["format_version"] = _format_of(stored, content)
    checked(content, str(path))
    content["checksum"] = {"tensors": tensors_digest(stored), "header": header_digest(content)}
    write_bytes(path, save(stored, metadata={HEADER_KEY: json.dumps(content)}))
    return checked(content, str(path))


def _format_of(tensors: Mapping[str, Array], header: Mapping[str, Any]) -> int:
    """Return the oldest format that a file can be of: older versions of phonodos read that."""
    network = header.get("network", {})
    if network.get("head_multipoles", 0):
        return FORMAT_VERSION
    is_plain = all(tensor.dtype != np.int8 for tensor in tensors.values())
    return 1 if is_plain and network.get("copies", 1) == 1 else 2


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    found = {"phonodos": __version__}
    for package in ("torch", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _check_reference(
    path: Path, network: Network, expected: Sequence[Sequence[float]], number: int
) -> None:
    """Raise `WeightsError` unless a network gives its answers; NaN on either side is no answer."""
    try:
        found, wanted = np.array(reference_answers(network)), np.array(expected)
        fits = found.shape == wanted.shape and found.size > 0
        fits = fits and bool(
            np.abs(found - wanted).max() <= REFERENCE_TOLERANCE * np.abs(wanted).max()
        )
    except Exception as err:
        raise failure_of(
            err, f"{path}: no reference answers can be computed", WeightsError,
            "use the version named in the header (phonodos models show), or train again",
        ) from err  # fmt: skip
    if not fits:
        who = "the network" if number == 0 else f"member {number + 1}"
        raise WeightsError(
            f"{path}: {who} does not give its reference answers",
            "the tensors were altered, or this version of phonodos computes something else",
            "use the version named in the header (phonodos models show), or train again",
        )
