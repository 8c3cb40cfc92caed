"""`TrainConfig`: everything that decides a training run, in one validated TOML file."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phonodos.errors import ConfigError
from phonodos.model.spectrum import SpectrumConfig


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Where the records are and who belongs to which part."""

    dataset: Path = Field(description="Parquet data set (phonodos data prepare)")
    split: Path = Field(description="JSON file with the ids of train, valid and test")


class OptimizerConfig(_Section):
    """AdamW and its schedule."""

    lr: float = Field(0.005, gt=0, description="learning rate of the first epoch")
    weight_decay: float = Field(0.05, ge=0)
    decay_per_epoch: float = Field(0.96, gt=0, le=1, description="lr is multiplied by it")
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient")


class TrainConfig(_Section):
    """One training run.

    The defaults of `network` and `optimizer` are those of Chen et al. (2021).
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="of the weights")
    folder: Path = Field(description="run folder: log, checkpoint, best weights")
    data: DataConfig
    network: Annotated[SpectrumConfig, Field(default_factory=SpectrumConfig)]
    optimizer: Annotated[OptimizerConfig, Field(default_factory=OptimizerConfig)]
    loss: Literal["mse"] = "mse"
    epochs: int = Field(64, gt=0)
    batch_size: int = Field(1, gt=0)
    seed: int = Field(0, ge=0)
    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"
    threads: int = Field(1, gt=0, description="CPU threads of this run")
    average: float = Field(
        0.0, ge=0, lt=1, description="decay of the moving average of the weights; 0 = none"
    )
    select: Literal["mse", "wd"] = Field("mse", description="valid measure that picks the best")
    init: str | None = Field(None, description="weights to start from (released name or path)")


def read_config(path: Path, overrides: Iterable[str] = ()) -> TrainConfig:
    """Return the configuration in a TOML file, with ``key=value`` overrides (dots for sections).

    Relative paths are taken from the folder of the file.

    Raises
    ------
    ConfigError
        If the file is missing or no TOML, a key is unknown (the nearest right name is given), or
        a value is of the wrong type or out of range.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise ConfigError(
            f"no configuration file {path}",
            "the file does not exist",
            "check the path; configs/ in the repository has the released ones",
        ) from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(
            f"{path} is not a TOML file", str(err), "correct the line named in the reason"
        ) from err
    apply_overrides(values, overrides)
    config = validate_config(values, str(path))
    return _anchor(config, path.parent)


def validate_config(values: dict[str, Any], source: str) -> TrainConfig:
    """Return the validated configuration; raises `ConfigError` as `read_config` does."""
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as err:
        problem = err.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            right = _names(problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), right, n=1, cutoff=0.4)
            hint = f"did you mean '{near[0]}'? " if near else ""
            fix = f"{hint}known keys: {', '.join(right)}"
            raise ConfigError(f"{source}: unknown key '{where}'", "no such setting", fix) from err
        raise ConfigError(
            f"{source}: invalid value for '{where}'",
            problem["msg"],
            "see docs/training.md for the meaning and range of every key",
        ) from err


def _names(location: tuple[int | str, ...]) -> list[str]:
    model: Any = TrainConfig
    for part in location:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def apply_overrides(values: dict[str, Any], overrides: Iterable[str]) -> None:
    """Put every ``key=value`` (dots for sections) into `values`.

    Raises
    ------
    ConfigError
        If an override has no ``=`` or goes below a setting that is no section.
    """
    for override in overrides:
        _override(values, override)


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(
            f"'{override}' sets nothing",
            "overrides are written key=value",
            "for example: network.readout=mean epochs=10",
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(
                f"'{key}' is no setting", f"'{section}' has no keys below it", "check the name"
            )
    values[last] = value


def _anchor(config: TrainConfig, base: Path) -> TrainConfig:
    def resolve(path: Path) -> Path:
        expanded = path.expanduser()
        return expanded if expanded.is_absolute() else (base / expanded).resolve()

    data = DataConfig(dataset=resolve(config.data.dataset), split=resolve(config.data.split))
    return config.model_copy(update={"folder": resolve(config.folder), "data": data})
