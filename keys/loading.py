"""While a trust bundle is loaded, nothing is searched for garbage: all that is made stays, and would be looked through
again and again as it grows.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def all_stays() -> Iterator[None]:
    """Hold the search for garbage back while the block runs, in the whole process; then it is as it was before.

    What was made meanwhile counts as old at once: else the first search afterwards would look through all of it, which
    with ten thousand contacts takes a tenth of the whole load.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if not gc.get_freeze_count():  # what somebody froze on purpose stays frozen
                gc.freeze()
                gc.unfreeze()
            gc.enable()
