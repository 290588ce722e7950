from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.tensorrt.gc_pause import garbage_collection_paused


@pytest.fixture(autouse=True)
def _no_collection_in_callbacks() -> Iterator[None]:
    """Tests call the library by its parts, and what ``pytest.raises`` holds is a cycle."""
    with garbage_collection_paused():
        yield
