"""phonopy calculations: where they lie, their files, their symmetry and force constants."""
