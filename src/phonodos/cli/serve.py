"""`phonodos serve`: the page and the REST interface, on this machine."""

import sys
from typing import Annotated

import typer

from phonodos.cli.interrupt import interruptible
from phonodos.cli.options import ModelOption
from phonodos.cli.output import INTERRUPTED
from phonodos.errors import ConfigError

NEEDED = ("fastapi", "uvicorn", "python_multipart")


def serve(
    host: Annotated[str, typer.Option(help="address to listen at")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free")] = 8000,
    model: ModelOption = None,
    max_atoms: Annotated[int, typer.Option(metavar="N", help="of a crystal, at most")] = 300,
    queue: Annotated[int, typer.Option(metavar="N", help="requests that may wait")] = 32,
    workers: Annotated[
        int | None,
        typer.Option(help="processes that predict; one for every core", show_default=False),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="longest time of a request in a worker")
    ] = 30.0,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="another name it is reached by; may be repeated", show_default=False),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="site whose pages may use it, as https://example.org; may be repeated",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the page and the REST interface (extra web), by default to this machine alone."""
    check_installed()
    from phonodos.service.limits import Limits
    from phonodos.service.server import serve as run
    from phonodos.service.server import warning_of

    limits = Limits(atoms=max_atoms, waiting=queue, seconds=timeout)
    if (warning := warning_of(host)) is not None:
        print(f"warning:  {warning}", file=sys.stderr)

    def tell(address: str) -> None:
        print(f"phonodos serves at {address} (Ctrl-C ends it)", flush=True)

    try:
        with interruptible():
            run(
                host, port, model=model, workers=workers, limits=limits,
                hosts=allow_host or (), origins=cors or (), tell=tell,
            )  # fmt: skip
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def check_installed() -> None:
    """Raise `ConfigError` if the libraries of the extra are not there."""
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            "phonodos serve needs the extra [web]",
            f"{', '.join(missing).replace('_', '-')} cannot be imported",
            "pip install 'phonodos[web]'",
        )
