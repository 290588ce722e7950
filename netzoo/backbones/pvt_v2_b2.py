"""PVT v2-B2 without its classifier: 64, 128, 320 and 512 channels."""

from __future__ import annotations

from netzoo.backbones._base import BackboneEntry
from netzoo.backbones._pvt_v2 import CLASSIFIER, PVTv2

REPEATS = (3, 4, 6, 3)


def _pvt_v2_b2(width: float, depth: float) -> PVTv2:
    return PVTv2(64, REPEATS, width, depth)


BACKBONES = (BackboneEntry(name="pvt_v2_b2", build=_pvt_v2_b2, ignored=CLASSIFIER),)
