from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.netzoo.data.coco import mutants

WriteCoco = Callable[[dict[str, Any]], Path]


@pytest.fixture
def small_coco() -> dict[str, Any]:
    return mutants.small_coco()


@pytest.fixture
def write_json(tmp_path: Path) -> WriteCoco:
    """Writes a COCO dict, and a picture for each image where there is none yet."""

    def write(content: dict[str, Any]) -> Path:
        mutants.write_pictures(content, tmp_path)
        json_path = tmp_path / "data.json"
        json_path.write_text(json.dumps(content))
        return json_path

    return write
