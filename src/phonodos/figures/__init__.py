"""Floor 1: figures in one house style."""
