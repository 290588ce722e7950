"""Photographs as people upload them: few formats of cameras, and crops of any shape."""

from __future__ import annotations

from collections.abc import Iterator

from numpy.random import Generator

from sizewise.core.specs import Size
from sizewise.pipeline.preparation.traffic.made._entry import MadeTraffic

_FORMATS = {
    (3024, 4032): 0.30,  # telephones, 4:3
    (1080, 1920): 0.16,  # 16:9
    (2268, 4032): 0.08,
    (1365, 2048): 0.12,  # cameras, 3:2, made smaller
    (4000, 6000): 0.06,
    (1080, 1080): 0.10,  # squares of social networks
    (1350, 1080): 0.06,
    (960, 1280): 0.12,  # sent by a messenger
}
"""Height and width of a landscape, and its share."""
_CROPPED, _UPRIGHT, _AGAIN = 0.2, 0.55, 0.5
"""Shares: cut to any shape; held upright; of the same kind as the one before, as albums are."""


def _sizes(rng: Generator) -> Iterator[Size]:
    formats, shares = list(_FORMATS), list(_FORMATS.values())
    last: Size | None = None
    while True:
        if last is None or rng.random() > _AGAIN:
            height, width = formats[rng.choice(len(formats), p=shares)]
            if rng.random() < _UPRIGHT:
                height, width = width, height
            if rng.random() < _CROPPED:
                height, width = (round(s * rng.uniform(0.4, 1)) for s in (height, width))
            last = Size(height, width)
        yield last


TRAFFIC = (
    MadeTraffic(
        name="photographs",
        description="Made up: photographs of telephones and cameras, every fifth cut to any shape; "
        "half come with others of their album.",
        sizes=_sizes,
    ),
)
