"""Problem documents (RFC 9457): what went wrong with a request, why, and what to do about it."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from phonodos.errors import (
    ConfigError,
    PhonodosError,
    WeightsError,
)

MEDIA = "application/problem+json"
FAULT = 500
NAMES = {
    400: "bad-request",
    403: "cross-site",
    404: "not-found",
    405: "method-not-allowed",
    408: "upload-too-slow",
    409: "not-finished",
    413: "too-large",
    415: "unknown-media-type",
    421: "unknown-host",
    503: "busy",
    504: "took-too-long",
}


class Refused(PhonodosError):  # noqa: N818, the name says it all
    """A request that is not answered, with the status of HTTP that says so.

    Parameters
    ----------
    summary, reason, fix
        As `PhonodosError`.
    status
        Of HTTP.
    headers
        That go with it, such as ``Retry-After``.
    """

    def __init__(
        self,
        summary: str,
        reason: str,
        fix: str,
        status: int = 400,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(summary, reason, fix)
        self.status = status
        self.headers = dict(headers)


class WorkerLost(PhonodosError):  # noqa: N818
    """A request whose worker process died, twice."""


def status_of(error: PhonodosError) -> int:
    """Return the status of HTTP that an error stands for."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, WorkerLost):
        return FAULT
    return 400 if isinstance(error, ConfigError | WeightsError) else 422


def problem(error: PhonodosError, instance: str = "") -> dict[str, Any]:
    """Return the problem document of an error.

    Its title, detail and fix are summary, reason and fix of the error; `instance` is the path of
    the request.
    """
    status = status_of(error)
    kind = NAMES.get(status, "refused") if isinstance(error, Refused) else _slug(error)
    return {
        "type": f"urn:phonodos:{kind}",
        "title": error.summary,
        "status": status,
        "detail": error.reason,
        "fix": error.fix,
        **({"instance": instance} if instance else {}),
    }


def fault() -> PhonodosError:
    """Return what a user is told of an error that nobody has foreseen: no traceback."""
    return Refused(
        "the service has failed at this request",
        "this is a fault of phonodos, and the others go on",
        "please report it with the request and what the service has printed",
        FAULT,
    )


def _slug(error: PhonodosError) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
