"""Records of dfpt2018: what is read from a sound one; every sort of broken one is named."""

import copy
from typing import Any

import numpy as np
import pytest

from phonodos.datasets.dfpt2018_record import read_record
from phonodos.errors import DataError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import spectrum_target
from phonodos.physics.units import WAVENUMBER_PER_EV


@pytest.fixture
def record(make_record, perovskite) -> dict[str, Any]:
    return make_record(perovskite, "mp-5229")


@pytest.fixture
def zircon() -> Crystal:
    """Body-centred tetragonal ZrSiO4 without its oxygen: the CIF's cell is not the standard one."""
    a, c = 6.607, 5.982
    cell = 0.5 * np.array([[-a, a, c], [a, -a, c], [a, a, -c]])
    return Crystal.ordered(cell, [[0.75, 0.25, 0.5], [0, 0, 0]], ["Zr", "Si"])


def test_a_sound_record(record, perovskite):
    row = read_record(record)
    assert (row["id"], row["source"], row["formula"]) == ("mp-5229", "dfpt2018", "SrTiO3")
    assert row["species"] == ["Sr", "Ti", "O", "O", "O"]
    np.testing.assert_allclose(np.reshape(row["cell"], (3, 3)), perovskite.cell, atol=1e-7)
    np.testing.assert_allclose(np.reshape(row["frac_coords"], (5, 3)), perovskite.frac_coords)
    assert row["dos_frequencies"] == record["phonon"]["dos_frequencies"]
    assert np.reshape(row["band_qpoints"], (-1, 3)).tolist() == record["phonon"]["qpts"]
    bands = np.reshape(row["band_frequencies"], (3, 15))
    assert bands.tolist() == record["phonon"]["ph_bandstructure"]
    assert row["thermo_temperatures"] == record["thermo"]["temperature"]
    assert row["thermo_heat_capacity"] == record["thermo"]["C_v"]
    assert row["thermo_free_energy"] == record["thermo"]["helmholtz_energy"]
    assert row["born_sound"]
    assert row["dielectric_sound"]


def test_states_per_ev_become_states_per_wavenumber(record):
    row = read_record(record)
    assert np.trapezoid(row["dos_densities"], row["dos_frequencies"]) == pytest.approx(15.0)
    raw = np.array(record["phonon"]["ph_dos"])
    np.testing.assert_allclose(np.array(row["dos_densities"]) * WAVENUMBER_PER_EV, raw)
    target = spectrum_target(np.array(record["phonon"]["dos_frequencies"]), raw)
    np.testing.assert_allclose(row["target"], target, atol=1e-12)


def test_flags_are_booleans_also_where_they_are_written_as_words(record):
    row = read_record(record)
    assert row["large_asr_break"] is False  # "False"
    assert row["large_cnsr_break"] is True  # "True"
    assert row["has_negative_frequencies"] is False
    record["flags"]["has_neg_fr"] = True
    assert read_record(record)["has_negative_frequencies"] is True


def test_thermodynamics_may_be_absent(record):
    record["thermo"] = {}
    row = read_record(record)
    assert all(value is None for key, value in row.items() if key.startswith("thermo_"))
    assert len([key for key in row if key.startswith("thermo_")]) == 5
    del record["thermo"]
    assert read_record(record) == row


def test_thermodynamics_of_a_peroxide_are_brought_to_our_formula_unit(make_record):
    """The source counts Na2O2 where we count 2 NaO."""
    cell = np.diag([4.0, 4.5, 5.0])
    sites = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    record = make_record(Crystal.ordered(cell, sites, ["Na", "Na", "O", "O"]))
    row = read_record(record)
    assert row["formula"] == "NaO"
    assert row["thermo_temperatures"] == record["thermo"]["temperature"]
    for name, key in (("heat_capacity", "C_v"), ("internal_energy", "internal")):
        np.testing.assert_allclose(row[f"thermo_{name}"], 0.5 * np.array(record["thermo"][key]))


def test_tensors_may_be_absent(record):
    record["dielectric"] = {"becs": None}
    row = read_record(record)
    assert row["born_charges"] is row["dielectric"] is row["tensor_frame"] is None
    assert not row["born_sound"]
    assert not row["dielectric_sound"]


def test_few_points_of_the_dos_are_enough(record):
    """94 of them, as CsAu has: the smoothing window shrinks to 93."""
    w = np.arange(94.0)
    g = np.where(w > 20, 1.0, 0.0)
    g *= 15 * WAVENUMBER_PER_EV / np.trapezoid(g, w)
    record["phonon"] |= {"dos_frequencies": w.tolist(), "ph_dos": g.tolist()}
    target = np.array(read_record(record)["target"])
    assert target.max() == 1.0
    assert (target[5:] == 0.0).all()


