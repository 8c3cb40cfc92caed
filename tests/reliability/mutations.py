"""Seeded damage to a text: what transfer, editors, other programs and malice do to a file."""

import random
import re
from collections.abc import Callable

NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
WORD = re.compile(r"[\w.+-]+")

NUMBERS = (
    "nan", "NaN", "inf", "-inf", "Infinity", ".inf", ".nan", "1e308", "-1e308", "1e-308", "1e400",
    "-0", "0", "-1", "-3", "1e-5", "1e5", "1e9", "1e18", "-1e25", "99999999999999999999",
    "9" * 400, "9" * 5000, "1_000", "0x10", "0b_", "0o9", "1:60", "1/0", "1(2)", "1,5", "3 3",
    "0.3333", "179.99", "180", "--1", ".", "?", "", "null", "true", '""', "[]", "{}", "\u0663",
    "\u00b2", "\u2212" + "1", "2001-99-99",
)  # fmt: skip
TOKENS = (
    "data_", "loop_", "save_", "_cell_length_a", "_atom_site_fract_x", "'", '"', ";", "\n;\n", "#",
    "x+1/0,y,z", "x,y,z", "-x,-y", "'P 1'", "'F m -3 m'", "Xx", "D", "T", "O2-", "Og", "Na.",
    "Direct", "Cartesian", "Selective", "!", "vacancy", "occupancy", "mixture", "metadata",
    "[", "]", "{", "}", ":", ",", "- ", "&a ", "*a", "<<: *a", "!!python/object/apply:os.getcwd []",
    "!!float x", "|", "---", "...", "? ", "~", 'Lattice="1 2 3"', 'pbc="T T F"',
    "Properties=species:S:1:pos:R:3", "Properties=", "masses:R:1", "_JSON({)", '"__ndarray__"',
)  # fmt: skip
ODD = (
    "\0", "\ufeff", "\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\u00e9", "\ud800", "\\ud800",
    "\u202e", "\u0301", "\U0001f600", "\r", "\t",
)  # fmt: skip
LONG = ("9", "'a ", '"', " ", "\t", "\n", "a", "0 ", "1,", "{", "&a [*a,*a] ", "data_", "1e9 ", "-")


def flip(rng: random.Random, text: str) -> str:
    """Flip one to eight bits, as a bad disk does."""
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data.decode("utf-8", "surrogateescape")


def drop_lines(rng: random.Random, text: str) -> str:
    """Leave out some lines."""
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return "".join(lines[:at] + lines[at + rng.choice((1, 1, 2, 5)) :])


def repeat_lines(rng: random.Random, text: str) -> str:
    """Write some lines twice, or twenty times."""
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines[at:at] = lines[at : at + rng.choice((1, 1, 3))] * rng.choice((1, 1, 2, 20))
    return "".join(lines)


def swap_lines(rng: random.Random, text: str) -> str:
    """Exchange two lines."""
    lines = text.splitlines(keepends=True)
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return "".join(lines)


def swap_words(rng: random.Random, text: str) -> str:
    """Exchange two words."""
    words = list(WORD.finditer(text))
    if len(words) < 2:
        return text
    a, b = sorted(rng.sample(words, 2), key=lambda match: match.start())
    return text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]


def change_number(rng: random.Random, text: str) -> str:
    """Put something extreme in the place of a number, or scale it."""
    numbers = list(NUMBER.finditer(text))
    if not numbers:
        return text
    match = rng.choice(numbers)
    new = rng.choice(NUMBERS)
    if rng.random() < 0.3:
        new = repr(
            float(match[0]) * rng.choice((-1, 1e-10, 1e-3, 0.4, 0.5, 1.89, 2, 30, 1e3, 1e10))
        )
    return text[: match.start()] + new + text[match.end() :]


def change_word(rng: random.Random, text: str) -> str:
    """Put a word that means something in some format in the place of another."""
    words = list(WORD.finditer(text))
    if not words:
        return text
    match = rng.choice(words)
    return text[: match.start()] + rng.choice(TOKENS + NUMBERS) + text[match.end() :]


def insert(rng: random.Random, text: str) -> str:
    """Put a word, or a character that few expect, anywhere."""
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(TOKENS + ODD) + text[at:]


def truncate(rng: random.Random, text: str) -> str:
    """Cut the text off."""
    return text[: rng.randrange(len(text) + 1)]


def cut_out(rng: random.Random, text: str) -> str:
    """Leave out up to 400 characters."""
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.randrange(400) :]


def nest(rng: random.Random, text: str) -> str:
    """Nest a place deeply."""
    depth = rng.choice((3, 50, 2000, 100_000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}"), ("- ", ""), ("(", ")")))
    numbers = list(NUMBER.finditer(text))
    if not numbers:
        return opening * depth + text
    match = rng.choice(numbers)
    inside = opening * depth + match[0] + closing * depth
    return text[: match.start()] + inside + text[match.end() :]


def lengthen(rng: random.Random, text: str) -> str:
    """Put up to 300 kB of the same into a line."""
    at = rng.randrange(len(text) + 1)
    piece = rng.choice(LONG)
    return text[:at] + piece * (rng.choice((1000, 30_000, 300_000)) // len(piece)) + text[at:]


OFTEN: tuple[Callable[[random.Random, str], str], ...] = (
    flip, drop_lines, repeat_lines, swap_lines, swap_words, change_word, change_word, insert,
    insert, truncate, cut_out, *[change_number] * 6,
)  # fmt: skip
SELDOM = (nest, lengthen)
SHARE_OF_SELDOM = 0.03


def mutate(rng: random.Random, text: str) -> bytes:
    """Return the text with one to three changes, as bytes; now and then not UTF-8 any more."""
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        kinds = SELDOM if rng.random() < SHARE_OF_SELDOM else OFTEN
        text = rng.choice(kinds)(rng, text or "x")
    if rng.random() < 0.03:
        return text.encode("utf-16", "surrogatepass")
    if rng.random() < 0.05:
        return text.encode("latin-1", "replace")
    return b"".join(map(_bytes, text))


def _bytes(c: str) -> bytes:
    # What a flipped bit made of a byte stays that byte; other lone surrogates are three bytes.
    if "\udc80" <= c <= "\udcff":
        return bytes([ord(c) - 0xDC00])
    return c.encode("utf-8", "surrogatepass")
