"""Studies: questions that take several predictions, or one and something to hold against it."""
