"""Rock salts are not elastically isotropic, and two of them differ in the sense of it.

Where every bond is axial, as for a network whose features end at l = 2 at octahedral sites, both
come out isotropic (docs/decisions/0026).
"""

from pathlib import Path

import pytest

from phonodos.studies.elastic import elastic

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
QUOTED = {"MgO": 1.5, "NaCl": 0.7}  # 2 C44 / (C11 - C12), commonly quoted, rounded, not traced


@pytest.mark.parametrize("name", QUOTED)
def test_anisotropy_of_zener(name: str) -> None:
    c = elastic(EXAMPLES / f"{name}.cif", model="lattice").stiffness
    ratio = 2.0 * c[3, 3] / (c[0, 0] - c[0, 1])
    assert (ratio > 1.1) == (QUOTED[name] > 1.0)
    assert ratio == pytest.approx(QUOTED[name], rel=0.25)
