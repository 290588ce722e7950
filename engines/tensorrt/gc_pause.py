"""Garbage is collected outside TensorRT.

It calls its logger back while it holds locks of its own. A collection that began in such a call
could end what is left of earlier builders, which log, too, and would wait for these locks for ever.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_later() -> Iterator[None]:
    """Around what calls TensorRT; nothing is lost, and what is no part of a cycle goes at once."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
