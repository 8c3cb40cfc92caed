"""Floor 0: the physics of phonon spectra; numpy and scipy, no torch, no files."""
