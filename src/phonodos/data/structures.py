"""The door for structures under its address in release 0.1; at home in `structures.reading`."""

from phonodos.structures.reading import as_crystal as as_crystal
from phonodos.structures.reading import iter_crystals as iter_crystals
from phonodos.structures.reading import read_crystal as read_crystal
