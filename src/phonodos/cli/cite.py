"""`phonodos cite`: what to cite, as BibTeX."""

from typing import Annotated

import typer

from phonodos.cli.output import print_json
from phonodos.results.citations import ENTRIES, ROLES, bibtex


def cite(
    as_json: Annotated[bool, typer.Option("--json", help="the entries as JSON on stdout")] = False,
) -> None:
    """Print what to cite as BibTeX: this program, the network, the data."""
    if as_json:
        print_json({"entries": [{"key": k, "for": ROLES[k], "bibtex": ENTRIES[k]} for k in ROLES]})
        return
    print(bibtex())
