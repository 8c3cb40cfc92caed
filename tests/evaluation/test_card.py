"""The model card: every number from the header or the metrics."""

from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import DataError
from phonodos.evaluation.card import (
    MOST_ROWS,
    card,
    group_table,
    origins_of,
    read_metrics,
    runs_of,
    set_name,
    training_commands,
    training_section,
)
from phonodos.model.header import WeightHeader

Json = dict[str, Any]
DFPT = {"sources": [{"kind": "dfpt2018", "sha256": "0"}], "citation": "Petretto"}
MORE = {"sources": [{"kind": "phonondb", "sha256": "1"}], "citation": "Togo"}


def trained(seed: int, epochs: int, **more: Any) -> dict[str, Any]:
    curve = [
        {"epoch": k, "train_loss": 1.0 / (k + 1), "valid": {"mse": 0.02 - 1e-5 * k}}
        for k in range(epochs)
    ]
    config = {"name": "mine", "seed": seed, "epochs": epochs, "optimizer": {"lr": 0.004}}
    return {"config": config | more, "data": DFPT, "epoch": epochs - 1, "curve": curve}


def ensemble() -> WeightHeader:
    second = trained(1, 100, init="mine", init_member=3) | {"more_data": [MORE]}
    return WeightHeader(name="mine", training={"members": [trained(0, 3), second]})


def section(text: str, title: str) -> str:
    return text.split(f"## {title}", 1)[1].split("\n## ", 1)[0]


def test_sections_and_numbers(header: Json, metrics: Json) -> None:
    text = card(header, [metrics], size=7_800_000)
    assert text.startswith("# made-up\n")
    assert "7.8 MB" in text
    assert "torch 9.9" in text
    assert "| `hidden` | 32x0e+32x1o, 32x0e+32x1o+32x1e |" in section(text, "Network")
    data = section(text, "Data and split")
    for part in ("| train | 3 |", "| valid | 1 |", "| test | 2 |", "Tc (2)", "Nobody (2000)"):
        assert part in data
    training = section(text, "Training")
    assert "epoch 2 of 0 to 63" in training
    assert "optimizer.lr 0.005" in training
    assert "| 2 | 0.03333 | 0.0500 | 0.1000 | 0.500 | 40.0 |" in training
    results = section(text, "Results")
    assert "| MSE | own-max, 51 points | 0.0123 |" in results
    assert "| C_V(300 K) MAE [J/(K mol of atoms)] | full axis | 0.321 |" in results
    assert "dfpt2018 valid, 7 materials: 2 failed." in results
    assert "| hydrogen | 3 | 0.0123 |" in results
    assert "1000 cm^-1" in section(text, "Known limits")
    assert "phonodos evaluate made-up --data DATASET --part valid" in section(
        text, "How to reproduce"
    )
    assert "- Nobody (2000)" in section(text, "Citation")
    assert "None" not in section(text, "Results")


def test_deviations_are_found_in_the_settings(header: Json) -> None:
    title = "Deviations from"
    assert "last 1 A" in section(card(header, []), title)
    assert "float" not in section(card(header, []), title)
    header["network"] |= {"cutoff_width": 0.0, "lmax": 2}
    header["training"]["config"] |= {"dtype": "float32", "optimizer": {"lr": 0.001, "clip": 1.0}}
    text = section(card(header, []), title)
    assert "last" not in text
    assert "degree 2 instead of 1" in text
    assert "trained in float32 instead of float64" in text
    assert "learning rate 0.001 instead of 0.005" in text
    assert "clipped at norm 1" in text
    header["training"] = {"members": [header["training"]]}  # as of files that were joined
    assert section(card(header, []), title) == text
    run = header["training"]["members"][0]
    run["config"]["optimizer"] |= {"kind": "muon", "schedule": "cycle"}
    longer = run | {"config": run["config"] | {"epochs": 30}}
    header |= {"training": {"members": [run, longer, run]}, "members": 3}
    text = section(card(header, []), title)
    assert f"{run['config'].get('epochs', 64)} or 30 epochs instead of 64" in text
    assert "trained with muon instead of adamw" in text
    assert "learning rate in a cycle" in text
    assert "mean spectrum of 3 networks instead of that of one" in text


def test_the_papers_own_settings_deviate_in_nothing(header: Json) -> None:
    header["network"]["cutoff_width"] = 0.0
    assert section(card(header, []), "Deviations from").rstrip().endswith("None.")


def test_several_evaluations_stand_side_by_side(header: Json, metrics: Json) -> None:
    other = metrics | {"part": "test", "n": 5, "spectrum": {"mse": 0.5, "brand_new": 1.5}}
    text = card(header, [metrics, other])
    assert (
        "| measure | taken of | dfpt2018 valid, 7 materials | dfpt2018 test, 5 materials |" in text
    )
    assert "| MSE | own-max, 51 points | 0.0123 | 0.5000 |" in text
    assert "| `spectrum.brand_new` | see metrics.json | – | 1.5000 |" in text  # extra keys
    assert "| `born.mae` | see metrics.json | 0.0625 | 0.0625 |" in text
    assert text.count("### Groups: ") == 2


