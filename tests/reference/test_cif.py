"""CIF as pymatgen reads it: the same cells, sites and fractions on files both understand."""

import json
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from phonodos.structures.archives import read_members
from phonodos.structures.reading import read_crystals


def by_pymatgen(text: str) -> tuple[np.ndarray, list[dict[str, float]], np.ndarray]:
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = CifParser.from_str(text).parse_structures(primitive=False)[0]
    sites = [{e.symbol: float(f) for e, f in site.species.items()} for site in found]
    return found.lattice.matrix, sites, found.frac_coords


def assert_like_pymatgen(text: str) -> None:
    (ours,) = read_crystals("-", text)
    cell, sites, coords = by_pymatgen(text)
    np.testing.assert_allclose(ours.cell, cell, atol=1e-6)
    assert len(sites) == ours.n_atoms
    for site, xyz in zip(sites, coords, strict=True):  # the order of sites may differ
        apart = ours.frac_coords - xyz
        apart -= np.rint(apart)
        near = int(np.argmin(np.linalg.norm(apart @ cell, axis=1)))
        assert np.linalg.norm(apart[near] @ cell) < 1e-3  # pymatgen rounds 0.3333 to a third
        assert dict(ours.occupancy[near]) == pytest.approx(site)


def test_examples_are_read_as_by_pymatgen(examples: Path) -> None:
    files = sorted(examples.glob("*.cif"))
    assert len(files) > 5
    for path in files:
        assert_like_pymatgen(path.read_text(encoding="utf-8"))


def test_real_structures_are_read_as_by_pymatgen(shared: Path) -> None:
    archive = next((shared / "dfpt2018").glob("*.tar.xz"))
    for _, content in islice(read_members(archive, ".json"), 40):
        assert_like_pymatgen(json.loads(content)["metadata"]["structure"])
