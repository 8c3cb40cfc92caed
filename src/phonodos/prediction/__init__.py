"""Floor 2: from a structure to a `Prediction`."""
