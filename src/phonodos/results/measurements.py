"""Measured and published spectra: any text or CSV file with two columns of numbers, or three."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, DataError
from phonodos.physics.curve import Curve
from phonodos.physics.resolution import Resolution
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, UNIT_SPELLINGS, per_wavenumber

Array = NDArray[np.float64]
SIDES = ("loss", "gain")
OTHER = {"loss": "gain", "gain": "loss"}

_UNIT = re.compile(
    rf"(?<![A-Za-z])({'|'.join(map(re.escape, UNIT_SPELLINGS))})(?![A-Za-z])", re.IGNORECASE
)
_FIX = "give two columns of numbers, frequency and intensity; comments start with #"


@dataclass(frozen=True, eq=False)
class Measurement:
    """A spectrum as an instrument wrote it.

    Attributes
    ----------
    curve
        Points at frequencies from 0 on [cm^-1], with errors where the file has them.
    unit
        Of the frequency axis of the file.
    notes
        What was left out or turned round.
    """

    curve: Curve
    unit: str
    notes: tuple[str, ...] = ()


def read_curve(path: Path, unit: str | None = None) -> tuple[Curve, str]:
    """Return the curve of `read_measurement`, at energy loss, and the unit of its file."""
    found = read_measurement(path, unit)
    return found.curve, found.unit


def read_measurement(
    path: Path,
    unit: str | None = None,
    *,
    side: str = "loss",
    temperature: float | None = None,
) -> Measurement:
    """Read two or three columns: frequency, intensity, standard deviation of the intensity.

    They stand apart by commas, semicolons, tabs or blanks; decimal commas are understood where
    something else separates the columns. Lines that start with #, one header line, and the line
    with the number of the spectrum that Mantid (SaveAscii) puts above its columns are skipped. A
    third column that the header calls something else than an error, and further ones, are left out.

    Parameters
    ----------
    path
        The file.
    unit
        ``cm-1``, ``meV`` or ``THz``; where None the header or a comment must name it.
    side
        Of an axis with both signs: ``loss`` takes frequencies >= 0; ``gain`` takes those <= 0,
        turned round, and makes energy loss of them by detailed balance, times exp(h c w / k T).
    temperature
        [K] of the measurement, for ``gain``.

    Raises
    ------
    DataError
        If the file cannot be read, a line holds text, the axis does not rise, or it could mean two
        things.
    ConfigError
        If the unit is unknown, not named, or another one than the header names, or the side is.
    """
    if side not in SIDES or (side == "gain" and not (temperature or 0.0) > 0.0):
        raise ConfigError(
            f"--side {side} without a temperature" if side in SIDES else f"--side {side}",
            "spectra are read at energy loss or gain, and gain becomes loss by detailed balance",
            "write --side loss, or --side gain --temperature 300",
        )
    rows, chosen, errors = _read_rows(path, unit)
    try:
        return _measured(rows, chosen, errors, side, temperature)
    except DataError as err:
        raise DataError(f"{path}: {err.summary}", err.reason, err.fix) from None


def read_widths(path: Path, unit: str) -> Resolution:
    """Read a table of widths: energy transfer and full width at half maximum, in one unit.

    Parameters
    ----------
    path
        The file, read as spectra are.
    unit
        Where its header names none.

    Raises
    ------
    DataError, ConfigError
        As `read_measurement`, and as `Resolution`.
    """
    text = _lines(path)
    named = _named([line for _, line in text[0] + text[1][:1]])
    rows, chosen, _ = _read_rows(path, None if len(named) == 1 else unit)
    factor = per_wavenumber(chosen)
    try:
        return Resolution(path.name, table=(rows[:, 0] / factor, rows[:, 1] / factor))
    except ConfigError as err:
        raise ConfigError(f"{path}: {err.summary}", err.reason, err.fix) from None


def _measured(
    rows: Array, unit: str, errors: bool, side: str, temperature: float | None
) -> Measurement:
    notes: list[str] = []
    w, g = rows[:, 0] / per_wavenumber(unit), rows[:, 1]
    e = rows[:, 2] if errors else None
    if len(w) > 1 and (np.diff(w) < 0.0).all():
        w, g, e = w[::-1], g[::-1], None if e is None else e[::-1]
        notes.append("the axis of the reference falls and was turned round")
    if (np.diff(w) <= 0.0).any():
        return Measurement(Curve(np.abs(w), g), unit)  # refused, in the words of `Curve`
    keep = w <= 0.0 if side == "gain" else w >= 0.0
    if left := int((~keep).sum()):
        notes.append(f"{left} points of the reference at energy {OTHER[side]} are left out")
    if keep.sum() < 3 <= len(w):
        raise DataError(
            f"{int(keep.sum())} points at energy {side}: a curve needs three points or more",
            f"the axis runs from {rows[:, 0].min():g} to {rows[:, 0].max():g} {unit}",
            f"choose the other side with --side {OTHER[side]} (and --temperature for gain)",
        )
    w, g, e = w[keep], g[keep], None if e is None else e[keep]
    if side == "gain" and temperature is not None:
        w, g, e = -w[::-1], g[::-1], None if e is None else e[::-1]
        balance = np.exp(np.minimum(KELVIN_PER_WAVENUMBER * w / temperature, 700.0))
        g, e = g * balance, None if e is None else e * balance
        notes.append(
            f"energy gain of the reference made loss by detailed balance at {temperature:g} K"
        )
    return Measurement(Curve(w, g, e), unit, tuple(notes))


def _lines(path: Path) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Return comments and other lines with their numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        reason = getattr(err, "strerror", None) or "it is not a text file"
        raise DataError(f"{path} cannot be read", reason, "check the path") from err
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    # Warnings at the head of our own files speak of other frequencies than those of the axis.
    heads = [(n, line) for n, line in lines if line.startswith("#")]
    comments = [(n, line) for n, line in heads if not line.startswith("# warning:")]
    return comments, [(n, line) for n, line in lines if not line.startswith("#")]


def _read_rows(path: Path, unit: str | None) -> tuple[Array, str, bool]:
    """Return (m, 2 or 3) numbers, the unit of the axis, and whether the third are errors."""
    found, body = _lines(path)
    comments = [line for _, line in found]
    if body and _numbers(body[0][1], False) is None and _numbers(body[0][1], True) is None:
        comments.append(body.pop(0)[1])
    if not body:
        what = f"{len(comments)} lines, none with numbers"
        raise DataError(f"{path} holds no numbers", what, _FIX)
    chosen = _unit(path, unit, comments)
    comma = _decimal_comma(path, body)
    rows: list[list[float]] = []
    spectra = 0
    for n, line in body:
        numbers = _numbers(line, comma)
        if numbers is not None and len(numbers) == 1 and numbers[0].is_integer():
            spectra += 1  # Mantid numbers its spectra, each in a line above the columns
            if spectra > 1 and rows:
                raise DataError(
                    f"{path}, line {n}: a second spectrum starts",
                    "the file holds several, as Mantid writes the detectors of a workspace",
                    "save one spectrum, for example that of SumSpectra",
                )
            if not rows:
                continue
        if numbers is None or len(numbers) < 2:
            raise DataError(f"{path}, line {n}: no two numbers", f"it reads '{line[:60]}'", _FIX)
        rows.append(numbers[:3])
    if not rows:
        what = f"{len(found) + len(body)} lines, none with numbers"
        raise DataError(f"{path} holds no numbers", what, _FIX)
    width = min(map(len, rows))
    table = np.array([row[:width] for row in rows])
    return table, chosen, width == 3 and _are_errors(comments)


def _numbers(line: str, comma: bool) -> list[float] | None:
    """Return the numbers of a line, with decimal points or commas; None if it holds text."""
    text = line.strip(" ,;\t")
    apart, text = (r"[\s;]+", text.replace(",", ".")) if comma else (r"[\s,;]+", text)
    try:
        return [float(word) for word in re.split(apart, text) if word]
    except ValueError:
        return None


def _decimal_comma(path: Path, body: list[tuple[int, str]]) -> bool:
    """Return whether commas are decimal ones: something else stands between the columns.

    Raises
    ------
    DataError
        If the file could be read both ways.
    """
    words = [re.split(r"[\s;]+", line.strip(" ;\t")) for _, line in body]
    inside = [w for line in words for w in line if re.search(r"\d,\d", w)]
    if not inside:
        return False
    points = any("." in w for line in words for w in line)
    apart = all(len(line) > 1 for line in words[1:] or words)
    once = all(w.count(",") <= 1 for line in words for w in line)
    if apart and once and not points:
        return True
    whole = all(len(line) == 1 and line[0].count(",") in (3, 5) for line in words)
    if (apart and points and any(";" in line for _, line in body)) or (whole and not points):
        n, line = body[0]
        raise DataError(
            f"{path}, line {n}: commas could be decimal points or stand between columns",
            f"it reads '{line[:60]}'",
            "write decimal points, or put semicolons between the columns",
        )
    return False


def _are_errors(comments: list[str]) -> bool:
    """Return whether a third column holds errors: it does unless a header says otherwise."""
    for line in reversed(comments):
        names = [x.strip() for x in re.split(r"[,;\t]+", line.lstrip("# ")) if x.strip()]
        if len(names) >= 3:
            return (
                re.match(r"e\b|d[yi]\b|err|sig|std|unc|±|\+-|fehler", names[2].lower()) is not None
            )
    return True


def _unit(path: Path, given: str | None, comments: list[str]) -> str:
    if given is not None:
        per_wavenumber(given)
    named = _named(comments)
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


def _named(comments: list[str]) -> set[str]:
    words = [match[1].lower() for line in comments for match in _UNIT.finditer(line)]
    return {UNIT_SPELLINGS[word] for word in words}
