"""The structures of a request: its files, or the texts and dictionaries that its JSON holds."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phonodos.service.limits import Limits
from phonodos.service.problems import Refused
from phonodos.service.tasks import Stored
from phonodos.service.uploads import Body, store


def files_of(body: Body, folder: Path) -> list[Stored]:
    """Return the structures of a request: its files, or what JSON holds."""
    unknown = sorted(set(body.files) - {"file"})
    if unknown:
        raise Refused(
            f"a file in the field '{unknown[0][:40]}'",
            "structures come in fields called 'file'",
            "send them as -F file=@NaCl.cif",
        )
    if "file" in body.files:
        return body.files["file"]
    given = body.fields.pop("structures", None)
    if not isinstance(given, list) or not given:
        return [one_of(body, folder, "file", "structure")]
    name = body.fields.pop("filename", None)
    return [_written(folder, one, f"{n}-{name}" if name else f"{n}") for n, one in enumerate(given)]


def one_of(body: Body, folder: Path, field: str, key: str) -> Stored:
    """Return the one file of a field of a form, or the text or dictionary that JSON holds."""
    files = body.files.get(field, [])
    if len(files) > 1:
        raise Refused(f"{len(files)} files in '{field}'", "one is read", "send one of them")
    if files:
        return files[0]
    found = found_of(body, folder, key)
    if found is None:
        raise Refused(
            f"there is no {field if body.files else key} in the request",
            f"a file in the field '{field}' of a form, or '{key}' in JSON, was to be there",
            "for example: curl -F file=@NaCl.cif http://127.0.0.1:8000/api/v1/predict",
        )
    return found


def found_of(body: Body, folder: Path, key: str) -> Stored | None:
    """Return what JSON holds under a name, written to a file; or the one file of that name."""
    if body.files.get(key):
        return body.files[key][0]
    value = body.fields.pop(key, None)
    named = "filename" if key == "structure" else f"{key}_filename"
    name = body.fields.pop(named, None)
    if isinstance(value, list) and len(value) == 1:  # a field of a form
        value = value[0]
    if value in (None, "", []):
        return None
    return _written(folder, value, name if isinstance(name, str) else key)


def _written(folder: Path, value: Any, name: str) -> Stored:
    if isinstance(value, str):
        return store(folder, name, value.encode("utf-8", "replace"))
    if not isinstance(value, dict | list):
        raise Refused(
            f"a structure that is a {type(value).__name__}",
            "it is the text of a file, or a dictionary as pymatgen, ASE or OPTIMADE write it",
            "send one of these",
        )
    stem = name.rpartition(".")[0] if name.lower().endswith((".json", ".cif")) else name
    return store(folder, f"{stem}.json", json.dumps(value).encode())


def check_number(files: Sequence[Stored], limits: Limits) -> None:
    """Raise `Refused` (413) if there are more files than are answered in one request."""
    if len(files) > limits.together:
        raise Refused(
            f"{len(files)} files in one request",
            f"at most {limits.together} are answered at once",
            "send them as a job (POST /api/v1/jobs), which gives a table of all",
            413,
        )
