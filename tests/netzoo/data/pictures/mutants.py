"""Pictures of all formats, written and then broken by chance."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP", "PPM", "JPEG2000")
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


def written(kind: str, chance: random.Random) -> bytes:
    mode = chance.choice({"JPEG": ("RGB", "L"), "PPM": ("RGB", "L")}.get(kind, ("RGB", "L", "P")))
    file = io.BytesIO()
    picture = Image.fromarray(PIXELS)
    exif = Image.Exif()
    exif[0x0112] = chance.randint(1, 9)
    if mode == "P" and kind in ("WEBP", "JPEG2000"):
        mode = "RGB"
    options = {"exif": exif} if kind in ("PNG", "JPEG", "TIFF", "WEBP") else {}
    picture.convert(mode).save(file, kind, **options)
    return file.getvalue()


def mutated(kind: str, chance: random.Random) -> bytes:
    """Cut, with flipped bytes, a part doubled or moved, large numbers in the head, two files."""
    content = bytearray(written(kind, chance))
    for _ in range(chance.randint(1, 3)):
        start, length = chance.randrange(len(content)), chance.randint(1, 40)
        match chance.randrange(6):
            case 0:
                del content[max(1, start) :]
            case 1:
                for _ in range(chance.randint(1, 12)):
                    content[chance.randrange(len(content))] = chance.randrange(256)
            case 2:
                content[start:start] = content[start : start + length]
            case 3:
                head = chance.randrange(min(60, len(content)))
                content[head : head + 4] = chance.choice(
                    (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4)
                )
            case 4:
                del content[start : start + length]
            case _:
                other = written(chance.choice(FORMATS), chance)
                content[start:] = other[chance.randrange(len(other)) :]
        content = content or bytearray(b"\0")
    return bytes(content)
