"""CIF: grammar, symmetry, names of space groups, and what is refused, asked or warned of."""
