"""Where screenshots of the page go."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def shots() -> Path:
    """Where screenshots go that are committed: ``python -m docs.make.demo`` has no browser."""
    folder = Path(__file__).parent / "shots"
    folder.mkdir(exist_ok=True)
    return folder
