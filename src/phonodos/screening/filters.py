"""Filters: conditions on the rows of a table, such as ``n_atoms < 20 and not unstable``.

The text is parsed as Python and translated piece by piece into an Arrow expression; nothing in it
is ever run.
"""

import ast
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from phonodos.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc

LONGEST = 200  # names, comparisons and connectives: Arrow goes through them by recursion
SHOWN = 100  # characters of a condition in a message
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
}


def parse_filter(text: str, columns: Collection[str]) -> "pc.Expression":
    """Return the Arrow expression of a condition.

    Known are columns, numbers, texts in quotes, True, False, None, ``< <= > >= == !=``, chains of
    them, ``in`` and ``not in`` with a list, ``and``, ``or``, ``not``, brackets, and
    ``column is None``.

    Raises
    ------
    ConfigError
        If the text is something else or names no column.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise _wrong(text, getattr(err, "msg", None) or str(err) or "it is too long") from None
    size = sum(_size(node) for node in ast.walk(tree))
    if size > LONGEST:
        raise _wrong(text, f"it has {size} conditions and comparisons, at most {LONGEST} are read")
    try:
        return _condition(tree, text, columns)
    except (RecursionError, MemoryError, OverflowError) as err:
        raise _wrong(text, str(err) or type(err).__name__) from None


def _size(node: ast.AST) -> int:
    return 1 if isinstance(node, ast.BoolOp | ast.UnaryOp | ast.cmpop | ast.Name) else 0


def known_column(name: str, columns: Collection[str]) -> str:
    """Return the name; raises `ConfigError`, which names the nearest column, if there is none."""
    if name in columns:
        return name
    near = get_close_matches(name, columns, 1)
    raise ConfigError(
        f"no column '{name}'",
        "the table has, among others, c_v_300_per_kg, mean_frequency, n_atoms, formula",
        f"did you mean {near[0]}?" if near else "docs/screening.md lists the columns",
    )


def _condition(node: ast.expr, text: str, columns: Collection[str]) -> Any:
    if isinstance(node, ast.BoolOp):
        parts = [_condition(value, text, columns) for value in node.values]
        found = parts[0]
        for part in parts[1:]:
            found = found & part if isinstance(node.op, ast.And) else found | part
        return found
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_condition(node.operand, text, columns)
    if isinstance(node, ast.Compare):
        return _comparison(node, text, columns)
    if isinstance(node, ast.Name):
        return _field(node, columns)
    raise _wrong(text, f"'{_shown(node)}' is no condition")


def _comparison(node: ast.Compare, text: str, columns: Collection[str]) -> Any:
    sides = [node.left, *node.comparators]
    found: Any = None
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        part = _pair(left, operator, right, text, columns)
        found = part if found is None else found & part
    return found


def _pair(
    left: ast.expr, operator: ast.cmpop, right: ast.expr, text: str, columns: Collection[str]
) -> Any:
    if isinstance(operator, ast.In | ast.NotIn):
        values = _value(right, text)
        if not isinstance(left, ast.Name) or not isinstance(values, list | tuple):
            raise _wrong(text, "'in' stands between a column and a list such as ['MgO', 'NaCl']")
        inside = _field(left, columns).isin(_alike(values, text))
        return inside if isinstance(operator, ast.In) else ~inside
    if isinstance(operator, ast.Is | ast.IsNot):
        if not isinstance(left, ast.Name) or _value(right, text) is not None:
            raise _wrong(text, "'is' stands between a column and None")
        empty = _field(left, columns).is_null()
        return empty if isinstance(operator, ast.Is) else ~empty
    if not isinstance(left, ast.Name) and not isinstance(right, ast.Name):
        raise _wrong(text, "a comparison needs a column on one side")
    a, b = (_side(side, text, columns) for side in (left, right))
    return getattr(a, _COMPARISONS[type(operator)])(b)


def _side(node: ast.expr, text: str, columns: Collection[str]) -> Any:
    import pyarrow.compute as pc

    return _field(node, columns) if isinstance(node, ast.Name) else pc.scalar(_value(node, text))


def _field(node: ast.Name, columns: Collection[str]) -> Any:
    import pyarrow.compute as pc

    return pc.field(known_column(node.id, columns))


def _value(node: ast.expr, text: str) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        raise _wrong(text, f"'{_shown(node)}' is neither a column nor a value") from None
    for part in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(part, bool | int | float | str | None):
            raise _wrong(text, f"'{_shown(node)}' is neither number nor text, True, False or None")
        if isinstance(part, int) and abs(part) >= 2**63:
            raise _wrong(text, "it has a whole number of more than 18 digits")
        if isinstance(part, str) and not part.isprintable():
            raise _wrong(text, "it has a text with characters that cannot be printed")
    return value


def _alike(values: Sequence[Any], text: str) -> "pa.Array":
    """Return the values of a list as an array; they must be of one kind."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError) as err:
        raise _wrong(text, f"the values of a list must be alike ({err})") from None


def _shown(node: ast.expr) -> str:
    found = ast.unparse(node)
    return found if len(found) <= SHOWN else found[:SHOWN] + "..."


def _wrong(text: str, reason: str) -> ConfigError:
    return ConfigError(
        f'the condition "{text if len(text) <= SHOWN else text[:SHOWN] + "..."}" is not understood',
        reason,
        "write for example --where \"n_atoms < 20 and not unstable and formula != 'MgO'\"",
    )
