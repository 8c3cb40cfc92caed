"""`Guard`: which requests are answered at all, and the headers that protect whoever reads them.

A page of another site may make a browser send requests to the loopback address (a host name that
was rebound to it, a form that is posted there). None of them is answered.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonodos.service.problems import Refused, problem

LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SAFE = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(?::\d{1,5})?")


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens at a host."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """What stands before the application.

    Parameters
    ----------
    app
        The application.
    hosts
        Names it is reached by, besides those of the loopback address.
    origins
        Other sites whose pages may use it, such as ``https://example.org``.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), origins: Iterable[str] = ()):
        self.app = app
        self.hosts = {*LOOPBACK, *(host.strip("[]").lower() for host in hosts)}
        self.origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        foreign = headers.get("origin", "").lower() in self.origins

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    if not (foreign and name == "Cross-Origin-Resource-Policy"):
                        found.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    found.setdefault("Cache-Control", "no-store")
            await send(message)

        wrong = self.refusal(scope, headers)
        if wrong is None:
            await self.app(scope, receive, protected)
            return
        record = problem(wrong, scope["path"])
        await problem_response(record, wrong.status)(scope, receive, protected)

    def refusal(self, scope: Scope, headers: Headers) -> Refused | None:
        """Return why a request is not answered; None if it is."""
        host = headers.get("host", "")
        match = _HOST.fullmatch(host)
        if match is None or match[1].strip("[]").rstrip(".").lower() not in self.hosts:
            return Refused(
                f"this service is not called '{host[:80]}'",
                "another name may have been made to lead here by a page of another site",
                "use the address that phonodos serve has printed, or start it with --allow-host",
                421,
            )
        if scope["method"] in SAFE or self._from_here(scope, headers, host):
            return None
        return Refused(
            "a page of another site has sent this",
            f"its origin is {headers.get('origin', 'not told')[:80]}",
            "start phonodos serve with --cors and that origin, if it is yours",
            403,
        )

    def _from_here(self, scope: Scope, headers: Headers, host: str) -> bool:
        origin = headers.get("origin", "").lower()
        if origin in self.origins and origin:
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:  # no page can say so of itself; behind a server of TLS it is right too
            return site in ("none", "same-origin")
        return not origin or origin == f"{scope.get('scheme', 'http')}://{host}".lower()


def problem_response(record: dict[str, object], status: int) -> Response:
    """Return a problem document as a response."""
    import json

    from phonodos.service.problems import MEDIA

    return Response(json.dumps(record), status, media_type=MEDIA)
