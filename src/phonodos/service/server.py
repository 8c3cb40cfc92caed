"""`serve`: the application behind a socket, until it is asked to end."""

import socket
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn

from phonodos.errors import ConfigError, PhonodosError
from phonodos.pool import check_workers
from phonodos.service.app import Service, application
from phonodos.service.guard import is_loopback
from phonodos.service.limits import Limits
from phonodos.service.models import served

BACKLOG = 256  # connections that wait to be accepted
ENDING = 2  # [s] for what is under way, once it is asked to end
IDLE = 15  # [s] that a connection may be silent between two requests


class Server(uvicorn.Server):
    """A server that lets go of what waits for workers as soon as it is asked to end."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        dispatcher = getattr(self.service, "dispatcher", None)
        if dispatcher is not None:
            dispatcher.stop()
        super().handle_exit(sig, frame)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    ConfigError
        If the system does not let us.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
            found.listen(BACKLOG)
        except BaseException:
            found.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"nothing can be served at {host}, port {port}",
            f"{reason}: another program may be there, or it is no address of this machine",
            "choose another with --port (0: any that is free) or --host",
        ) from error
    return found


def address(sock: socket.socket) -> str:
    """Return the address of a socket for a browser."""
    host, port = sock.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown and shown[0] != '[' else shown}:{port}/"


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    model: str | None = None,
    workers: int | None = None,
    limits: Limits | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the page and the REST interface until the process is interrupted.

    Parameters
    ----------
    host, port
        Where to listen.
    model
        Released name or path of the default weights.
    workers
        Processes that predict; one for every core if None.
    limits
        How much is taken.
    hosts, origins
        See `phonodos.service.guard.Guard`.
    tell
        Called with the address, once it is there.

    Raises
    ------
    ConfigError
        If nothing can listen there, a number makes no sense, or no worker starts.
    WeightsError
        If there are no such weights.
    """
    default, models = served(model)
    broken: list[PhonodosError] = []

    def ended(error: PhonodosError) -> None:
        broken.append(error)
        server.should_exit = True

    service = Service(default, models, limits or Limits(), check_workers(workers), broken=ended)
    names = [*hosts] if host in ("0.0.0.0", "::", "") else [host, *hosts]
    app = application(service, names, origins)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=ENDING, timeout_keep_alive=IDLE, ws="none", lifespan="on",
    )  # fmt: skip
    server = Server(config, service)
    with listening(host, port) as sock:
        tell(address(sock))
        server.run(sockets=[sock])
    if broken:
        raise broken[0]


def warning_of(host: str) -> str | None:
    """Return what there is to say of an address that others reach; None of the loopback one."""
    if is_loopback(host):
        return None
    return (
        f"{host} is reached by other machines: whoever reaches it can use this service, "
        "unencrypted and without a password. Put it behind a server that asks for one, and name "
        "the hosts it is reached by with --allow-host."
    )
