"""Options that several subcommands share, word for word."""

from typing import Annotated

import typer

ModelOption = Annotated[
    str | None, typer.Option(help="released name or path of a weight file", show_default=False)
]
MembersOption = Annotated[
    int | None,
    typer.Option(help="members of an ensemble to use, the first ones; all", show_default=False),
]
TimeoutOption = Annotated[
    float, typer.Option(metavar="SECONDS", help="longest time to read, compute or write a crystal")
]
