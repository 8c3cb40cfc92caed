"""What workers are asked to do: plain records that go over the line to a worker process."""

from dataclasses import dataclass
from typing import Any

from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.service.limits import Limits

PARTS = ("bands", "modes", "displacements")
UNNAMED = "structure"  # what a file is called that came without a name


@dataclass(frozen=True)
class Stored:
    """A file that lies in a folder of the service until its request is answered.

    Attributes
    ----------
    path
        Where it lies, under a name of the service's own.
    token
        That name without endings.
    name
        What whoever sent it calls it; for messages only.
    """

    path: str
    token: str
    name: str

    @property
    def stem(self) -> str:
        """The name without endings."""
        from phonodos.structures.entries import split_name

        return split_name(self.name)[0]

    def own(self, text: str) -> str:
        """Return a text with the sender's name in the place of the service's own."""
        place = self.path[: self.path.rfind(self.token)]
        shown = text.replace(self.path, self.name).replace(place, "")
        shown = shown.replace(self.path.removeprefix(place), self.name)
        return shown.replace(self.token, self.stem)


@dataclass(frozen=True)
class Order:
    """What is wanted of every crystal; the arguments of `phonodos.studies.report.report`.

    Attributes
    ----------
    model
        Name of the weights; those of the service if None.
    include
        Any of `PARTS`.
    temperatures
        [K]; those of a report if None.
    metal, isotopes
        Whether charges are left out; masses such as ``O=17.999``.
    """

    model: str | None = None
    include: tuple[str, ...] = PARTS
    temperatures: tuple[float, ...] | None = None
    metal: bool = False
    isotopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Predict:
    """Reports of the crystals in a file, each as ``json``; or ``files`` (zip), or ``html``."""

    file: Stored
    order: Order
    form: str = "json"


@dataclass(frozen=True)
class Mix:
    """An alloy of two end members, or of one and rules of substitution, at shares `x`."""

    first: Stored
    second: Stored | None
    rules: tuple[str, ...]
    x: tuple[float, ...]
    order: Order
    temperature: float = ROOM_TEMPERATURE


@dataclass(frozen=True)
class Compare:
    """A crystal's spectrum beside a measured one; `settings` as `phonodos.compare` takes them."""

    file: Stored
    reference: Stored
    order: Order
    settings: dict[str, Any]


@dataclass(frozen=True)
class Read:
    """Every structure of the files of a job, as items of a screening."""

    files: tuple[Stored, ...]
    isotopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """The row of one structure (`phonodos.screening.source.Item`) in the table of a job."""

    item: Any
    model: str
    temperatures: tuple[float, ...]
    metal: bool = False
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What a worker starts with.

    Attributes
    ----------
    models
        Name -> weight file; no others are opened.
    default
        The name that stands for none.
    limits
        Of sizes.
    """

    models: dict[str, str]
    default: str
    limits: Limits
