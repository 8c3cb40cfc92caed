"""POSCAR, CONTCAR and XDATCAR of VASP 4 to 6 and of programs that write them, frame by frame.

Source: https://www.vasp.at/wiki/index.php/POSCAR and https://www.vasp.at/wiki/index.php/XDATCAR.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.structures.builds import Build, Entries, failed
from phonodos.structures.sites import element_symbol, number

MOST_KIND_LINES = 12  # lines of elements or counts; VASP writes 20 to a line
_CONFIGURATION = re.compile(r"\s*[a-z]+\s+configuration\s*=?\s*(\d{1,12})?", re.IGNORECASE)
_FRACTIONAL_HYDROGEN = re.compile(r"H\d?\.\d+")  # H.5, H1.25: potentials of passivated surfaces
_FLAGS = {"T", "F", ".TRUE.", ".FALSE."}
_LAYOUT = (
    "a POSCAR has a title, a scale, three lattice vectors, elements, counts, "
    "'Direct' or 'Cartesian', and a position a line"
)


@dataclass(frozen=True)
class _Header:
    """The lines before the positions, which several frames may share.

    Attributes
    ----------
    scale
        One factor, minus the volume, or three factors, as written.
    cell
        (3, 3) lattice vectors [A], scaled.
    title, names
        Words of the title, and of the line of elements (none in files of VASP 4).
    counts
        Atoms of every kind.
    end
        The line behind the counts.
    """

    scale: tuple[float, ...]
    cell: NDArray[np.float64]
    title: tuple[str, ...]
    names: tuple[str, ...]
    counts: tuple[int, ...]
    end: int

    @property
    def n_atoms(self) -> int:
        return sum(self.counts)


def read_poscar(text: str) -> Entries:
    """Yield the frames of a POSCAR, CONTCAR or XDATCAR; most files hold one.

    Elements come from their own line, else from labels behind the positions or the title (VASP 4).
    The label of a frame of an XDATCAR is the number of its configuration. Velocities and what else
    may follow the positions are passed over.
    """
    lines = text.splitlines()
    at: int | None = 0
    while at is not None:
        try:
            header = _header(lines, at)
        except StructureError as error:
            yield "", partial(failed, error)
            return
        at = header.end
        while True:
            configuration = _CONFIGURATION.match(lines[at]) if at < len(lines) else None
            label = (configuration.group(1) or "") if configuration else ""
            yield label, _frame(header, lines, at)
            at += 1 + _is_selective(lines, at) + header.n_atoms
            while at < len(lines) and not lines[at].strip():
                at += 1
            if at >= len(lines) or not _CONFIGURATION.match(lines[at]):
                break
        at = _next_header(lines, at)


def _frame(header: _Header, lines: list[str], at: int) -> Build:
    at += _is_selective(lines, at)
    return partial(_build, header, lines[at : at + 1 + header.n_atoms])


def _is_selective(lines: list[str], at: int) -> bool:
    return at < len(lines) and lines[at].strip()[:1].lower() == "s"  # selective dynamics


def _next_header(lines: list[str], at: int) -> int | None:
    """Return where another POSCAR begins behind the first, None where something else follows."""
    for start in (at, at - 1):  # its title may be empty
        try:
            header = _header(lines, start)
        except StructureError:
            continue
        mode = lines[header.end].strip()[:1] if header.end < len(lines) else ""
        if header.n_atoms and mode.isalpha() and np.linalg.det(header.cell):
            return start
    return None


def _words(line: str) -> list[str]:
    return re.split(r"[!#]", line)[0].split()


def _counts(line: str) -> list[int]:
    """Return the numbers of atoms that a line holds, none if it is another line."""
    words = _words(line)
    return [int(w) for w in words] if all(w.isascii() and w.isdecimal() for w in words) else []


def _header(lines: list[str], at: int) -> _Header:
    try:
        scale = _scale(lines[at + 1])
        cell = np.array([[number(x) for x in line.split()[:3]] for line in lines[at + 2 : at + 5]])
        names: list[str] = []
        counts: list[int] = []
        line = at + 5
        while not (found := _counts(lines[line])):
            names += _words(lines[line])
            line += 1
            if line > at + 5 + MOST_KIND_LINES:
                raise ValueError("there is no line of counts")
        while found and (not counts or len(counts) < len(names)):
            counts += found
            line += 1
            found = _counts(lines[line]) if line < len(lines) else []
    except (IndexError, ValueError, OverflowError) as error:
        raise _incomplete(error) from None
    if cell.shape != (3, 3):
        raise StructureError(
            "not a complete POSCAR", "a lattice vector has fewer than three numbers", "add them"
        )
    if len(scale) not in (1, 3) or min(scale) == 0.0 or (len(scale) == 3 and min(scale) < 0.0):
        raise StructureError(
            f"impossible scale '{lines[at + 1].strip()}'",
            "the second line is one factor, minus the volume, or three positive factors",
            "write 1.0 there and the lattice vectors in Angstrom",
        )
    volume = abs(float(np.linalg.det(cell)))
    if scale[0] < 0.0 and volume > 0.0:
        scale = [(-scale[0] / volume) ** (1.0 / 3.0)]
    title = tuple(_words(lines[at]))
    return _Header(tuple(scale), cell * np.array(scale), title, tuple(names), tuple(counts), line)


def _scale(line: str) -> list[float]:
    words = _words(line)
    found = [number(words[0])]
    for word in words[1:]:  # words may follow, as in "1.0 scaling factor"
        try:
            found.append(number(word))
        except ValueError:
            break
    return found


def _incomplete(error: Exception | str) -> StructureError:
    return StructureError(
        "not a complete POSCAR",
        f"a number or a line is missing or out of place ({error})",
        _LAYOUT,
    )


def _build(header: _Header, lines: list[str], name: str) -> Crystal:
    mode, rows = (lines[0] if lines else "").strip(), lines[1:]
    if re.match(r"[+-]?\.?\d", mode):
        raise _incomplete(f"'{mode[:40]}' stands where Direct or Cartesian should")
    if mode[:1].lower() in ("a", "b"):  # VASP reads fractions after any word but Cartesian
        raise _incomplete(f"'{mode[:40]}' is neither Direct nor Cartesian")
    try:
        coords = np.array([[number(x) for x in row.split()[:3]] for row in rows]).reshape(-1, 3)
    except (ValueError, OverflowError) as error:
        raise _incomplete(error) from None
    symbols, notes = _symbols(header, [_label(row) for row in rows])
    if mode[:1].lower() in ("c", "k") and np.linalg.det(header.cell) != 0.0:
        coords = coords * np.array(header.scale) @ np.linalg.inv(header.cell)
    crystal = Crystal.ordered(header.cell, coords, symbols, name)
    return replace(crystal, notes=tuple(notes)) if notes else crystal


def _label(row: str) -> str:
    """Return the element that is written behind a position, "" if there is none."""
    words = _words(row)[3:]
    if len(words) >= 3 and all(w.upper() in _FLAGS for w in words[:3]):
        words = words[3:]
    # A single T is a flag of selective dynamics rather than tritium.
    found = _element(words[0]) if words and words[0] != "T" else ""
    return found if elements.is_element(found) else ""


def _element(word: str) -> str:
    """Return the element of ``Sr_sv``, ``O/5a3f``, ``Fe1``, ``Na+`` or ``H.5``."""
    if _FRACTIONAL_HYDROGEN.match(word):
        return "H"
    return element_symbol(re.split(r"[_/]", word)[0])


def _symbols(header: _Header, labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the element of every atom, and notes."""
    counts, names = header.counts, header.names
    kinds = [_element(word) for word in names or header.title]
    labelled = len(labels) == header.n_atoms and all(labels)
    matching = len(kinds) == len(counts) and len(labels) == header.n_atoms
    if names and matching:
        symbols = np.repeat(kinds, counts).tolist()
        notes = [
            f"'{word}' is a potential of a fractional charge; it was taken for hydrogen"
            for word in names
            if _FRACTIONAL_HYDROGEN.match(word)
        ]
        other = [row for row, s in enumerate(labels) if s and not _alike(s, symbols[row])]
        if other:
            row = other[0]
            notes.append(
                f"atom {row + 1} is {symbols[row]} by the line of elements and {labels[row]} by "
                "the label behind its position; the line of elements was believed, as VASP does"
            )
        return symbols, notes
    titled = not names and matching and all(map(elements.is_element, kinds))
    symbols = np.repeat(kinds, counts).tolist() if titled else []
    if labelled and not names:
        if titled and not all(map(_alike, labels, symbols)):
            raise StructureError(
                "the title and the labels behind the positions name different elements",
                f"'{' '.join(header.title)[:60]}' against {', '.join(dict.fromkeys(labels))}; "
                "this is a file of VASP 4, without a line of elements",
                "write a line of elements before the counts",
            )
        return list(labels), []
    if titled:
        return symbols, []
    raise _unnamed(header, kinds, len(labels))


def _alike(a: str, b: str) -> bool:
    return elements.element_of(a) == elements.element_of(b)


def _unnamed(header: _Header, kinds: Sequence[str], n_rows: int) -> StructureError:
    counts = header.counts
    if len(kinds) != len(counts) or n_rows != header.n_atoms:
        return StructureError(
            f"{len(kinds)} elements, {len(counts)} counts and {n_rows} positions",
            "the line of elements, the line of counts and the positions do not match "
            "(VASP 4 files name the elements, if at all, in their title)",
            "write one element and one count a species, and a position for every atom",
        )
    wrong = next(chain((k for k in kinds if not elements.is_element(k)), ("",)))
    return StructureError(
        f"the title names '{wrong[:40]}', which is not a chemical element",
        "there is no line of elements before the counts (a file of VASP 4), and neither the title "
        "nor labels behind the positions name them",
        "write a line of elements before the counts, in the order of the counts",
    )
