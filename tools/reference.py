"""Pages of the Python reference: a page for every public name, made from docstrings.

What a function returns stands on its page: the class, and the classes of its attributes.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import phonodos

DEPTH = 2  # modules away from a public name: its result, and what the attributes of that are

FOREIGN = "Exception, tuple, str, BaseModel"  # bases whose members are not ours to explain
INSIDE = ("phonodos.model.harmonic",)  # what results hold and no user asks


def reference_pages(root: Path) -> dict[str, str]:
    """Return public name -> text of its page (MyST), below the repository `root`."""
    homes = {
        name: f"{home.__module__}.{home.__qualname__}"
        for name in phonodos.__all__
        if hasattr(home := getattr(phonodos, name), "__qualname__")
    }
    taken = set(homes.values())
    pages = {}
    for name, home in homes.items():
        is_class = isinstance(getattr(phonodos, name), type)
        found = list(_reached(home, root / "src", taken, DEPTH))
        if name == "PhonodosError":
            names = _classes(ast.parse((root / "src/phonodos/errors.py").read_text("utf-8")))
            found = [f"phonodos.errors.{kind}" for kind in names if kind != name]
        parts = [f"# {name}\n", _directive("class" if is_class else "function", f"phonodos.{name}")]
        if found:
            parts.append("## Kinds\n" if name == "PhonodosError" else "## What it gives\n")
            parts += [_directive("class", path) for path in found]
        pages[name] = "\n".join(parts)
    return pages


def _directive(kind: str, path: str) -> str:
    options = ["   :members:", f"   :inherited-members: {FOREIGN}"] if kind == "class" else []
    return "\n".join(["```{eval-rst}", f".. auto{kind}:: {path}", *options, "```\n"])


def _classes(tree: ast.Module) -> list[str]:
    return [n.name for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]


def _reached(path: str, source: Path, taken: set[str], depth: int) -> Iterator[str]:
    """Yield classes that annotations of a function or class name, nearest first, each once."""
    module, name = path.rsplit(".", 1)
    file = source.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    known = {word: f"{module}.{word}" for word in _classes(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("phonodos."):
            known |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    nearest = []
    for annotation in _annotations(tree, name):
        for word in ast.walk(ast.parse(annotation.replace('"', "").replace("'", ""))):
            target = known.get(word.id, "") if isinstance(word, ast.Name) else ""
            if target in taken or target.startswith(INSIDE):
                continue
            if target and _is_class(target):
                taken.add(target)
                nearest.append(target)
    yield from nearest
    for target in nearest:
        left = depth if target.startswith(f"{module}.") else depth - 1
        if left > 0:
            yield from _reached(target, source, taken, left)


def _is_class(path: str) -> bool:
    module, name = path.rsplit(".", 1)
    return isinstance(getattr(import_module(module), name, None), type)


def _annotations(tree: ast.Module, name: str) -> Iterator[str]:
    """Yield what a function returns, or what public fields and methods of a class are."""
    for node in tree.body:
        if getattr(node, "name", None) != name:
            continue
        for part in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(part, ast.FunctionDef) and part.returns and part.name[0] != "_":
                yield ast.unparse(part.returns)
            elif isinstance(part, ast.AnnAssign) and ast.unparse(part.target)[0] != "_":
                yield ast.unparse(part.annotation)
