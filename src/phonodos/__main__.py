"""`python -m phonodos`: the command line."""

from phonodos.cli.main import main

main()
