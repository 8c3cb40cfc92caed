"""Arrays of NumPy or of torch: what formulas that are written once need beyond what both share.

Arithmetic, ``@``, indexing, ``reshape``, ``swapaxes``, ``sum(axis)`` and functions of the same name
(`library_of`) are common to both. What is not stands here. torch is not imported: who has its
tensors has it.
"""

import math
import sys
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW_COLUMNS = 9  # up to which sums are quicker column by column than sorted
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


def like(values: Array, array: Array) -> Array:
    """Return values in library, type and place of another array."""
    if isinstance(array, np.ndarray):
        return np.asarray(values).astype(array.dtype, copy=False)
    return _in_torch(values).to(array)


def indices_like(values: Array, array: Array) -> Array:
    """Return whole numbers or truth values in library and place of another array."""
    if isinstance(array, np.ndarray):
        return np.asarray(values)
    return _in_torch(values).to(array.device)


def _in_torch(values: Array) -> Array:
    if isinstance(values, np.ndarray):
        # torch wants memory it may write to; what is shared here must not be written to.
        return sys.modules["torch"].from_numpy(np.require(values, requirements=["C", "W"]))
    return values


def typed(array: Array, dtype: Any = None, device: str | None = None) -> Array:
    """Return an array in another type; on a `device` other than cpu it becomes one of torch."""
    if isinstance(array, np.ndarray):
        found = array if dtype is None else array.astype(dtype, copy=False)
        if device is None or device == "cpu":
            return found
        return import_module("torch").from_numpy(found).to(device)
    return array.to(device=device, dtype=dtype)


_constants: dict[Hashable, Array] = {}


def constant(make: Callable[..., NDArray[Any]], *arguments: Hashable, of: Array) -> Array:
    """Return ``make(*arguments)`` in library, type and place of an array; each is made once."""
    where = () if isinstance(of, np.ndarray) else (of.device,)
    key = (make, arguments, of.dtype, *where)
    if key not in _constants:
        if isinstance(of, np.ndarray):
            _constants[key] = make(*arguments).astype(of.dtype)
        else:
            with sys.modules["torch"].inference_mode(False):  # training may need it afterwards
                _constants[key] = like(make(*arguments), of)
    return _constants[key]


def taken(array: Array, places: Array) -> Array:
    """Return the rows of an array at `places` (m,)."""
    if isinstance(array, np.ndarray):
        return array.take(places, axis=0)
    return array.index_select(0, places)


def in_pieces(made: Callable[[slice], Array], n: int, *, of: Array, most: int = 512) -> Array:
    """Return what `made` makes of rows 0 to n: in NumPy of so many at a time, which stay in the
    cache; in torch, whose gradients want few operations, of all.
    """
    if n <= most or not isinstance(of, np.ndarray):
        return made(slice(0, n))
    first = made(slice(0, most))
    found = np.empty((n, *first.shape[1:]), dtype=first.dtype)  # joined at the end they were twice
    found[:most] = first
    for k in range(most, n, most):
        found[k : k + most] = made(slice(k, min(k + most, n)))
    return found


def split(array: Array, sizes: Sequence[int], axis: int) -> Sequence[Array]:
    """Return an array cut along an axis into parts of these sizes."""
    if isinstance(array, np.ndarray):
        return np.split(array, np.cumsum(sizes)[:-1], axis=axis)
    return tuple(array.split(list(sizes), dim=axis))


def silu(x: Array) -> Array:
    """Return x times its sigmoid."""
    if not isinstance(x, np.ndarray):
        return sys.modules["torch"].nn.functional.silu(x)
    with np.errstate(over="ignore"):
        below = np.exp(-x)
    below += 1.0
    return np.divide(x, below, out=below)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    if not isinstance(x, np.ndarray):
        return x.sigmoid()
    with np.errstate(over="ignore"):
        below = np.exp(-x)
    below += 1.0
    return np.divide(1.0, below, out=below)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    if isinstance(x, np.ndarray):
        return np.logaddexp(x.dtype.type(0.0), x)
    return sys.modules["torch"].nn.functional.softplus(x)


def folded(blocks: Array, matrix: Array) -> Array:
    """Return blocks (..., k) times a matrix (k, c) as one product: many small ones are slow."""
    k, c = matrix.shape
    return (blocks.reshape(-1, k) @ matrix).reshape(*blocks.shape[:-1], c)


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
    columns = values.reshape(len(values), math.prod(values.shape[1:])).T
    if len(columns) <= FEW_COLUMNS and values.dtype == np.float64:
        for column, sums in zip(columns, found.reshape(n, len(columns)).T, strict=True):
            sums[...] = np.bincount(places, column, n)
    elif len(places):  # sums of sorted runs: np.add.at is slow
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
