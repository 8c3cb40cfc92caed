"""Floor 1: data sets of phonon calculations; public records prepared, split, packed, described."""
