"""What a command writes: one desk for all files, and where their numbers come from."""
