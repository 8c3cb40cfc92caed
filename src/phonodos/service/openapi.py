"""What OpenAPI tells of every address: in words, with a request and an answer as examples."""

from typing import Any

from phonodos.service.orders import (
    AlloyOptions,
    CompareOptions,
    JobOptions,
    Options,
    PredictOptions,
)
from phonodos.service.problems import MEDIA

API = "/api/v1"
DESCRIPTION = (
    "Phonons of crystals, straight from their structures. Frequencies are in cm^-1, "
    "thermodynamics per mole of cells, unless a name says otherwise. Errors are problem documents "
    "(RFC 9457) with title, detail (why) and fix (what to do)."
)
NACL = (
    "data_NaCl\n_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n"
    "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
    "_symmetry_space_group_name_H-M 'F m -3 m'\nloop_\n_atom_site_type_symbol\n"
    "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nNa 0 0 0\nCl 0.5 0.5 0.5\n"
)
WRONG = {
    "type": "urn:phonodos:structure-error",
    "title": "x.cif: is in no format known here",
    "status": 422,
    "detail": "its contents look like none of the known formats",
    "fix": "give one of: CIF, POSCAR, extxyz, JSON of pymatgen or ASE, ASE db, phonopy.yaml",
    "instance": f"{API}/predict",
}
STATUSES = {
    400: "an option or the form makes no sense",
    403: "sent by a page of another site",
    404: "no such weights, job or address",
    408: "the request came too slowly",
    413: "too large, or too many",
    415: "neither a form nor JSON",
    422: "the structure cannot be read or predicted",
    500: "a worker died of it twice, or a fault of phonodos",
    503: "the queue is full; Retry-After says when to come again",
    504: "took longer than one request may",
}
_WHAT: dict[str, tuple[str, str, Any]] = {
    "health": (
        "How the service is",
        "Workers, queue and limits.",
        {"status": "ok", "workers": {"n": 2, "busy": 0, "replaced": 0},
         "queue": {"waiting": 0, "limit": 32}},
    ),
    "models": (
        "Weights that are served", "The default and the others.",
        {"default": "lattice", "models": [{"name": "lattice", "summary": "", "kind": "lattice"}]},
    ),
    "model": (
        "What is known of weights", "Card, metrics, and for every element its training crystals.",
        {"name": "lattice", "elements": {"Ag": {"n_train": 174, "error": None, "unit": None}}},
    ),
    "examples": (
        "Six crystals to begin with", "With the texts of their files.",
        {"examples": [{"name": "NaCl", "formula": "NaCl", "filename": "NaCl.cif", "text": "..."}]},
    ),
    "predict": (
        "Report of a crystal, or of several",
        "Spectrum, thermodynamics, stability, bands, modes and displacements. Of several crystals "
        "(20 at most) each has a report or a problem.",
        {"format": "phonodos-report", "format_version": 1, "name": "NaCl"},
    ),
    "files": ("The files of phonodos predict", "As one zip.", None),
    "html": ("The report as one file of HTML", "It needs nothing else.", None),
    "alloy": (
        "An alloy along its composition",
        "Between two end members (file, second), or by substitution (file, substitute).",
        {"study": {"model": "lattice", "results": [{
            "method": "embedding", "x": 0.5, "mean_frequency [cm-1]": 142.2,
            "intervals": {"mean_frequency": {"half_width": 5.0, "low": 137.2, "high": 147.2,
                                             "level": 0.9, "unit": "cm-1"}},
            "absent_intervals": {}}]},
         "spectra": {"frequencies": [], "points": [{"method": "embedding", "x": 0.5}]}},
    ),
    "compare": (
        "A prediction over a measured spectrum",
        "The reference holds two columns, frequency and intensity.",
        {"comparison": {"wasserstein_cm-1": 7.1}, "curves": {"frequencies": [], "prediction": []}},
    ),
    "jobs": (
        "Many crystals as one job", "Files, an archive of them, extxyz, or JSON.",
        {"id": "4Vw0cyV5bW2dR1xk", "url": f"{API}/jobs/4Vw0cyV5bW2dR1xk"},
    ),
    "job": (
        "How far a job is", "With the crystals that failed, and why.",
        {"id": "4Vw0cyV5bW2dR1xk", "state": "running", "done": 3, "total": 12, "failed": 0,
         "seconds": 2.5, "failures": []},
    ),
    "delete": ("End a job", "And remove all that is of it.", None),
    "rows": (
        "Rows of a job's table", "In the order of a column, some at a time (1000 at most).",
        {"columns": [{"name": "n_atoms", "unit": "", "description": "atoms in the cell"}],
         "rows": [{"n_atoms": 8}], "total": 1},
    ),
    "csv": ("The table as CSV", "The columns that hold one number or text.", None),
    "parquet": ("The table as Parquet", "As phonodos screen writes it, spectra included.", None),
}  # fmt: skip
_BODIES: dict[str, tuple[type[Options], dict[str, Any], tuple[str, ...]]] = {
    "predict": (PredictOptions, {"structure": NACL, "filename": "NaCl.cif"}, ("file",)),
    "files": (PredictOptions, {"structure": NACL, "filename": "NaCl.cif"}, ("file",)),
    "html": (PredictOptions, {"structure": NACL, "filename": "NaCl.cif"}, ("file",)),
    "alloy": (
        AlloyOptions,
        {"structure": NACL, "substitute": ["Na=K"], "x": [0.0, 0.5, 1.0]},
        ("file", "second"),
    ),
    "compare": (
        CompareOptions,
        {"structure": NACL, "reference": "# cm-1\n50 0.1\n150 1.0\n250 0.2\n"},
        ("file", "reference"),
    ),
    "jobs": (JobOptions, {"structures": [NACL]}, ("file",)),
}
_OTHER_MEDIA = {
    "files": "application/zip",
    "html": "text/html",
    "csv": "text/csv",
    "parquet": "application/octet-stream",
}


def documented(name: str) -> dict[str, Any]:
    """Return what FastAPI is told of an address, by its name."""
    summary, text, example = _WHAT[name]
    wrong = {"description": "", "content": {MEDIA: {"example": WRONG}}}
    statuses = STATUSES if name in _BODIES else {404: STATUSES[404]}
    responses: dict[int | str, dict[str, Any]] = {
        status: {**wrong, "description": words} for status, words in statuses.items()
    }
    good = 202 if name == "jobs" else 200
    if name in _OTHER_MEDIA:
        responses[good] = {"description": summary, "content": {_OTHER_MEDIA[name]: {}}}
    elif example is not None:
        media = {"application/json": {"example": example}}
        responses[good] = {"description": summary, "content": media}
    extra = {"openapi_extra": {"requestBody": _body(*_BODIES[name])}} if name in _BODIES else {}
    return {
        "summary": summary, "description": text, "operation_id": name, "responses": responses,
        "response_model": None, **extra,
    }  # fmt: skip


def _body(options: type[Options], example: dict[str, Any], files: tuple[str, ...]) -> Any:
    known = options.model_json_schema()["properties"]
    structure = {
        "description": "text of a file, or a dictionary of pymatgen, ASE or OPTIMADE",
        "anyOf": [{"type": "string"}, {"type": "object"}],
    }
    held = {key: structure if key != "filename" else {"type": "string"} for key in example}
    held = {key: known.get(key, value) for key, value in held.items()}
    sent = {"type": "array", "items": {"type": "string", "format": "binary"}}
    form = {key: {"type": "string"} for key in known} | dict.fromkeys(files, sent)
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": form}},
            "application/json": {
                "schema": {"type": "object", "properties": {**known, **held}},
                "example": example,
            },
        },
    }
