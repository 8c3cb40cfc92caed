"""Arrays of NumPy or of torch: what formulas that are written once need beyond what both share.

Arithmetic, ``@``, indexing, ``reshape``, ``swapaxes``, ``sum(axis)`` and functions of the same name
(`library_of`) are common to both. What is not stands here. torch is not imported: who has its
tensors has it.
"""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any  # numpy.ndarray or torch.Tensor, all arguments of a function of one kind


def library_of(array: Array) -> Any:
    """Return the module an array is of: numpy or torch."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def as_numpy(array: Array) -> NDArray[Any]:
    """Return an array of either library as NumPy's, gradients left behind; of floats in float64."""
    if isinstance(array, np.ndarray):
        return array
    found: NDArray[Any] = array.detach().cpu().numpy()
    return found.astype(np.float64) if found.dtype.kind == "f" else found


def like(values: NDArray[Any], array: Array) -> Array:
    """Return values of NumPy in library, type and place of another array."""
    if isinstance(array, np.ndarray):
        return values.astype(array.dtype, copy=False)
    return sys.modules["torch"].from_numpy(np.ascontiguousarray(values)).to(array)


def indices_like(values: NDArray[Any], array: Array) -> Array:
    """Return whole numbers or truth values of NumPy in library and place of another array."""
    if isinstance(array, np.ndarray):
        return values
    return sys.modules["torch"].from_numpy(np.ascontiguousarray(values)).to(array.device)


def doubled(array: Array) -> Array:
    """Return an array in double precision."""
    return array.astype(np.float64, copy=False) if isinstance(array, np.ndarray) else array.double()


def typed_like(values: Array, array: Array) -> Array:
    """Return values in the type of another array of the same library."""
    if isinstance(values, np.ndarray):
        return values.astype(array.dtype, copy=False)
    return values.to(array.dtype)


def complex_of(real: Array, imaginary: Array) -> Array:
    """Return real + i imaginary."""
    if not isinstance(real, np.ndarray):
        return sys.modules["torch"].complex(real, imaginary)
    found = np.empty(real.shape, dtype=np.result_type(real, np.complex64))
    found.real, found.imag = real, imaginary
    return found


def sums_at(n: int, places: Array, values: Array) -> Array:
    """Return (n, ...) sums of those of `values` (m, ...) that have each of the `places` (m,)."""
    if not isinstance(values, np.ndarray):
        return values.new_zeros(n, *values.shape[1:]).index_add(0, places, values)
    found = np.zeros((n, *values.shape[1:]), dtype=values.dtype)
    if len(places):  # sums of sorted runs: np.add.at is slow
        order = np.argsort(places, kind="stable")
        first = np.flatnonzero(np.diff(places[order], prepend=-1))
        found[places[order[first]]] = np.add.reduceat(values[order], first, axis=0)
    return found


def converted(array: Array, dtype: Any, device: Any = None) -> Array:
    """Return an array in a floating-point type, as one of the library that the type is of.

    Arrays of whole numbers go to that library too, and keep their type. `device` is where torch's
    arrays go; where they are if None.
    """
    if not is_of_torch(dtype):
        array = as_numpy(array)
        return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array
    if isinstance(array, np.ndarray):
        array = sys.modules["torch"].from_numpy(np.ascontiguousarray(array))
    return array.to(device=device, dtype=dtype if array.is_floating_point() else array.dtype)


def is_of_torch(dtype: Any) -> bool:
    """Return whether a floating-point type is torch's, which is loaded then."""
    return type(dtype).__module__.partition(".")[0] == "torch"


def without_gradients(dtype: Any) -> AbstractContextManager[Any]:
    """Return a context in which torch keeps nothing for gradients; none for types of NumPy."""
    if is_of_torch(dtype):
        found: AbstractContextManager[Any] = sys.modules["torch"].inference_mode()
        return found
    return nullcontext()
