"""The training of an ensemble on its card: every member, every data set once, its commands."""

from typing import Any

from phonodos.evaluation.card_training import (
    MOST_ROWS,
    origins_of,
    runs_of,
    training_commands,
    training_section,
)
from phonodos.model.header import WeightHeader

DFPT = {"sources": [{"kind": "dfpt2018", "sha256": "0"}], "citation": "Petretto"}
MORE = {"sources": [{"kind": "phonondb", "sha256": "1"}], "citation": "Togo"}


def run(seed: int, epochs: int, **more: Any) -> dict[str, Any]:
    curve = [
        {"epoch": k, "train_loss": 1.0 / (k + 1), "valid": {"mse": 0.02 - 1e-5 * k}}
        for k in range(epochs)
    ]
    config = {"name": "mine", "seed": seed, "epochs": epochs, "optimizer": {"lr": 0.004}}
    return {"config": config | more, "data": DFPT, "epoch": epochs - 1, "curve": curve}


def ensemble() -> WeightHeader:
    second = run(1, 100, init="mine", init_member=3) | {"more_data": [MORE]}
    return WeightHeader(name="mine", training={"members": [run(0, 3), second]})


def test_every_member_has_settings_and_curve() -> None:
    text = training_section(ensemble())
    assert text.startswith("## Training\n\n### Member 1 of 2\n\nSettings: seed 0; ")
    assert "### Member 2 of 2" in text
    assert text.count("| epoch |") == 2
    assert "| 2 | 0.33333 | 0.0200 |" in text


def test_long_curves_are_thinned_to_their_end() -> None:
    rows = [line for line in training_section(ensemble()).splitlines() if line.startswith("| ")]
    second = rows[rows.index(next(r for r in rows[1:] if r.startswith("| epoch"))) + 1 :]
    assert len(second) <= MOST_ROWS
    assert second[-1].startswith("| 99 |")


def test_a_single_network_has_no_members() -> None:
    header = WeightHeader(name="mine", training=run(0, 3))
    assert len(runs_of(header)) == 1
    assert "Member" not in training_section(header)
    assert list(training_commands(header)) == ["phonodos train configs/mine.toml"]
    assert training_section(WeightHeader(name="x")) == ""


def test_data_sets_are_named_once() -> None:
    assert [origin["citation"] for origin in origins_of(ensemble())] == ["Petretto", "Togo"]


def test_commands_train_join_and_calibrate() -> None:
    first, second, join, calibrate = training_commands(ensemble())
    assert (
        first == "phonodos train configs/mine.toml folder=RUN1 epochs=3 seed=0 optimizer.lr=0.004"
    )
    assert "init=mine init_member=3" in second
    assert join == (
        "phonodos models join RUN1/best.safetensors RUN2/best.safetensors -o FILE --name mine"
    )
    assert calibrate.startswith("phonodos models calibrate FILE")
