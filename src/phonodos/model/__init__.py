"""Floor 1: the crystal graph, the networks on it, and their weight files."""