def test_tensors_in_a_permuted_frame_are_turned_back(make_record, zircon):
    """Uniaxial charges along z of the standard cell lie along the fourfold axis of the CIF's."""
    record = make_record(zircon)
    standard = np.array([np.diag([4.0, 4.0, 3.0]), -np.diag([4.0, 4.0, 3.0])])
    record["dielectric"] |= {
        "becs": standard.tolist(),
        "eps_electronic": np.diag([4.0, 4.0, 5.0]).tolist(),
    }
    row = read_record(record)
    cell = np.reshape(row["cell"], (3, 3))
    fourfold = cell[0] + cell[1]  # of (-a a c) / 2 and (a -a c) / 2
    fourfold /= np.linalg.norm(fourfold)
    assert abs(fourfold[2]) < 0.9
    along = np.outer(fourfold, fourfold)
    born = np.reshape(row["born_charges"], (2, 3, 3))
    np.testing.assert_allclose(born[0], 4.0 * np.eye(3) - along, atol=1e-5)
    np.testing.assert_allclose(born[1], -born[0], atol=1e-9)
    eps = np.reshape(row["dielectric"], (3, 3))
    np.testing.assert_allclose(eps, 4.0 * np.eye(3) + along, atol=1e-5)
    assert row["tensor_frame"] == "primitive standard"
    assert row["born_sound"]
    assert row["_own"] > 0.3
    assert row["_residual"] < 1e-4


@pytest.mark.parametrize(
    ("becs", "eps", "born_sound", "dielectric_sound"),
    [
        (900.0, 2.5, False, True),  # garbage, as in records with large_cnsr_break
        (2.0, 3e6, True, False),  # the gap has closed
        (2.0, 0.9, True, False),  # less than vacuum
        (11.9, 59.9, True, True),
    ],
)
def test_garbage_is_masked(becs, eps, born_sound, dielectric_sound, make_record, rock_salt):
    record = make_record(rock_salt)
    record["dielectric"]["becs"] = [(becs * np.eye(3)).tolist(), (-becs * np.eye(3)).tolist()]
    record["dielectric"]["eps_electronic"] = (eps * np.eye(3)).tolist()
    row = read_record(record)
    assert (row["born_sound"], row["dielectric_sound"]) == (born_sound, dielectric_sound)


def test_charges_that_break_the_symmetry_are_masked(record, rng):
    record["dielectric"]["becs"] = rng.normal(size=(5, 3, 3)).tolist()
    row = read_record(record)
    assert row["_residual"] > 0.06
    assert not row["born_sound"]
    assert not row["dielectric_sound"]


NEEDED = [
    ("metadata",),
    ("metadata", "material_id"),
    ("metadata", "nsites"),
    ("metadata", "structure"),
    ("phonon",),
    ("phonon", "dos_frequencies"),
    ("phonon", "ph_dos"),
    ("phonon", "qpts"),
    ("phonon", "ph_bandstructure"),
    ("flags",),
    *(("flags", key) for key in ("has_neg_fr", "small_q_neg_fr", "large_asr_break")),
    ("dielectric",),
    *(("thermo", key) for key in ("temperature", "C_v", "entropy", "internal")),
]


def replaced(record: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


@pytest.mark.parametrize("place", NEEDED, ids="/".join)
def test_a_missing_key_is_named(place, record):
    changed = copy.deepcopy(record)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    with pytest.raises(DataError) as caught:
        read_record(changed)
    assert f"'{place[-1]}' is missing" in caught.value.reason


NONSENSE = [None, "", "nonsense", 3, [], [[]], [None], {}, [float("nan")]]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (place, value)
        for place in NEEDED
        for value in NONSENSE
        # Any id will do, and no tensors at all are allowed.
        if place[-1] != "material_id" and (place, value) != (("dielectric",), {})
    ],
)
def test_nonsense_in_any_place_is_named(place, value, record):
    with pytest.raises(PhonodosError):
        read_record(replaced(record, place, value))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("dielectric", "becs"), [[1.0]]),
        (("dielectric", "becs"), "nonsense"),
        (("dielectric", "becs"), np.full((5, 3, 3), np.nan).tolist()),
        (("dielectric", "eps_electronic"), [1, 2, 3]),
        (("dielectric", "eps_electronic"), np.full((3, 3), np.inf).tolist()),
        (("thermo", "C_v"), [1.0]),
        (("thermo",), "nonsense"),
        (("metadata", "structure"), "data_x\n_cell_length_a 3\n"),
        (("metadata", "nsites"), 6),
        (("flags", "large_cnsr_break"), "true"),
    ],
)
def test_other_nonsense(place, value, record):
    with pytest.raises(PhonodosError):
        read_record(replaced(record, place, value))


@pytest.mark.parametrize("record", [None, [], "text", 3, {}])
def test_what_is_no_record_at_all(record):
    with pytest.raises(DataError):
        read_record(record)


def test_a_dos_that_is_none(record):
    phonon = record["phonon"]
    broken = {
        "the axis of the DOS does not rise": {"dos_frequencies": phonon["dos_frequencies"][::-1]},
        "states, not 15": {"ph_dos": [2 * v for v in phonon["ph_dos"]]},
        "hold values that are not finite": {"ph_dos": [np.inf, *phonon["ph_dos"][1:]]},
        "on an axis of": {"ph_dos": phonon["ph_dos"][1:]},
    }
    for reason, change in broken.items():
        with pytest.raises(DataError) as caught:
            read_record(record | {"phonon": phonon | change})
        assert reason in caught.value.reason


def test_sites_on_one_another_are_named(make_record, rock_salt):
    record = make_record(rock_salt)
    text = record["metadata"]["structure"]
    record["metadata"]["structure"] = text.replace(
        "0.500000 0.500000 0.500000", "0.000100 0.000000 0.000000"
    )
    assert record["metadata"]["structure"] != text
    with pytest.raises(PhonodosError):
        read_record(record)
