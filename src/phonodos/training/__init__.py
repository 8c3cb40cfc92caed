"""Floor 4: configuration, the training loop, checkpoints."""
