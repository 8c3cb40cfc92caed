"""Training configurations: defaults of the paper, overrides, and helpful refusals."""

from pathlib import Path

import pytest

from phonodos.cli.train import parse_duration
from phonodos.errors import ConfigError
from phonodos.model.spectrum import SpectrumConfig
from phonodos.training.config import TrainConfig, read_config

MINIMAL = """
name = "test"
folder = "run"
[data]
dataset = "data.parquet"
split = "/elsewhere/split.json"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(MINIMAL)
    return tmp_path / "config.toml"


def test_defaults_are_the_papers(path: Path) -> None:
    config = read_config(path)
    assert config.network == SpectrumConfig()
    assert (config.epochs, config.batch_size) == (64, 1)
    opt = config.optimizer
    assert (opt.lr, opt.weight_decay, opt.decay_per_epoch) == (0.005, 0.05, 0.96)


def test_paths_start_from_the_file(path: Path) -> None:
    config = read_config(path)
    assert config.folder == path.parent / "run"
    assert config.data.dataset == path.parent / "data.parquet"
    assert config.data.split == Path("/elsewhere/split.json")


def test_released_configuration_is_the_papers_but_for_an_average() -> None:
    released = Path(__file__).parents[2] / "configs" / "chen2021.toml"
    config = read_config(released)
    assert config.network == SpectrumConfig()
    assert (config.batch_size, config.optimizer.lr, config.average) == (1, 0.005, 0.999)


def test_overrides(path: Path) -> None:
    config = read_config(path, ["network.readout=mean", "epochs=3", "network.radial_hidden=[7, 8]"])
    assert config.network.readout == "mean"
    assert config.epochs == 3
    assert config.network.radial_hidden == (7, 8)


@pytest.mark.parametrize(
    ("override", "near"),
    [
        ("epoch=3", "epochs"),
        ("network.cut_off=5", "cutoff"),
        ("optimizer.learning_rate=1", "lr"),
        ("data.datasets=a", "dataset"),
        ('more=[{dataset="a", split="b", part=["train"]}]', "parts"),
        ('network={kind="lattice", cut_off=5}', "cutoff"),
    ],
)
def test_unknown_key_names_the_nearest(path: Path, override: str, near: str) -> None:
    with pytest.raises(ConfigError, match="unknown key") as caught:
        read_config(path, [override])
    assert near in caught.value.fix
    if near != "lr":
        assert f"did you mean '{near}'" in caught.value.fix


@pytest.mark.parametrize("override", ["epochs=0", "epochs=many", "network.readout=max", "name="])
def test_value_out_of_range(path: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="invalid value for"):
        read_config(path, [override])


def test_override_without_value(path: Path) -> None:
    with pytest.raises(ConfigError, match="sets nothing"):
        read_config(path, ["epochs"])


def test_override_below_a_number(path: Path) -> None:
    with pytest.raises(ConfigError, match="is no setting"):
        read_config(path, ["name.first=1"])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        read_config(tmp_path / "gone.toml")


def test_not_toml(path: Path) -> None:
    path.write_text("epochs: 3\n")
    with pytest.raises(ConfigError, match="is not a TOML file"):
        read_config(path)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("9m", 540), ("2.5h", 9000), ("7", 7)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_bad_duration() -> None:
    with pytest.raises(ConfigError, match="'soon' is not a time"):
        parse_duration("soon")


def test_own_weights_to_start_from_are_found_beside_the_file(path: Path) -> None:
    assert read_config(path, ["init=chen2021"]).init == "chen2021"  # a released name
    found = read_config(path, ["init=old/best.safetensors"]).init
    assert found == str(path.parent / "old" / "best.safetensors")


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    for name, part in TrainConfig.model_fields.items():
        assert f"`{name}" in text, name
        kind = part.annotation
        if name in ("data", "losses", "optimizer"):
            for key in kind.model_fields:  # type: ignore[union-attr]
                assert f"`{name}.{key}`" in text or f"`.{key}`" in text or f"`{key}`" in text, key


HOSTILE = {
    "nested lists": "more = " + "[" * 5000 + "]" * 5000,
    "nested tables": "[" + ".".join(["a"] * 5000) + "]",
    "nested inline tables": "a = " + "{a = " * 5000 + "1" + "}" * 5000,
    "integer of 5000 digits": "epochs = " + "9" * 5000,
    "hexadecimal of 5000 digits": "epochs = 0x" + "f" * 5000,
    "integer of 300 digits": "epochs = " + "9" * 300,
    "float that overflows": "[optimizer]\nlr = 1e400",
    "NaN": "[optimizer]\nlr = nan",
    "cutoff infinite": "[network]\ncutoff = inf",
    "cutoff 1e9": "[network]\ncutoff = 1e9",
    "width 1e8": "[network]\nembedding = 100000000",
    "irreps of 20,000 terms": f'[network]\nhidden = ["{"+".join(["2x0e"] * 20_000)}"]',
    "irreps of 200,000 channels": '[network]\nhidden = ["200000x0e"]',
    "irreps that are none": '[network]\nhidden = ["eight"]',
    "kind is a list": '[network]\nkind = ["spectrum"]',
    "kind unknown": '[network]\nkind = "oracle"',
    "network is text": 'network = "spectrum"',
    "network is a list": "network = [1]",
    "threads": "threads = 100000",
    "seed": "seed = 100000000000000000000",
    "nul in a path": 'init = "\\u0000.safetensors"',
    "key twice": 'name = "again"',
    "bytes": "\udcff",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "config.toml"
    top, section = MINIMAL.split("[data]")
    text = top + HOSTILE[case] + "\n[data]" + section
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert caught.value.fix
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    "override", ["epochs=" + "9" * 5000, "more=" + "[" * 5000, "a" + ".a" * 5000 + "=1"]
)
def test_hostile_overrides_are_refused(path: Path, override: str) -> None:
    with pytest.raises(ConfigError):
        read_config(path, [override])


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path)
