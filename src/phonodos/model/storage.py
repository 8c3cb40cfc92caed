"""In how many bits a weight file holds its tensors; networks compute in 32 whatever it holds.

In 8 bits a matrix is whole numbers from -127 to 127 and a scale of every row: ``layers.0.weight``
(n, m) of type int8 beside ``layers.0.weight.scale`` (n, 1) of type float32; a stack of matrices
(k, n, m), as convolutions hold, has scales (k, n, 1). Rounding is off by 1 % of a row's root mean
square, in no direction, and a sum over a hundred channels hardly feels it: frequencies move by
0.03 cm^-1, a hundredth of their error. Vectors and small matrices, which decide more of what a
network says per number, take 16 bits.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from phonodos.errors import ConfigError, WeightsError
from phonodos.model.arrays import Array

BITS: Final = (8, 16, 32)
SCALE: Final = ".scale"  # what the name of a matrix in 8 bits is followed by
LARGE: Final = 2**14  # elements of a matrix, or a stack, from which on it takes 8 bits
_MOST: Final = 127
_MATRICES: Final = (2, 3)  # axes of a matrix and of a stack


def stored(tensors: Mapping[str, Array], bits: int) -> dict[str, Array]:
    """Return tensors as a file holds them in `bits`; what takes fewer already stays to the bit.

    Parameters
    ----------
    tensors
        Of floats, or as they were stored before.
    bits
        32: as they are; 16: those of 32 bits in 16; 8: large matrices and stacks of them in 8, the
        rest in 16.

    Raises
    ------
    ConfigError
        As `check_bits`.
    WeightsError
        If a number is too large for 16 bits.
    """
    check_bits(bits)
    found: dict[str, Array] = {}
    for name, tensor in tensors.items():
        if bits == 32 or tensor.dtype == np.int8 or _is_scale(name, tensors):
            found[name] = tensor
        elif bits == 8 and tensor.ndim in _MATRICES and tensor.size >= LARGE:
            found[name], found[name + SCALE] = _in_bytes(tensor)
        else:
            found[name] = _in_half(name, tensor)
    return found


def check_bits(bits: int) -> None:
    """Raise `ConfigError` unless weights are stored in so many bits."""
    if bits not in BITS:
        raise ConfigError(
            f"weights are not stored in {bits} bits", "there are 8, 16 and 32", "choose one of them"
        )


def _in_half(name: str, tensor: Array) -> Array:
    with np.errstate(over="ignore"):
        found = tensor.astype(np.float16)
    if not np.isfinite(found).all():
        raise WeightsError(
            f"{name} does not fit into 16 bits",
            f"the largest number there is {np.finfo(np.float16).max:.0f}",
            "store these weights in 32 bits (--bits 32)",
        )
    return found


def _in_bytes(matrix: Array) -> tuple[Array, Array]:
    values = matrix.astype(np.float32)
    scale = np.abs(values).max(axis=-1, keepdims=True) / _MOST
    scale[scale == 0.0] = 1.0
    return np.clip(np.rint(values / scale), -_MOST, _MOST).astype(np.int8), scale


def restored(tensors: dict[str, Array]) -> dict[str, Array]:
    """Return stored tensors in 32 bits, taken out of `tensors` one by one.

    As stored and in 32 bits they are never all there, which a worker that loads them would keep as
    its peak of memory.
    """
    found = {}
    for name in [name for name in tensors if not _is_scale(name, tensors)]:
        tensor = tensors.pop(name).astype(np.float32, copy=False)
        scale = tensors.pop(name + SCALE, None)
        found[name] = tensor if scale is None else tensor * scale
    return found


def misstored(tensors: Mapping[str, Array]) -> str:
    """Return what keeps stored tensors from being restored, or an empty string."""
    for name, tensor in tensors.items():
        scale = tensors.get(name + SCALE)
        if scale is None:
            if tensor.dtype == np.int8:
                return f"{name[:200]} is in 8 bits and has no scale"
        elif not _belong_together(tensor, scale):
            return f"{name[:200]} and its scale do not belong together"
    return ""


def _belong_together(matrix: Array, scale: Array) -> bool:
    if matrix.dtype != np.int8 or matrix.ndim not in _MATRICES:
        return False
    if scale.shape != (*matrix.shape[:-1], 1):
        return False
    # What is restored is finite.
    largest = float(np.finfo(np.float32).max) / (_MOST + 1)
    return scale.dtype in (np.float16, np.float32) and bool((np.abs(scale) <= largest).all())


def rounding(tensor: Array, scale: Array | None) -> Array | None:
    """Return (..., n, 1) by how much rows stored in 8 bits may be off; None for other tensors."""
    return None if tensor.dtype != np.int8 or scale is None else 0.51 * np.abs(scale)


def without_scales(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return the stored tensors without their scales."""
    return {name: x for name, x in tensors.items() if not _is_scale(name, tensors)}


def _is_scale(name: str, tensors: Mapping[str, Array]) -> bool:
    return name.endswith(SCALE) and name.removesuffix(SCALE) in tensors
