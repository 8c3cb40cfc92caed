"""`TrainConfig`: everything that decides a training run, in one validated TOML file."""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from phonodos.errors import ConfigError
from phonodos.model.kinds import KINDS
from phonodos.model.network import NetworkConfig

DEFAULT_KIND = "spectrum"  # of a configuration that names none: the paper's


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Where the records are and who belongs to which part."""

    dataset: Path = Field(description="Parquet data set (phonodos data prepare)")
    split: Path = Field(description="JSON file with the ids of train, valid and test")
    parts: tuple[str, ...] = Field(
        ("train",), min_length=1, description="parts of the split that are trained on"
    )


class OptimizerConfig(_Section):
    """The optimizer and its schedule."""

    kind: Literal["adamw", "muon"] = Field(
        "adamw", description="adamw, or muon: torch's Muon for matrices, AdamW for the rest"
    )
    lr: float = Field(
        0.005, gt=0, le=1e3, description="learning rate: first (decay) or largest (cycle)"
    )
    weight_decay: float = Field(0.05, ge=0, le=1e3)
    schedule: Literal["decay", "cycle"] = Field(
        "decay", description="decay: by a factor an epoch; cycle: up, then down to nothing"
    )
    decay_per_epoch: float = Field(0.96, gt=0, le=1, description="lr is multiplied by it")
    warm_up: float = Field(0.08, ge=0, lt=1, description="share of a cycle that goes up")
    clip: float | None = Field(None, gt=0, le=1e9, description="largest norm of the gradient")

    def rate(self, epoch: float, epochs: int) -> float:
        """Return the learning rate at a moment, in epochs (whole ones for "decay")."""
        if self.schedule == "decay":
            return float(self.lr * self.decay_per_epoch ** math.floor(epoch))
        done = epoch / epochs
        if done < self.warm_up:
            return self.lr * (0.04 + 0.96 * done / self.warm_up)
        rest = (done - self.warm_up) / (1.0 - self.warm_up)
        return self.lr * (0.001 + 0.999 * 0.5 * (1.0 + math.cos(math.pi * min(rest, 1.0))))


class LatticeLossConfig(_Section):
    """Weights of the losses of the lattice network, and how many wave vectors a step draws."""

    bands: float = Field(1.0, ge=0, le=1e6, description="frequencies at points of the path")
    dos: float = Field(1.0, ge=0, le=1e6, description="quantiles of the density of states")
    tensors: float = Field(0.3, ge=0, le=1e6, description="Born charges and dielectric tensor")
    force_constants: float = Field(0.0, ge=0, le=1e6, description="short-range force constants")
    sound: float = Field(
        0.0, ge=0, le=1e6, description="the three lowest branches, by relative error"
    )
    unstable: float = Field(
        0.0, ge=0, le=1e6, description="more weight of crystals with imaginary modes, at these"
    )
    unstable_times: int = Field(
        1, gt=0, le=1000, description="how often a crystal with imaginary modes is drawn a pass"
    )
    waves: bool = Field(
        False, description="bands of records without a path: waves of the supercell, long waves"
    )
    long_waves: float = Field(
        0.0, ge=0, le=1e6, description="the three lowest branches at 0.06 to 0.2 1/A, there drawn"
    )
    imaginary: float = Field(
        0.0, ge=0, le=1e6, description="signed squares of imaginary branches, by themselves"
    )
    transverse: float = Field(
        0.0, ge=0, le=1e6, description="constants across the bond, relative to themselves"
    )
    strain: float = Field(1.0, ge=0, le=1e6, description="Grueneisen parameters of [strain]")
    softening: float = Field(
        8.0, gt=0, le=100, description="of the square root at zero frequency [cm^-1]"
    )
    budget: int = Field(
        96,
        gt=0,
        le=10**6,
        description="wave vectors x atoms that bands and DOS draw a crystal, each",
    )

    def points(self, n_atoms: int) -> int:
        """Return the wave vectors drawn for the bands, and again for the DOS: 3 to 12."""
        return max(3, min(12, self.budget // n_atoms))


class StrainConfig(_Section):
    """A teacher of how frequencies change with the cell (lattice only)."""

    teacher: Path = Field(description="frequencies of strained crystals (JSON lines, .gz)")
    factor: float = Field(
        1.0, gt=0, le=10, description="by which the teacher's logarithms of ratios are multiplied"
    )


class EmphasisConfig(_Section):
    """Training crystals that are drawn several times a pass, such as those learned worst."""

    ids: Path = Field(description="JSON file with a list of ids (tools/hardest.py writes one)")
    times: int = Field(gt=1, le=1000, description="how often each is drawn a pass")


class TrainConfig(_Section):
    """One training run.

    The defaults of `network` and `optimizer` are those of Chen et al. (2021).
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="of the weights")
    folder: Path = Field(description="run folder: log, checkpoint, best weights")
    data: DataConfig
    more: tuple[DataConfig, ...] = Field((), description="further data sets to train on")
    strain: StrainConfig | None = Field(None, description="a teacher of strain")
    emphasis: EmphasisConfig | None = Field(
        None, description="training crystals that are drawn several times a pass"
    )
    network: Annotated[
        SerializeAsAny[NetworkConfig],
        Field(default_factory=KINDS[DEFAULT_KIND].config, validate_default=True),
    ]
    optimizer: Annotated[OptimizerConfig, Field(default_factory=OptimizerConfig)]
    losses: Annotated[LatticeLossConfig, Field(default_factory=LatticeLossConfig)]
    epochs: int = Field(64, gt=0, le=10**7)
    batch_size: int = Field(1, gt=0, le=10**6)
    seed: int = Field(0, ge=0, lt=2**63)
    dtype: Literal["float32", "float64"] = "float32"
    device: str = Field("cpu", description="cpu, cuda or cuda:1")
    threads: int = Field(1, gt=0, le=1024, description="CPU threads of this run")
    average: float = Field(
        0.0, ge=0, lt=1, description="decay of the moving average of the weights; 0 = none"
    )
    select: Literal["mse", "wd", "last"] = Field(
        "mse", description="valid measure that picks the best epoch; last takes the last one"
    )
    init: str | None = Field(None, description="weights to start from (released name or path)")
    init_member: int = Field(1, gt=0, le=1000, description="member of an ensemble to start from")

    @field_validator("network", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any) -> Any:
        return network_config(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _strain_has_a_pupil(self) -> Self:
        if self.strain is not None and self.network.kind != "lattice":
            raise ValueError("only a network of kind lattice can be taught strain")
        return self


def network_config(values: Mapping[str, Any]) -> NetworkConfig:
    """Return the validated hyperparameters of a network; the paper's kind if none is named.

    Raises
    ------
    ValueError
        If there is no such kind; a `ValidationError` names the setting that is wrong.
    """
    kind = values.get("kind", DEFAULT_KIND)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"there is no kind '{str(kind)[:60]}'; known are {', '.join(KINDS)}")
    return KINDS[kind].config.model_validate({**values, "kind": kind})


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
    except OSError as err:
        raise ConfigError(
            f"{path} cannot be read", err.strerror or str(err), "give a TOML file that can be read"
        ) from err
    except (ValueError, RecursionError) as err:
        # tomllib passes on what Python's integers and its own recursion refuse.
        raise ConfigError(
            f"{path} is not a TOML file",
            "it is nested too deeply" if isinstance(err, RecursionError) else str(err)[:300],
            "correct the line named in the reason",
        ) from err
    apply_overrides(values, overrides)
    config = validate_config(values, str(path))
    try:
        return _anchor(config, path.parent)
    except (ValueError, OSError, RuntimeError) as err:  # NUL, loops of links, no home
        raise ConfigError(f"{path}: a path makes no sense", str(err)[:300], "correct it") from err


