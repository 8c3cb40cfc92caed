"""The description of the interface: every address, with examples that are answered."""

from typing import Any

from phonodos.service.openapi import NACL
from phonodos.structures.reading import read_text


def test_every_address_is_described(told: Any) -> None:
    found = told.get("/api/v1/openapi.json").json()
    paths = {f"{method} {path}" for path, held in found["paths"].items() for method in held}
    assert len(paths) == 15
    for held in found["paths"].values():
        for operation in held.values():
            assert operation["summary"]
            assert operation["description"]
    body = found["paths"]["/api/v1/predict"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
    assert body["application/json"]["example"]["structure"] == NACL
    responses = found["paths"]["/api/v1/predict"]["post"]["responses"]
    assert {"413", "422", "503", "504"} <= responses.keys()
    assert "application/problem+json" in responses["422"]["content"]


def test_examples_are_answered(real: Any, told: Any) -> None:
    assert read_text(NACL)[0].written_formula == "NaCl"
    found = told.get("/api/v1/openapi.json").json()["paths"]
    for name in ("predict", "alloy", "compare"):
        body = found[f"/api/v1/{name}"]["post"]["requestBody"]["content"]["application/json"]
        order = body["example"] | ({"x": [0.5]} if name == "alloy" else {})
        assert real.post(f"/api/v1/{name}", json=order).status_code == 200
