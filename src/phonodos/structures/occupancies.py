"""Occupancies as files write them: rounded fractions are scaled, vacancies refused or filled."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from numpy.typing import ArrayLike

from phonodos.errors import ConfigError
from phonodos.physics.crystal import OCCUPANCY_TOLERANCE, Crystal

VACANCIES = ("refuse", "fill")
ROUNDED = 0.005  # what one fraction of two digits may be off
NAMED = 3  # sites that a note names
_policy: ContextVar[str] = ContextVar("vacancies", default="refuse")


def check_vacancies(policy: str) -> str:
    """Return the policy; raises `ConfigError` if it is neither ``refuse`` nor ``fill``."""
    if policy not in VACANCIES:
        raise ConfigError(
            f"vacancies '{policy}' is not known",
            "a site that is partly vacant is refused, or filled by the elements that are on it",
            "write refuse or fill",
        )
    return policy


@contextmanager
def vacancies(policy: str) -> Iterator[None]:
    """Let crystals built in the block refuse partly vacant sites, or fill them.

    A context, because it concerns every reader and none of them uses it.
    """
    token = _policy.set(check_vacancies(policy))
    try:
        yield
    finally:
        _policy.reset(token)


def filling() -> bool:
    """Return whether partly vacant sites are filled here."""
    return _policy.get() == "fill"


def occupied(
    cell: ArrayLike, frac_coords: ArrayLike, sites: Sequence[Mapping[str, float]], name: str
) -> Crystal:
    """Build a crystal whose fractions sum to 1 on every site.

    Sums that rounding of each fraction to two digits explains (0.67 + 0.34) are scaled to 1, with
    a note; so are vacancies where they are to be filled (`vacancies`).

    Parameters
    ----------
    cell, frac_coords
        (3, 3) lattice vectors [A] and (n, 3) fractional coordinates.
    sites
        Element -> fraction, one mapping a site.
    name
        Name of the crystal.

    Raises
    ------
    StructureError
        As `Crystal` does: sums that are neither 1 nor to be filled, among others.
    """
    settled: list[Mapping[str, float]] = []
    rounded: list[int] = []
    filled: list[int] = []
    for index, site in enumerate(sites):
        total = sum(site.values())
        missing = 1.0 - total
        positive = bool(site) and min(site.values()) > 0.0
        if not positive or abs(missing) <= OCCUPANCY_TOLERANCE:
            settled.append(site)
            continue
        if abs(missing) <= ROUNDED * len(site) + 1e-9:
            rounded.append(index)
        elif missing > 0.0 and filling():
            filled.append(index)
        else:
            settled.append(site)
            continue
        settled.append({symbol: fraction / total for symbol, fraction in site.items()})
    crystal = Crystal(cell, frac_coords, tuple(settled), name)  # type: ignore[arg-type]
    notes = _notes(sites, rounded, filled)
    return replace(crystal, notes=(*crystal.notes, *notes)) if notes else crystal


def _notes(
    sites: Sequence[Mapping[str, float]], rounded: Sequence[int], filled: Sequence[int]
) -> list[str]:
    notes = []
    if rounded:
        shown = _shown(sites, rounded)
        notes.append(f"occupancies that miss 1 by rounding were scaled to 1: {shown}")
    if filled:
        missing = sum(1.0 - sum(sites[i].values()) for i in filled)
        notes.append(
            f"vacancies were filled by the elements present, {missing:.4g} atoms of {len(sites)} "
            f"in the cell: {_shown(sites, filled)}; the numbers are those of the filled crystal"
        )
    return notes


def _shown(sites: Sequence[Mapping[str, float]], indices: Sequence[int]) -> str:
    parts = [
        f"site {i + 1} ({' + '.join(f'{s} {f:g}' for s, f in sites[i].items())})"
        for i in indices[:NAMED]
    ]
    more = len(indices) - NAMED
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")
