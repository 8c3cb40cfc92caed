"""YAML from strangers: plain data only, of bounded size, whatever the text asks for.

The one place where foreign YAML is parsed. The loader knows no tags but those of plain data, so
that a text can name no Python object; what aliases repeat is counted before anything is built.
"""

import re
from collections.abc import Mapping
from typing import Any

from phonodos.errors import StructureError

LARGEST_CONTENT = 20_000_000  # nodes after aliases are written out; 1 GB as Python objects
_ALIAS = re.compile(r"(?:^|[\s\[{,:?-])\*[^\s\],}]", re.MULTILINE)


def read_yaml(text: str) -> Any:
    """Return the plain data of one YAML document: mappings, lists, numbers, texts, dates.

    Raises
    ------
    StructureError
        If the text is no YAML, holds a tag of Python or of an application, nests too deeply, or
        becomes too large where its aliases are written out.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _ALIAS.search(text):
            _check_size(node, {})
        return loader.construct_document(node)
    except StructureError:
        raise
    except yaml.constructor.ConstructorError as error:
        raise StructureError(
            "YAML that is more than plain data",
            " ".join(str(error).split()),
            "remove the tags ('!...') and unknown values; phonopy writes none",
        ) from None
    except yaml.YAMLError as error:
        raise StructureError(
            "not readable YAML", " ".join(str(error).split()), "write the file again with phonopy"
        ) from None
    except Exception as error:  # a date of month 99 or a number without digits, from the builders
        raise StructureError(
            "a value in the YAML text cannot be read",
            f"{type(error).__name__}: {' '.join(str(error).split())}",
            "correct the value, or write the file again with phonopy",
        ) from None
    finally:
        loader.dispose()


def read_yaml_mapping(text: str) -> Mapping[str, Any]:
    """Return the mapping of a YAML text, empty if it is something else; raises as `read_yaml`."""
    data = read_yaml(text)
    return data if isinstance(data, dict) else {}


def _check_size(node: Any, sizes: dict[int, int]) -> int:
    """Return the number of nodes below one, aliases counted as often as they are used."""
    known = sizes.get(id(node))
    if known is not None:
        return known
    sizes[id(node)] = LARGEST_CONTENT + 1  # met again below itself: it has no end
    size = 1
    if isinstance(node.value, list):
        for part in node.value:
            for child in part if isinstance(part, tuple) else (part,):
                size += _check_size(child, sizes)
                if size > LARGEST_CONTENT:
                    raise StructureError(
                        "YAML that unfolds without measure",
                        f"its aliases stand for more than {LARGEST_CONTENT:,} values",
                        "write the file again without anchors and aliases",
                    )
    sizes[id(node)] = size
    return size
