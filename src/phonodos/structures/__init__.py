"""Floor 1: crystals from files, archives, tables and objects of other programs, and back."""
