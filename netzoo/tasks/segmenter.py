"""A model that ``predict`` finds a mask with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sizewise.core import codec
from sizewise.pipeline.prediction.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from netzoo.tasks.letterbox import Letterbox
    from sizewise.pipeline.prediction.predictor import Pixels

    Logits = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Segmenter(Predictor["Logits"]):
    """What it finds are logits [H, W] over the picture's own pixels: objects are above 0."""

    def read(self, fitted: Letterbox, outputs: dict[str, NDArray[Any]]) -> Logits:
        from netzoo.tasks.masks import read_logits

        return read_logits(outputs, fitted)

    def draw(self, picture: Pixels, found: Logits) -> Image.Image:
        from netzoo.tasks.overlay import draw_mask

        return draw_mask(picture, found > 0)

    def describe(self, found: Logits) -> str:
        """``an object on 12.5% of it``."""
        share = float((found > 0).mean())
        return f"an object on {share:.1%} of it" if share else ""

    def results(self, found: Logits) -> list[dict[str, Any]]:
        """One, of all objects together; none where there is no object."""
        from netzoo.data.segments import encode_mask
        from netzoo.tasks.masks import box_of, probabilities

        mask = found > 0
        if not mask.any():
            return []
        return [
            {
                "category_id": 0,
                "segmentation": codec.to_plain(encode_mask(mask)),
                "area": int(mask.sum()),
                "bbox": box_of(mask),
                "score": round(float(probabilities(found[mask]).mean()), 6),
            }
        ]
