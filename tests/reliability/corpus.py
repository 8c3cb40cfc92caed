"""Texts of five formats that are right, written from the examples: what the fuzzer starts from."""

import json
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.physics.crystal import Crystal
from phonodos.structures.objects import to_atoms, to_phonopy_atoms, to_structure
from phonodos.structures.reading import read_crystal

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
Text = tuple[str, str]  # contents, end of the file's name


def cif(paths: list[Path], _: list[Crystal]) -> list[Text]:
    """Return the examples as they are, and two of them in one file."""
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [(text, ".cif") for text in [*texts, texts[0] + "\n" + texts[1]]]


def poscar(_: list[Path], crystals: list[Crystal]) -> list[Text]:
    """Return POSCARs: direct, Cartesian, with selective dynamics, by volume, of VASP 4."""
    texts = [to_structure(crystal).to(fmt="poscar") for crystal in crystals]
    title, _, *rest = texts[0].splitlines()
    lines = [title, "-100.0", *rest]
    moved = [*lines[:7], "Selective dynamics", *(f"{line} T F T" for line in lines[7:])]
    old = [lines[5], *lines[1:5], *lines[6:]]
    texts += ["\n".join(x) + "\n" for x in (lines, moved, old)]
    texts.append((EXAMPLES / "NaCl.vasp").read_text(encoding="utf-8"))
    places = [" ".join(map(repr, map(float, xyz))) for xyz in crystals[0].positions]
    texts.append("\n".join([*texts[0].splitlines()[:7], "Cartesian", *places]))
    return [(text, ".vasp") for text in texts]


def plain(crystal: Crystal) -> dict[str, Any]:
    """Return a crystal in the plainest JSON."""
    return {
        "id": crystal.formula,
        "lattice": crystal.cell.tolist(),
        "frac_coords": crystal.frac_coords.tolist(),
        "species": list(crystal.symbols),
    }


def _optimade(crystal: Crystal) -> dict[str, Any]:
    kinds = sorted(set(crystal.symbols))
    attributes = {
        "lattice_vectors": crystal.cell.tolist(),
        "cartesian_site_positions": crystal.positions.tolist(),
        "species": [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in kinds],
        "species_at_sites": list(crystal.symbols),
        "dimension_types": [1, 1, 1],
    }
    return {"id": crystal.formula, "type": "structures", "attributes": attributes}


def _ase_rows(crystals: list[Crystal]) -> str:
    from ase.db import connect

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        rows = connect(str(path))
        for crystal in crystals:
            rows.write(to_atoms(crystal))
        return path.read_text(encoding="utf-8")


def json_texts(paths: list[Path], crystals: list[Crystal]) -> list[Text]:
    """Return JSON: pymatgen, plain, lines, OPTIMADE, entries, CIF inside, rows of ASE."""
    few = crystals[:3]
    whole = [to_structure(crystal).as_dict() for crystal in crystals]
    entry = {"material_id": "m-1", "metadata": {"nsites": 2}, "structure": whole[0]}
    inside = [{"id": path.stem, "structure": path.read_text(encoding="utf-8")} for path in paths]
    texts = [json.dumps(x, indent=1) for x in [*whole, [plain(c) for c in few], [entry], inside]]
    texts.append(json.dumps({"data": [_optimade(c) for c in few], "meta": {}}, indent=1))
    texts.append(json.dumps({"one": plain(few[0]), "two": plain(few[1])}))
    texts.append(_ase_rows(few))
    lines = "\n".join(json.dumps(plain(c)) for c in few) + "\n"
    return [*((text, ".json") for text in texts), (lines, ".jsonl"), (lines, ".jsonl")]


def phonopy(_: list[Path], crystals: list[Crystal]) -> list[Text]:
    """Return what phonopy writes, in Angstrom and in bohr, and its older form."""
    from phonopy import Phonopy

    texts = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "phonopy.yaml"
        for crystal in crystals:
            phonon = Phonopy(to_phonopy_atoms(crystal), np.eye(3), primitive_matrix=np.eye(3))
            phonon.save(path, settings={"displacements": False})
            texts.append(path.read_text(encoding="utf-8"))
    cell = texts[0][texts[0].index("unit_cell:") :]
    texts.append('physical_unit:\n  length: "au"\n' + cell)
    old = [line.removeprefix("  ") for line in cell.splitlines()[1:]]
    texts.append("\n".join(old).replace("points:", "atoms:").replace("coordinates", "position"))
    return [(text, ".yaml") for text in texts]


def extxyz(_: list[Path], crystals: list[Crystal]) -> list[Text]:
    """Return what ASE writes, one frame and two."""
    from ase.io import write

    texts = []
    for crystal in crystals:
        stream = StringIO()
        write(stream, to_atoms(crystal), format="extxyz")
        texts.append(stream.getvalue())
    return [(text, ".extxyz") for text in [*texts, texts[0] + texts[1]]]


FORMATS: dict[str, Callable[[list[Path], list[Crystal]], list[Text]]] = {
    "cif": cif,
    "poscar": poscar,
    "json": json_texts,
    "phonopy": phonopy,
    "extxyz": extxyz,
}


def corpus(form: str) -> list[Text]:
    """Return the texts of one format."""
    paths = sorted(EXAMPLES.glob("*.cif"))
    crystals = [read_crystal(path) for path in paths]
    return FORMATS[form](paths, [crystal for crystal in crystals if crystal.is_ordered])
