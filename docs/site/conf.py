"""Settings of Sphinx; tools/website.py lays this file among the pages of the site."""

import dataclasses
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.domains.python import PyObject

import phonodos
from phonodos.version import __version__

PACKAGE = Path(phonodos.__file__).parent
SOURCE = "https://github.com/phonodos/phonodos/blob/main/src"

project = "phonodos"
author = "The phonodos developers"
release = version = __version__
copyright = author  # noqa: A001 (Sphinx wants this name)

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["notebooks/examples", "_build"]
default_role = "py:obj"  # docstrings say `name`: a link where there is one, code elsewhere
highlight_language = "text"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_output_stderr = "remove"  # warnings name a file of the kernel; predictions hold them too

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_inherit_docstrings = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "phonodos"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "gallery": []}
html_theme_options: dict[str, Any] = {
    "logo": {"text": "phonodos"},
    "github_url": "https://github.com/phonodos/phonodos",
    "navbar_align": "left",
    "show_prev_next": False,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "gallery": []},
    "footer_start": ["copyright"],
    "footer_center": [],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


for field in PyObject.doc_field_types:
    if field.name == "variable":
        field.label = "Attributes"  # as the docstrings call them
        field.rolename = ""  # or names lead to attributes of other classes


def no_constructor(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: Any, returns: Any
) -> tuple[str, None] | None:
    """Leave out how a result is made: nobody calls it but the function that returns it."""
    del app, options, signature, returns
    made = what == "class" and dataclasses.is_dataclass(obj)
    return ("", None) if made and name.count(".") > 1 else None


# Sphinx keeps a name with and without its module until it knows whether it leads somewhere.
ARRAY = re.compile(
    r"(?:ndarray)?(?:numpy\.)?ndarray\[(?:tuple)?tuple\[(?:Any)?Any, \.{3}\], "
    r"(?:dtype)?(?:numpy\.)?dtype\[(?:\w*numpy\.)?(\w+)\]\]"
)


def short_arrays(app: Any, tree: nodes.document) -> None:
    """Write the type of an array as the source has it, not as NumPy spells it out."""
    del app
    for paragraph in tree.findall(nodes.paragraph):
        words = [child.astext() for child in paragraph.children]
        for start in reversed([k for k, word in enumerate(words) if "ndarray" in word]):
            for end in range(start + 1, len(words) + 1):
                text = "".join(words[start:end])
                if ARRAY.search(text):
                    short = nodes.emphasis("", ARRAY.sub(r"NDArray[\1]", text))
                    short.parent = paragraph
                    paragraph.children[start:end] = [short]
                    break


def one_by_one(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Give each of several attributes that share a line of the docstring a line of its own."""
    del app, what, name, obj, options
    starts = [k for k, line in enumerate(lines) if re.fullmatch(r"\w+(?:, \w+)+", line)]
    for start in reversed(starts):
        end = start + 1
        while end < len(lines) and (not lines[end] or lines[end][0] == " "):
            end += 1
        body = lines[start + 1 : end]
        if body and body[0].startswith(" "):
            lines[start:end] = [each for n in lines[start].split(", ") for each in (n, *body)]


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Return where the source of a name stands in the repository."""
    del domain
    try:
        found = import_module(info["module"])
        for name in info["fullname"].split("."):
            found = inspect.unwrap(getattr(found, name))
        found = getattr(found, "fget", None) or getattr(found, "func", None) or found
        path = Path(inspect.getsourcefile(found) or "")
        line = inspect.getsourcelines(found)[1]
    except (AttributeError, OSError, TypeError):
        return None  # a field has no source of its own
    return f"{SOURCE}/{path.relative_to(PACKAGE.parent).as_posix()}#L{line}"


PLAIN: dict[str, list[str]] = {}  # docstrings of properties, while napoleon works


def put_aside(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep a property from napoleon, which takes what is before a colon for a type."""
    del app, obj, options
    if what == "property" and not any(line.startswith("---") for line in lines):
        PLAIN[name] = list(lines)
        lines.clear()


def put_back(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Give the property its docstring again."""
    del app, what, obj, options
    lines[:] = PLAIN.pop(name, lines)


def setup(app: Any) -> None:
    """Connect what Sphinx asks."""
    app.connect("doctree-read", short_arrays)
    app.connect("autodoc-process-docstring", one_by_one, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", put_aside, priority=400)
    app.connect("autodoc-process-docstring", put_back, priority=600)
    app.connect("autodoc-process-signature", no_constructor)