def validate_config(values: dict[str, Any], source: str) -> TrainConfig:
    """Return the validated configuration; raises `ConfigError` as `read_config` does."""
    place: tuple[str, ...] = ()
    model: type[BaseModel] = TrainConfig
    try:
        network = values.get("network")
        if isinstance(network, dict) and network.get("kind", DEFAULT_KIND) in [*KINDS]:
            place, model = ("network",), KINDS[network.get("kind", DEFAULT_KIND)].config
            values = {**values, "network": network_config(network)}
        place, model = (), TrainConfig
        return TrainConfig.model_validate(values)
    except RecursionError as err:
        raise ConfigError(
            f"{source}: a value is nested too deeply",
            "no setting has more than three levels",
            "see docs/training.md for the meaning of every key",
        ) from err
    except ValidationError as err:
        problem = err.errors()[0]
        where = ".".join(str(part) for part in (*place, *problem["loc"]))
        if problem["type"] == "extra_forbidden":
            right = _names(model, problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), right, n=1, cutoff=0.4)
            hint = f"did you mean '{near[0]}'? " if near else ""
            fix = f"{hint}known keys: {', '.join(right)}"
            raise ConfigError(f"{source}: unknown key '{where}'", "no such setting", fix) from err
        raise ConfigError(
            f"{source}: invalid value for '{where}'",
            str(problem["msg"])[:300],
            "see docs/training.md for the meaning and range of every key",
        ) from err


def _names(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    found: Any = model
    for part in location:  # a number is one of a list of sections
        fields = getattr(found, "model_fields", {})
        found = get_args(found)[0] if isinstance(part, int) else fields[part].annotation
    return list(found.model_fields)


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
    except (ValueError, RecursionError):
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

    def anchored(data: DataConfig) -> DataConfig:
        where = {"dataset": resolve(data.dataset), "split": resolve(data.split)}
        return data.model_copy(update=where)

    update: dict[str, Any] = {
        "folder": resolve(config.folder),
        "data": anchored(config.data),
        "more": tuple(map(anchored, config.more)),
    }
    if config.strain is not None:
        where = resolve(config.strain.teacher)
        update["strain"] = config.strain.model_copy(update={"teacher": where})
    if config.emphasis is not None:
        where = resolve(config.emphasis.ids)
        update["emphasis"] = config.emphasis.model_copy(update={"ids": where})
    if config.init is not None and config.init.endswith(".safetensors"):
        update["init"] = str(resolve(Path(config.init)))
    return config.model_copy(update=update)
