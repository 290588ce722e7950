"""PVT v2-B0 without its classifier: 32, 64, 160 and 256 channels."""

from __future__ import annotations

from netzoo.backbones._base import BackboneEntry
from netzoo.backbones._pvt_v2 import CLASSIFIER, PVTv2

REPEATS = (2, 2, 2, 2)


def _pvt_v2_b0(width: float, depth: float) -> PVTv2:
    return PVTv2(32, REPEATS, width, depth)


BACKBONES = (BackboneEntry(name="pvt_v2_b0", build=_pvt_v2_b0, ignored=CLASSIFIER),)
