"""Temporary folders, which are locked while their process lives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sizewise.core.holding.locks import try_lock
from sizewise.core.holding.temporary import temporary_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


def free(folder: Path) -> bool:
    """Whether another holder could share a lock on it now."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        return try_lock(handle, shared=True)
    finally:
        os.close(handle)


def test_whoever_works_in_it_may_lock_it() -> None:
    """A cache of engines waits a second for the lock of its folder."""
    with temporary_folder() as folder:
        assert free(folder)
        assert not free(folder.parent), "so nobody takes it for a left-over"
        (folder / "kept").touch()
    assert not folder.parent.exists()
