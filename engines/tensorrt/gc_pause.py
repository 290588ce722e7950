"""A pause of garbage collection while TensorRT works.

TensorRT calls its logger back while it holds locks of its own. A collection that began in such a
call could end what is left of earlier builders, which log, too, and would wait for these locks for
ever.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Collect no garbage within the block; objects outside cycles are still freed at once."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
