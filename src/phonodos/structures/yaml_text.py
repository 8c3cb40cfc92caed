"""YAML from strangers: plain data only, of bounded size, whatever the text asks for.

The one place where foreign YAML is parsed. The loader knows plain values alone: no tags (a tag may
name an object to be made), no merged mappings, no dates, numbers as in JSON. Aliases are allowed,
as PyYAML writes them; what they repeat is counted before anything is built: nine lines of nine
aliases each stand for 400 million values. So are the values of a long text, of which one may take
350 times its own size. Source: YAML 1.2, core schema.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from phonodos.errors import StructureError
from phonodos.structures.unpacking import LARGEST_MB, LIMIT_VARIABLE, largest_content

# Values, lists and mappings, aliases written out; of the kind that takes most (empty lists) so
# many take 0.9 GB while they are parsed.
LARGEST_CONTENT = 1_200_000
LONGEST_NUMBER = 400  # characters; a double has 17 digits and an exponent

_PREFIX = "tag:yaml.org,2002:"
_PYTHONIC = "1_000"  # a number to Python and to YAML 1.1, and numpy would take its text for one
_INT = re.compile(r"[-+]?[0-9]+$")
_PATTERNS = (
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", _INT.pattern, list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"
        r"|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$",
        list("-+.0123456789"),
    ),
    (_PYTHONIC, r"[-+]?[0-9.]*[0-9]_[0-9_.eE+-]*$", list("-+.0123456789")),
)
_KINDS = {f"{_PREFIX}{kind}" for kind in ("null", "bool", "str", "seq", "map")}
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlainLoader(_BASE):  # type: ignore[misc]
    """PyYAML's safe loader, made to know plain values only."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # filled below
    yaml_constructors = {  # noqa: RUF012
        tag: make for tag, make in _BASE.yaml_constructors.items() if tag is None or tag in _KINDS
    }


def _number(loader: Any, node: Any) -> float:
    text = str(loader.construct_scalar(node))
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters")
    if _INT.match(text):
        return int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _no_number(loader: Any, node: Any) -> float:
    raise ValueError(f"'{str(loader.construct_scalar(node))[:60]}' is no number")


for _kind, _pattern, _starts in _PATTERNS:
    PlainLoader.add_implicit_resolver(_PREFIX + _kind, re.compile(_pattern), _starts)
PlainLoader.add_constructor(f"{_PREFIX}int", _number)
PlainLoader.add_constructor(f"{_PREFIX}float", _number)
PlainLoader.add_constructor(_PREFIX + _PYTHONIC, _no_number)


def read_yaml(text: str) -> Any:
    """Return the plain data of one YAML document: mappings, lists, numbers, texts.

    Raises
    ------
    StructureError
        If the text is no YAML, holds a tag, nests too deeply, or holds too many values, those
        that aliases repeat included.
    """
    loader = None
    try:
        most = most_nodes()
        if "!" in text or _upper_bound(text) > most:
            _check_events(text, most)
        loader = PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if "*" in text:
            _check_size(node, {}, most)
        return loader.construct_document(node)
    except StructureError:
        raise
    except RecursionError:
        raise StructureError(
            "YAML that is nested too deeply",
            "lists or mappings lie in one another, hundreds deep",
            "write the file again with phonopy",
        ) from None
    except yaml.YAMLError as error:
        raise StructureError(
            "not readable YAML", " ".join(str(error).split()), "write the file again with phonopy"
        ) from None
    except Exception as error:  # a number of too many digits, keys that are lists
        raise StructureError(
            "a value in the YAML text cannot be read",
            f"{type(error).__name__}: {' '.join(str(error).split())}",
            "correct the value, or write the file again with phonopy",
        ) from None
    finally:
        if loader is not None:
            loader.dispose()


def read_yaml_mapping(text: str) -> Mapping[str, Any]:
    """Return the mapping of a YAML text, empty if it is something else; raises as `read_yaml`."""
    data = read_yaml(text)
    return data if isinstance(data, dict) else {}


def most_nodes() -> int:
    """Return how many values, lists and mappings a text may stand for; `--max-size` raises it."""
    return LARGEST_CONTENT * max(1, largest_content() // (LARGEST_MB << 20))


def _upper_bound(text: str) -> int:
    """Return a number of nodes that a text cannot exceed, at the cost of a search.

    A node begins at a line, or behind one of the signs; two at most behind one (a mapping and its
    key, a key and the value it has not).
    """
    return 2 * (1 + sum(map(text.count, "[{,:?-\n\r\x85\u2028\u2029")))


def _check_events(text: str, most: int) -> None:
    """Refuse tags and a text of too many nodes before any of them is built."""
    nodes = 0
    for event in yaml.parse(text, Loader=PlainLoader):
        nodes += isinstance(event, yaml.NodeEvent)
        if nodes > most:
            raise _too_much("the text holds", most)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise StructureError(
                f"YAML with a tag ('{tag[:60]}')",
                "a tag asks for an object to be made; structures and calculations need none",
                "write the file again with phonopy, and do not trust this one",
            )


def _too_much(what: str, most: int) -> StructureError:
    return StructureError(
        "YAML of too many values",
        f"{what} more than {most:,} values, which would take a gigabyte or more",
        "write the file without aliases and what is not needed, or raise the limit: twice as many "
        f"with --max-size (or {LIMIT_VARIABLE}) {2 * LARGEST_MB}, and so on",
    )


def _check_size(node: Any, sizes: dict[int, int], most: int) -> int:
    """Return the number of nodes below one, aliases counted as often as they are used."""
    known = sizes.get(id(node))
    if known is not None:
        return known
    sizes[id(node)] = most + 1  # met again below itself: it has no end
    size = 1
    if isinstance(node.value, list):
        for part in node.value:
            for child in part if isinstance(part, tuple) else (part,):
                size += _check_size(child, sizes, most)
                if size > most:
                    raise _too_much("its aliases stand for", most)
    sizes[id(node)] = size
    return size
