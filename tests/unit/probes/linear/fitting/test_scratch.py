"""Memory that a fit has freed."""

import platform
import subprocess
import sys

import pytest

HOLES = """
import numpy as np
from probes.linear.fitting.scratch import return_freed_memory

def megabytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

return_freed_memory()
np.ones(31 << 20, np.uint8)  # by default, arrays of up to this size are on the heap once it is freed
before = megabytes()
held = [(np.ones(8 << 20, np.uint8), np.ones(1 << 12, np.uint8)) for _ in range(16)]
held = [small for _, small in held]
print(megabytes() - before)
"""


@pytest.mark.heavy
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_arrays_leave_no_holes():
    result = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    assert float(result.stdout) < 8
