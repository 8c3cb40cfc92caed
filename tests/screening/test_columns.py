"""Columns: names of temperatures, units with every number."""

import pytest

from phonodos.errors import ConfigError
from phonodos.screening.columns import columns, label_of, schema, temperatures_of


def test_every_quantity_in_every_basis() -> None:
    names = columns(temperatures_of([293.15]))
    for quantity in ("c_v", "s", "f"):
        for kelvin in ("300", "293_15"):
            for basis in ("atom", "formula", "cell", "kg", "cm3"):
                assert f"{quantity}_{kelvin}_per_{basis}" in names
    assert names["c_v_300_per_kg"][1] == "heat capacity C_V at 300 K [J/K per kg]"
    assert names["f_293_15_per_atom"][1].endswith("[J per mol of atoms]")
    assert all(name.isidentifier() for name in names)


def test_units_travel_in_the_schema() -> None:
    form = schema({"temperatures": [300.0]})
    assert form.names[0] == "id"
    for field in form:
        assert field.metadata[b"unit"]


def test_temperatures() -> None:
    assert temperatures_of([500, 293.15, 500]) == (293.15, 300.0, 500.0)
    assert label_of(0.0) == "0"
    for wrong in (-1.0, float("nan"), 1e6, 293.1500001):
        with pytest.raises(ConfigError, match="no temperature"):
            temperatures_of([wrong])
