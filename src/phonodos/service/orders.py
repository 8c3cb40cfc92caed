"""Options of a request: what forms and JSON may say, checked before a worker sees it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from phonodos.errors import ConfigError
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.service.limits import Limits
from phonodos.service.problems import Refused
from phonodos.service.tasks import PARTS, Order

COMPOSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
LONGEST_TEXT = 200  # characters of a name or rule


def _listed(value: Any) -> Any:
    """Return a text of parts with commas between as a list; anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(max_length=50)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_listed)]
Kelvin = Annotated[float, Field(ge=0.0, lt=1e5, allow_inf_nan=False)]


class Options(BaseModel):
    """What may be said of every crystal."""

    model_config = ConfigDict(extra="forbid", title="Options")
    model: Text | None = Field(None, description="released name of weights (GET /models)")
    metal: bool = Field(False, description="leave the charges out, whose field metals screen")
    isotopes: Texts = Field((), description="masses, such as O=17.999 [amu] or O=O18")

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the options in a form or in JSON.

        Raises
        ------
        Refused
            If one is unknown or makes no sense.
        """
        given = {name: _single(value) for name, value in fields.items()}
        try:
            return cls.model_validate({k: v for k, v in given.items() if v not in (None, "")})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])[:60] or "the request"
            unknown = first["type"] == "extra_forbidden"
            known = ", ".join(cls.model_fields)
            raise Refused(
                f"there is no option '{where}'" if unknown else f"{where}: {first['msg']}",
                f"there are {known}" if unknown else "what was sent is not what it may be",
                "leave it out, or see /api/v1/openapi.json",
            ) from None

    def order(self, limits: Limits) -> Order:  # noqa: ARG002 - the shape of an order
        """Return what a worker is told."""
        return Order(self.model, PARTS, None, self.metal, self.isotopes)


class PredictOptions(Options):
    """What may be said of a prediction."""

    include: Texts = Field(PARTS, description="parts of the report: bands, modes, displacements")
    temperatures: Annotated[tuple[Kelvin, ...], BeforeValidator(_listed)] = Field(
        (), description="[K]; by default 0 to 1000 in steps of 10"
    )

    def order(self, limits: Limits) -> Order:
        """Return what a worker is told; raises `ConfigError` on an unknown part."""
        if len(self.temperatures) > limits.temperatures:
            raise ConfigError(
                f"{len(self.temperatures)} temperatures",
                f"at most {limits.temperatures} are taken in one request",
                "ask for fewer",
            )
        for part in self.include:
            if part not in (*PARTS, "none"):
                raise ConfigError(
                    f"a report has no part '{part[:40]}'",
                    f"the parts that can be chosen are {', '.join(PARTS)}; none is none of them",
                    "write for example include=bands,modes",
                )
        parts = tuple(part for part in PARTS if part in self.include)
        return Order(self.model, parts, self.temperatures or None, self.metal, self.isotopes)


class AlloyOptions(Options):
    """What may be said of an alloy."""

    substitute: Texts = Field((), description="rules: Mg=Ca, or Sb=Sb{1-x}Bi{x}")
    x: Annotated[tuple[Annotated[float, Field(ge=0.0, le=1.0)], ...], BeforeValidator(_listed)] = (
        Field(COMPOSITIONS, description="shares of the second end member, within [0, 1]")
    )
    temperature: Kelvin = Field(ROOM_TEMPERATURE, description="of C_V, S and F [K]")

    def rules(self) -> tuple[str, ...]:
        """Return the rules in full: ``Mg=Ca`` is ``Mg=Mg{1-x}Ca{x}``."""
        found = []
        for rule in self.substitute:
            old, _, new = (part.strip() for part in rule.partition("="))
            short = new.isalpha() and len(new) <= 2
            found.append(f"{old}={old}{{1-x}}{new}{{x}}" if short else rule)
        return tuple(found)


class CompareOptions(Options):
    """What may be said of a comparison."""

    reference_units: Literal["cm-1", "meV", "THz"] | None = Field(
        None, description="of the reference, where its header names none"
    )
    neutron: bool = Field(False, description="weight every element by sigma/m")
    resolution: float = Field(0.0, ge=0.0, le=1000.0, description="width (FWHM) [cm^-1]")
    relative_resolution: float = Field(0.0, ge=0.0, le=1.0, description="share of the frequency")
    temperature: Kelvin | None = Field(None, description="[K], of a reference that is S(E)")
    side: Literal["loss", "gain"] = Field("loss", description="of an axis with both signs")
    scale: Literal["max", "area", "fit"] = Field("max", description="how both are scaled")

    def settings(self) -> dict[str, Any]:
        """Return the arguments of `phonodos.compare`."""
        return self.model_dump(exclude={"model", "metal", "isotopes"})


class JobOptions(Options):
    """What may be said of a job."""

    temperatures: Annotated[tuple[Kelvin, ...], BeforeValidator(_listed)] = Field(
        (ROOM_TEMPERATURE,), max_length=20, description="of the thermodynamic columns [K]"
    )
    extra: Texts = Field((), description="further columns: modes, elastic, displacements")


def _single(value: Any) -> Any:
    """Return the one value of a field of a form; several as a text with commas between."""
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return value[0] if len(value) == 1 else ",".join(value)
    return value


def check_model(name: str | None, known: Sequence[str]) -> None:
    """Raise `Refused` (404) if no weights of that name are served; a path is no name."""
    if name is not None and name not in known:
        raise Refused(
            f"there are no weights '{name[:60]}'",
            f"this service has {', '.join(known)}",
            "choose one of them (GET /api/v1/models)",
            404,
        )
