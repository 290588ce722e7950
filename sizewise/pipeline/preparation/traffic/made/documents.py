"""Pages as scanners and telephones give them: A4 and Letter, receipts, cards."""

from __future__ import annotations

from collections.abc import Iterator

from numpy.random import Generator

from sizewise.core.specs import Size
from sizewise.pipeline.preparation.traffic.made._entry import MadeTraffic

_INCHES = {
    (11.69, 8.27): 0.55,  # A4
    (11.0, 8.5): 0.15,  # Letter
    (8.27, 11.69): 0.08,  # A4, across
    (9.0, 3.15): 0.14,  # a receipt
    (2.13, 3.37): 0.08,  # a card
}
"""Height and width, and its share."""
_DPI = {100: 0.2, 150: 0.35, 200: 0.3, 300: 0.15}
_TRIMMED = 0.03
"""The most that the edges of a page are cut by, as a share."""
_PAGES = 6
"""The mean number of pages of one document: they are alike, but for their edges."""


def _sizes(rng: Generator) -> Iterator[Size]:
    kinds, shares = list(_INCHES), list(_INCHES.values())
    while True:
        height, width = kinds[rng.choice(len(kinds), p=shares)]
        dpi = rng.choice(list(_DPI), p=list(_DPI.values()))
        for _ in range(rng.geometric(1 / _PAGES)):
            cut = rng.uniform(0, _TRIMMED, 2)
            yield Size(
                *(round(s * dpi * (1 - c)) for s, c in zip((height, width), cut, strict=True))
            )


TRAFFIC = (
    MadeTraffic(
        name="documents",
        description="Made up: scanned pages at 100 to 300 dots per inch, trimmed by up to 3 %, in "
        "documents of six pages in the mean; receipts and cards among them.",
        sizes=_sizes,
    ),
)
