"""`keep_freed`: memory that arrays gave back stays with the process, for the next ones."""

from typing import Final

import numpy as np

# The largest block that glibc's malloc, having seen it freed, takes for its threshold: 32 MB, less
# its own header. Blocks below it are kept when freed, up to twice as much in all.
LARGEST_KEPT: Final = 2**25 - 2**16


def keep_freed() -> None:
    """Allocate and free one large block that is never touched, and so never takes memory.

    glibc learns by it what sizes to expect. Until then every array of a few hundred kB is fetched
    from the system page by page and given back again, a tenth of a prediction of 96 atoms. Any
    program that ever frees an array of this size has the same; elsewhere than with glibc it does
    nothing.
    """
    np.empty(LARGEST_KEPT, dtype=np.uint8)
