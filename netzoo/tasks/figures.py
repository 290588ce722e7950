"""Figures of an evaluation beside the metrics by which models are ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BOX_METRICS = ("coco", "voc07", "voc")
"""How the figures of boxes may be measured: as COCO does, as Pascal VOC did until 2009 (precision
at 11 recalls), and as it did from 2010 (the area below precision over recall)."""

COCO_TITLES: Mapping[str, str] = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
    "ar1": "AR1",
    "ar10": "AR10",
    "ar100": "AR100",
    "ar_small": "AR small",
    "ar_medium": "AR medium",
    "ar_large": "AR large",
}
"""By the name of each of COCO's figures, in the order in which its program gives them."""
MASK_TITLES: Mapping[str, str] = {"s_measure": "S-measure", "e_measure": "E-measure"}
TITLES: Mapping[str, str] = {**COCO_TITLES, "map": "mAP", **MASK_TITLES}
"""By the name of every figure."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures (0–1) by name, None where there is nothing to measure them on; and AP of each class
    that occurs, by its name."""

    values: Mapping[str, float | None] = field(default_factory=dict)
    ap_by_class: Mapping[str, float] = field(default_factory=dict)
