"""Floor 1: structures, public data sets, splits; everything that reads or writes records."""
