"""Measured and published spectra: any text or CSV file with two columns of numbers."""

import re
from pathlib import Path

import numpy as np

from phonodos.errors import ConfigError, DataError
from phonodos.physics.curve import Curve
from phonodos.physics.units import UNIT_SPELLINGS, per_wavenumber

_UNIT = re.compile(
    rf"(?<![A-Za-z])({'|'.join(map(re.escape, UNIT_SPELLINGS))})(?![A-Za-z])", re.IGNORECASE
)
_FIX = "give two columns of numbers, frequency and intensity; comments start with #"


def read_curve(path: Path, unit: str | None = None) -> tuple[Curve, str]:
    """Read two columns, frequency and intensity, apart by commas, semicolons, tabs or blanks.

    Lines that start with # and one header line are skipped; further columns (errors) are left out.

    Parameters
    ----------
    path
        The file.
    unit
        ``cm-1``, ``meV`` or ``THz``; where None the header or a comment must name it.

    Returns
    -------
    The curve, and the unit of the file.

    Raises
    ------
    DataError
        If the file cannot be read, a line holds text, or the axis does not rise or is negative.
    ConfigError
        If the unit is unknown, not named, or another one than the header names.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        reason = getattr(err, "strerror", None) or "it is not a text file"
        raise DataError(f"{path} cannot be read", reason, "check the path") from err
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    # Warnings at the head of our own files speak of other frequencies than those of the axis.
    heads = [line for _, line in lines if line.startswith("#")]
    comments = [line for line in heads if not line.startswith("# warning:")]
    body = [(n, line) for n, line in lines if not line.startswith("#")]
    if body and _numbers(body[0][1]) is None:
        comments.append(body.pop(0)[1])
    chosen = _unit(path, unit, comments)
    rows = []
    for n, line in body:
        numbers = _numbers(line)
        if numbers is None or len(numbers) < 2:
            raise DataError(f"{path}, line {n}: no two numbers", f"it reads '{line[:60]}'", _FIX)
        rows.append(numbers[:2])
    if not rows:
        raise DataError(f"{path} holds no numbers", f"{len(lines)} lines, none with numbers", _FIX)
    w, g = np.array(rows).T
    try:
        return Curve(w / per_wavenumber(chosen), g), chosen
    except DataError as err:
        raise DataError(f"{path}: {err.summary}", err.reason, err.fix) from None


def _numbers(line: str) -> list[float] | None:
    try:
        return [float(word) for word in re.split(r"[\s,;]+", line.strip(" ,;\t")) if word]
    except ValueError:
        return None


def _unit(path: Path, given: str | None, comments: list[str]) -> str:
    if given is not None:
        per_wavenumber(given)
    words = [match[1].lower() for line in comments for match in _UNIT.finditer(line)]
    named = {UNIT_SPELLINGS[word] for word in words}
    if given is None and len(named) == 1:
        return named.pop()
    if given is None:
        raise ConfigError(
            f"{path}: the unit of the frequency axis is not known",
            "its header names " + (" and ".join(sorted(named)) or "no unit"),
            "say it: --reference-units cm-1, meV or THz",
        )
    if len(named) == 1 and given not in named:
        raise ConfigError(
            f"{path}: --reference-units {given}, but its header says {named.pop()}",
            "one of both must be wrong, by a factor of 4 to 33",
            "leave the option out, or correct the header",
        )
    return given
