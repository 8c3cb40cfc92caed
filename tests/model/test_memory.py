"""Memory that is kept when freed costs nothing beforehand."""

import platform
import resource
import subprocess
import sys

from phonodos.model.memory import LARGEST_KEPT, keep_freed


def test_the_block_is_never_taken() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        keep_freed()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LARGEST_KEPT / 2**11


def test_arrays_of_a_megabyte_are_not_fetched_again() -> None:
    """With glibc; elsewhere nothing is promised but that all goes on."""
    program = (
        "import resource, numpy as np\n"
        "from phonodos.model.memory import keep_freed\n"
        "keep_freed()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for k in range(60):\n"
        "    if k == 20: start = faults()\n"
        "    x, y = np.ones(2**17), np.ones(2**17)\n"
        "    del x, y\n"
        "print(faults() - start)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.returncode == 0
    if platform.libc_ver()[0] == "glibc":
        assert int(found.stdout) < 1000  # of 20,000 pages
