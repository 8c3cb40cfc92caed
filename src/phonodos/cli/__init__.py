"""Top floor: the command line, one file a subcommand."""
