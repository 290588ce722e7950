"""What was noted of each image while an engine was evaluated, and intervals made of it.

An accuracy keeps it (``Accuracy.evidence``), so that its metrics over any choice of the images can
be computed without the data set and without the engine.
"""

from __future__ import annotations

from sizewise.core.evidence.base import Evidence
from sizewise.core.evidence.class_masks import ClassMaskEvidence
from sizewise.core.evidence.classes import ClassEvidence
from sizewise.core.evidence.detections import DetectionEvidence
from sizewise.core.evidence.intervals import (
    AS_GOOD,
    ROUNDING,
    TOLERANCE,
    accuracy_difference,
    accuracy_interval,
    is_as_good,
    is_more,
    is_tie,
)
from sizewise.core.evidence.masks import MaskEvidence
from sizewise.core.evidence.stored import read_evidence, write_evidence

__all__ = [
    "AS_GOOD",
    "ROUNDING",
    "TOLERANCE",
    "ClassEvidence",
    "ClassMaskEvidence",
    "DetectionEvidence",
    "Evidence",
    "MaskEvidence",
    "accuracy_difference",
    "accuracy_interval",
    "is_as_good",
    "is_more",
    "is_tie",
    "read_evidence",
    "write_evidence",
]
