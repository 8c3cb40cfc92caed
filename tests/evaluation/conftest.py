"""A header and metrics as training and evaluation write them, with made-up numbers."""

from typing import Any

import pytest


@pytest.fixture
def header() -> dict[str, Any]:
    valid = {"mse": 0.05, "mae": 0.1, "r2": 0.5, "wd": 40.0}
    curve = [
        {"epoch": k, "train_loss": 0.1 / (k + 1), "valid": {**valid, "mse": 0.06 - 0.005 * k}}
        for k in range(3)
    ]
    return {
        "format_version": 1,
        "name": "made-up",
        "network": {
            "kind": "spectrum",
            "cutoff": 5.0,
            "cutoff_width": 1.0,
            "hidden": ["32x0e+32x1o", "32x0e+32x1o+32x1e"],
            "readout": "sum",
        },
        "target": {"window": 101, "step_cm-1": 20.0},
        "split": {"train": ["a", "b", "c"], "valid": ["d"], "test": ["e", "f"]},
        "training_elements": {"Na": 40, "Cl": 41, "Tc": 2},
        "training_formulas": ["NaCl", "TcCl4"],
        "training": {
            "config": {"dtype": "float64", "epochs": 64, "optimizer": {"lr": 0.005}},
            "data": {"citation": "Nobody (2000)", "sources": [{"kind": "dfpt2018"}]},
            "epoch": 2,
            "curve": curve,
        },
        "versions": {"torch": "9.9"},
    }


@pytest.fixture
def metrics() -> dict[str, Any]:
    numbers = {
        "spectrum": {"mse": 0.0123, "r2": 0.8, "wd": 20.0, "within_10_percent": 0.75},
        "full": {"heat_capacity_mae": 0.321, "imaginary": {"f1": None}},
        "features": {"gap_f1": 0.5},
    }
    return {
        "n": 7,
        "model": "made-up",
        "data": ["dfpt2018"],
        "part": "valid",
        "n_failed": 2,
        **numbers,
        "born": {"mae": 0.0625},
        "groups": {"hydrogen": {"n": 3, **numbers}, "error quartile 1": {"n": 2, **numbers}},
        "failed": {"x": "no neighbours"},
    }
