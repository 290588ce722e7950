"""A small COCO JSON with its pictures, and the same with values replaced, taken out or doubled."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MOST = 2**63 - 1
SECRET = "../secret.png"
"""A picture that is there, and is none of the data set's."""
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308, 1e-320),
    *(
        "",
        "\0",
        "\x1b[2J",
        "../../etc/passwd",
        "/dev/zero",
        SECRET,
        "a" * 5000,
        "é\u202e",
        "oooooo?" * 50,
    ),
    *([], {}, [[]], [[1, 2]], [[0] * 5], [[1e9] * 6], [MOST, MOST, 2, 2400], [0] * 3000, [[[]]]),
    *({"size": [40, 60], "counts": [MOST, MOST, 2, 2400]}, {"size": [0, 0], "counts": ""}),
    {"size": [2**40, 2**40], "counts": "0"},
)


def small_coco() -> dict[str, Any]:
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


def write_pictures(coco: dict[str, Any], folder: Path) -> None:
    """A picture for each image where there is none yet."""
    noise = np.random.default_rng(0)
    for image in coco["images"]:
        path = folder / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            Image.fromarray(noise.integers(0, 256, (40, 60, 3), np.uint8)).save(path)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value within."""
    if path:
        yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


def _other(value: Any, chance: random.Random) -> Any:
    """Mostly one of the same type: the rest is refused without a look at what it means."""
    if isinstance(value, int | float) and chance.random() < 0.6:
        return value + chance.choice((-20, -1, 0.5, 1, 20))
    alike = [one for one in VALUES if type(one) is type(value)]
    return chance.choice(alike if alike and chance.random() < 0.8 else VALUES)


def mutated(coco: dict[str, Any], chance: random.Random) -> bytes:
    """One to three values replaced, taken out or doubled, or some bytes of the text."""
    found = copy.deepcopy(coco)
    for _ in range(chance.choice((1, 1, 2, 3))):
        *way, last = chance.choice(list(places(found)))
        holder: Any = found
        for key in way:
            holder = holder[key]
        kind = chance.random()
        if kind < 0.15:
            del holder[last]
        elif kind < 0.25 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        else:
            holder[last] = copy.deepcopy(_other(holder[last], chance))
    text = bytearray(json.dumps(found).encode())
    if chance.random() < 0.15:
        for _ in range(chance.randint(1, 4)):
            text[chance.randrange(len(text))] = chance.randrange(256)
    return bytes(text[: chance.randrange(len(text))] if chance.random() < 0.05 else text)