def test_weights_of_another_kind_need_no_change(header: Json, metrics: Json) -> None:
    header |= {"network": {"kind": "oracle", "members": 4}, "description": "It knows."}
    header["training"] = {"curve": []}
    text = card(header, [metrics])
    assert "It knows." in text
    assert "Deviations" not in text
    assert "## Training" not in text
    assert "Chen" not in text
    del header["description"]
    assert "`oracle`" in card(header, [])


def test_a_card_without_metrics(header: Json) -> None:
    text = card(header, [])
    assert "## Results" not in text
    assert "## Training" in text


def test_set_names(metrics: Json) -> None:
    assert set_name(metrics) == "dfpt2018 valid, 7 materials"
    assert set_name({"n": 3}) == "own data, 3 materials"
    assert set_name(metrics | {"data": ["a", "b"]}) == "a + b valid, 7 materials"


def test_group_table_shows_dashes_where_nothing_is_known(metrics: Json) -> None:
    rows = group_table(metrics).splitlines()
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| all",
        "| hydrogen",
        "| error quartile 1",
    ]
    assert "–" in rows[2]


def test_every_member_has_settings_and_curve() -> None:
    text = training_section(ensemble())
    assert text.startswith("## Training\n\n### Member 1 of 2\n\nSettings: seed 0; ")
    assert "### Member 2 of 2" in text
    assert text.count("| epoch |") == 2
    assert "| 2 | 0.33333 | 0.0200 |" in text


@pytest.mark.parametrize(("select", "why"), [("mse", "the best on valid"), ("last", "the last")])
def test_it_says_why_weights_are_of_an_epoch(select: str, why: str) -> None:
    text = training_section(WeightHeader(name="mine", training=trained(0, 3, select=select)))
    assert f"The weights are those of epoch 2 of 0 to 2, {why}; the curve" in text


def test_long_curves_are_thinned_to_their_end() -> None:
    rows = [line for line in training_section(ensemble()).splitlines() if line.startswith("| ")]
    second = rows[rows.index(next(r for r in rows[1:] if r.startswith("| epoch"))) + 1 :]
    assert len(second) <= MOST_ROWS
    assert second[-1].startswith("| 99 |")


def test_a_single_network_has_no_members() -> None:
    header = WeightHeader(name="mine", training=trained(0, 3))
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
    assert list(training_commands(ensemble(), 8))[2] == f"{join} --bits 8"


def test_card_says_in_how_many_bits(header: Json) -> None:
    assert "large matrices in 8 bits" in card(header, [], bits=8)
    assert "large matrices" not in card(header, [])


@pytest.mark.parametrize("text", ["not json", "[]", '{"n": 3}'])
def test_files_that_are_no_metrics(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(DataError):
        read_metrics(tmp_path / "metrics.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_metrics(tmp_path / "gone.json")


def test_exams_on_strain_are_named(header: Json, metrics: Json) -> None:
    assert "## Strain" not in card(header, [metrics])
    exam = {"name": "made", "formula": "ZnO", "states": 9, "gamma": 1.5, "gamma_dft": 1.25}
    score = {"gamma_mae": 0.25, "exams": [exam]}
    for text in (
        card(header | {"strain": score}, [metrics]),
        card(header, [metrics | {"strain": score}]),
    ):
        strain = section(text, "Strain")
        assert "| made | ZnO | 9 | 1.50 | 1.25 |" in strain
        assert "Mean |gamma - DFT|: 0.25 (made)" in strain
    assert r"| mean \|gamma - DFT\| | gamma" in section(text, "Results")


def test_calibration_says_on_what_it_was_made(header: Json) -> None:
    fitted = {"factor": 2.0, "floor": 1.5, "materials": 99, "data": ["more"], "held_back": True}
    entry = {
        "intercept": -2.0, "slope": -0.1, "lowest_from": -99.0, "lowest_to": 50.0,
        "unstable_above": 0.5, "stable_below": 0.0, "materials": 99, "unstable_materials": 7,
        "share": 0.125,
    }  # fmt: skip
    assert "Intervals and stability" not in card(header, [])
    header |= {"calibration": {"4": {"mean_frequency": fitted}}, "stability": {"4": entry}}
    found = section(card(header, []), "Intervals and stability")
    assert "| wbar | more | 4 | 2 | 1.5 | 99 |" in found
    assert "had no say in which epoch" in found
    assert "| 4 | -20.0 | never | 99 | 7 | 12.5 % |" in found
    assert "--data more.parquet --split split_more.json" not in card(header, [])  # one network
    header["calibration"]["4"]["mean_frequency"]["held_back"] = False
    assert "may be too narrow" in section(card(header, []), "Intervals and stability")
    joined = ensemble().model_copy(update={"calibration": WeightHeader.of(header).calibration})
    last = list(training_commands(joined))[-1]
    assert last.endswith("--data DATASET --data more.parquet --split split_more.json")
