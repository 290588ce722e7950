from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

WriteCoco = Callable[[dict[str, Any]], Path]


def _small_coco() -> dict[str, Any]:
    """Two pictures of 40 × 60; the second has no annotation. Category ids are neither 0-based nor
    contiguous, and one box is a crowd.
    """
    return {
        "info": {"description": "what readers don't know they leave alone"},
        "images": [
            {"id": 7, "file_name": "a.png", "height": 40, "width": 60},
            {"id": 3, "file_name": "deep/b.png", "height": 40, "width": 60},
        ],
        "categories": [{"id": 90, "name": "cat"}, {"id": 5, "name": "dog"}],
        "annotations": [
            {
                "id": 11,
                "image_id": 7,
                "category_id": 5,
                "bbox": [4, 6, 10, 12],
                "area": 120,
                "iscrowd": 0,
                "segmentation": [[4, 6, 14, 6, 14, 18, 4, 18]],
            },
            {
                "id": 12,
                "image_id": 7,
                "category_id": 90,
                "bbox": [20.5, 8, 9, 9],
                "area": 200,
                "iscrowd": 1,
                "segmentation": {"size": [40, 60], "counts": [1000, 200, 1200]},
            },
            {
                "id": 10,
                "image_id": 7,
                "category_id": 90,
                "bbox": [30, 20, 5, 5],
                "area": 25,
                "iscrowd": 0,
                "segmentation": [[30, 20, 35, 20, 35, 25]],
            },
        ],
    }


@pytest.fixture
def small_coco() -> dict[str, Any]:
    return _small_coco()


@pytest.fixture
def write_json(tmp_path: Path) -> WriteCoco:
    """Writes a COCO dict, and a picture for each image where there is none yet."""

    def write(content: dict[str, Any]) -> Path:
        noise = np.random.default_rng(0)
        for image in content["images"]:
            path = tmp_path / image["file_name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                pixels = noise.integers(0, 256, (40, 60, 3), np.uint8)
                Image.fromarray(pixels).save(path)
        json_path = tmp_path / "data.json"
        json_path.write_text(json.dumps(content))
        return json_path

    return write
