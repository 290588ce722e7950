"""What a child takes that has loaded no library and no engine.

:func:`peak` runs in a child, and imports what one imports that measures engines.
"""

from __future__ import annotations

import bench.worker  # noqa: F401 - as a child that measures engines
from bench.timing import readings


def peak() -> int | None:
    """Bytes of this process; None where the system does not say."""
    return readings.peak_bytes()
