"""The grammar of CIF 1.1: text into data blocks of keys and values, no crystallography.

Source: Hall, Allen and Brown, Acta Cryst. A 47, 655 (1991).
"""

import re
from collections.abc import Iterator, Sequence

from phonodos.errors import StructureError

Block = dict[str, list[str]]

_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_magn_operation_xyz",
    "_space_group_symop_magn_centering_xyz",
)
LONGEST_GLUED = 200  # characters of a symmetry operation that is written in pieces
_CLOSING = {mark: re.compile(rf"{mark}(?=\s|$)") for mark in "'\""}
_WORD = re.compile(r"\S+")
_DECISIVE = ("_cell_", "_atom_site_", "_symmetry_", "_space_group_")


def parse_blocks(text: str) -> list[tuple[str, Block]]:
    """Split CIF text into (name, block) pairs.

    Keys come in lower case and with dots as underscores; a value outside a loop is a list of one.

    Raises
    ------
    StructureError
        If a table that decides the structure is incomplete or an item stands there twice.
    """
    blocks: list[tuple[str, Block]] = []
    columns: list[str] = []  # keys that wait for values
    values: list[str] = []
    in_loop = False

    def close() -> None:
        if columns:
            if not blocks:  # no line data_...: the one structure of the file has no name
                blocks.append(("", {}))
            _store(blocks[-1][1], columns, values)
        columns.clear()
        values.clear()

    for words, bare in _tokens(text):
        if bare is None and columns and in_loop:
            values.extend(words)
            continue
        if bare and len(words) == 2 and (values or not in_loop) and blocks and _is_item(words):
            if columns:
                close()
            in_loop, key = False, words[0].lower().replace(".", "_")
            if key in blocks[-1][1]:
                _store(blocks[-1][1], [key], [words[1]])
            blocks[-1][1][key] = [words[1]]
            continue
        for token in words:
            lower = token.lower() if bare is not False else ""
            if lower.startswith("data_"):
                close()
                in_loop = False
                blocks.append((token[5:], {}))
            elif lower == "loop_":
                close()
                in_loop = True
            elif lower.startswith("_"):
                if values or not in_loop:
                    close()
                    in_loop = False
                columns.append(lower.replace(".", "_"))
            elif columns and not lower.startswith("save_"):
                values.append(token)
                if not in_loop:
                    close()
    close()
    return blocks


def _tokens(text: str) -> Iterator[tuple[Sequence[str], bool | None]]:
    """Yield tokens that stand together and whether they are bare, outside quotes and text fields.

    None stands for bare words among which there is no key and no keyword: these hold underscores.
    """
    field: list[str] | None = None
    for line in text.splitlines():
        rest = line
        if line[:1] == ";":
            if field is None:
                field = [line[1:]]
                continue
            yield ("\n".join(field),), False
            field, rest = None, line[1:]
        elif field is not None:
            field.append(line)
            continue
        if "'" in rest or '"' in rest or "#" in rest:
            for token, bare in _line_tokens(rest):
                yield (token,), bare
        elif words := rest.split():
            yield words, True if "_" in rest else None


def _is_item(words: Sequence[str]) -> bool:
    """Return whether two bare words are a key and its value, as most lines are."""
    return words[0][0] == "_" and "_" not in words[1]


def _line_tokens(line: str) -> Iterator[tuple[str, bool]]:
    """Yield the tokens of a line outside text fields, each character looked at once.

    A quote ends where the same mark is followed by a blank or the end of the line. Where it ends
    nowhere, what follows the blank before it is a bare word.
    """
    closing = {"'": True, '"': True}  # whether a mark of the kind may still close
    at, end = 0, len(line)
    while at < end:
        mark = line[at]
        if mark.isspace():
            at += 1
        elif mark == "#":
            return
        elif closing.get(mark):
            stop = _CLOSING[mark].search(line, at + 1)
            if stop is None:
                closing[mark] = False
                continue
            yield line[at + 1 : stop.start()], False
            at = stop.end()
        else:
            word = _WORD.match(line, at)
            assert word is not None
            yield word.group(), True
            at = word.end()


def _store(block: Block, columns: list[str], values: list[str]) -> None:
    decisive = any(c.startswith(_DECISIVE) for c in columns)
    if decisive and any(c in _OPERATIONS for c in columns):
        values = _glued(values)
    if decisive and len(values) % len(columns):
        raise StructureError(
            f"a table of the CIF is incomplete (that of {columns[0]})",
            f"{len(values)} values do not fill rows of {len(columns)}; the file may be cut off",
            "export the structure again, or complete the table",
        )
    for i, key in enumerate(columns):
        found = values[i :: len(columns)]
        if decisive and block.get(key, found) != found:
            raise StructureError(
                f"{key} is given twice with different values",
                "a CIF data block may hold each item once",
                "put a second structure into a data block of its own",
            )
        block[key] = found


def _glued(words: Sequence[str]) -> list[str]:
    """Put symmetry operations together that were written without quotes: ``x, -y, z + 1/2``."""
    found: list[str] = []
    for word in words:
        goes_on = word[:1] == "," or word in ("+", "-")
        open_ = found and len(found[-1]) <= LONGEST_GLUED
        if open_ and (goes_on or found[-1][-1:] in (",", "+", "-")):
            found[-1] += word
        else:
            found.append(word)
    return found
