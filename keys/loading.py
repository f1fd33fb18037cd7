"""While a trust bundle is loaded, nothing is searched for garbage: all that is made stays, and would be looked through
again and again as it grows.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def all_stays() -> Iterator[None]:
    """Hold the search for garbage back while the block runs, in the whole process; then it is as it was before."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
