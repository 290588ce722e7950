"""Pictures of text, drawn: words in several fonts and sizes, on paper and on photographs.

Those to calibrate on and those to measure on share no photograph and no word. Fonts are those that
lie in matplotlib's wheel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from netzoo.data.sets._photographs import PHOTOGRAPHS, open_photograph, package_folder

SIDE = 640
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")
WORDS: dict[str, tuple[str, ...]] = {
    "train": (
        *("invoice", "No. 4711", "total", "19 % VAT", "delivery", "Main Street 12", "paid"),
        *("EXIT", "platform 3", "open daily", "09:30–18:00", "no parking", "sale", "Menu"),
        *("quantity", "unit price", "subtotal", "thank you", "customer copy", "2025-11-27"),
    ),
    "val": (
        *("receipt", "Order 8092", "amount due", "cash", "change", "Station Road 7", "caution"),
        *("ENTRANCE", "gate B14", "closed on Sundays", "10:15–17:45", "private", "coffee"),
        *("reference", "discount", "balance", "signature", "fragile", "2026-03-14", "Hotel"),
    ),
}
Part = Literal["train", "val"]


def draw_texts(folder: Path, part: Part, count: int) -> None:
    """Fill ``folder`` with pictures; the same ones in every call."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([0, len(part)])
    for number in range(count):
        _picture(random, part, number).save(folder / f"{number:03}.png")


def _picture(random: np.random.Generator, part: Part, number: int) -> Image.Image:
    """Every second one is paper."""
    picture = _paper(random) if number % 2 else _photograph(random, PHOTOGRAPHS[part])
    draw, top = ImageDraw.Draw(picture), int(random.integers(8, 60))
    while top < SIDE - 24:
        height = int(random.integers(12, 56))
        left = int(random.integers(4, SIDE // 3))
        text = "  ".join(random.choice(WORDS[part], int(random.integers(1, 5))).tolist())
        draw.text((left, top), text, _ink(random, picture, top), _font(random, height))
        top += int(height * random.uniform(1.2, 2.5))
    return picture.rotate(float(random.normal(0, 2)), Image.Resampling.BILINEAR, fillcolor="white")


def _paper(random: np.random.Generator) -> Image.Image:
    light = random.integers(200, 256, 3)
    noise = random.normal(0, 4, (SIDE, SIDE, 1))
    return Image.fromarray(np.clip(light + noise, 0, 255).astype(np.uint8))


def _photograph(random: np.random.Generator, names: Sequence[str]) -> Image.Image:
    photograph = open_photograph(str(random.choice(names)))
    side = int(min(photograph.size) * random.uniform(0.5, 1.0))
    left, top = (int(random.integers(0, room - side + 1)) for room in photograph.size)
    return photograph.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))


def _ink(random: np.random.Generator, picture: Image.Image, top: int) -> tuple[int, ...]:
    """Dark where the picture is light there, and the other way round."""
    light = np.asarray(picture.convert("L"))[top : top + 24].mean() > 127
    return tuple(random.integers(0, 90, 3) if light else random.integers(180, 256, 3))


def _font(random: np.random.Generator, height: int) -> ImageFont.FreeTypeFont:
    folder = package_folder("matplotlib") / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"{random.choice(FONTS)}.ttf"), height)
