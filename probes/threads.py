"""Limit on the number of threads that NumPy uses for matrix products.

On a busy machine, the threads of a product spin while they wait for each other. CKA of 48 x 48 time points took up to
16 s with two threads alongside other work, and 0.2 s with one thread. The limit applies to the whole process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_limits: list[threadpool_limits] = []  # one per active context; the first stores the original number


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Context manager that limits NumPy's matrix products to one thread. The last active context to exit restores the
    original number of threads.

    Several threads of the app may be inside the context at once. If each restored the number that it found on entry,
    the last thread to exit could restore another thread's limit.
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
