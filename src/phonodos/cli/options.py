"""Options that several subcommands share, word for word."""

import os
from typing import Annotated

import typer


def allow_size(megabytes: int | None) -> int | None:
    """Let files hold so many MiB, unpacked, in this process and those it starts."""
    if megabytes is not None:
        os.environ["PHONODOS_MAX_SIZE"] = str(megabytes)
    return megabytes


ModelOption = Annotated[
    str | None, typer.Option(help="released name or path of a weight file", show_default=False)
]
MembersOption = Annotated[
    int | None,
    typer.Option(help="members of an ensemble to use, the first ones; all", show_default=False),
]
CheckOption = Annotated[
    bool,
    typer.Option(
        "--check/--no-check",
        help="hold the distances of atoms against those of training; refuse absurd ones",
    ),
]
VacanciesOption = Annotated[
    str,
    typer.Option(help="of sites partly vacant: refuse, or fill by the elements on them"),
]
TimeoutOption = Annotated[
    float, typer.Option(metavar="SECONDS", help="longest time to read, compute or write a crystal")
]
MaxSizeOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="MIB",
        help="most that one input file may hold, unpacked [MiB]; 256",
        show_default=False,
        callback=allow_size,
    ),
]
