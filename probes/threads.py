"""How many threads NumPy's matrix products take.

On a machine that is busy, the threads of one product wait for each other, spinning: CKA of 48 x 48 time points took up to 16 s
with two threads beside other work, and 0.2 s with one. The number belongs to the whole process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_limits: list[threadpool_limits] = []  # one for each that is inside; the first knows the usual number


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within, matrix products of NumPy take one thread; the usual number comes back when the last one inside leaves.

    Several threads of the app may be inside at once. Each on its own would restore what it found, in any order, and the
    last could find, and so restore, the one thread of another.
    """
    with _lock:
        _limits.append(threadpool_limits(1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            if len(_limits) == 1:
                _limits[0].restore_original_limits()
            _limits.pop()
