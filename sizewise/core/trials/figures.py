"""Figures of a trial that are not latencies: memory, accuracy and the build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sizewise.core.specs import Suppression, TaskName


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory in bytes of a child that holds one engine and nothing else, in one wave.

    Each peak is of its own time: ``before_bytes`` until the engine was opened (interpreter and
    libraries), ``peak_bytes`` while it was opened, ``run_peak_bytes`` in the calls at one size
    after that (None where the system can't set its peak back: then ``peak_bytes`` is of both).
    ``rest_bytes`` is what it holds between calls, ``walk_bytes`` what it holds after a walk over
    all sizes that the sweep measures the engine at (None where that is one).

    ``device_bytes`` is GPU memory that the child holds after the calls, CUDA's own included, as the
    driver reports it for the process, and ``device_before_bytes`` before the engine was opened;
    None where it does not tell.
    """

    peak_bytes: int
    before_bytes: int
    run_peak_bytes: int | None = None
    rest_bytes: int | None = None
    walk_bytes: int | None = None
    device_bytes: int | None = None
    device_before_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Metrics from 0 to 1; None: not measured.

    ``ap`` and ``ap50`` are COCO's for detection; ``miou``, ``f_measure`` and ``mae`` (lower is
    better) are for segmentation, see ``netzoo.tasks.masks.binary``; ``iou_by_class`` is that of a
    segmenter of classes, by their names; ``top1`` and ``top5`` are for classification. ``chosen``
    says which of the images were taken, empty for all. ``evidence`` is what a task's evaluator
    noted of each image, for intervals (``sizewise.core.evidence``); empty where results hold none.

    ``suppression`` is the NMS that a user asked for (None: the usual one, ``EVALUATION``, or that
    of the graph), ``names_sha256`` the hash of class names that a user gave (empty: the file's own
    hold). Accuracies that differ in these do not compare.
    """

    images: int
    data_sha256: str
    ap: float | None = None
    ap50: float | None = None
    miou: float | None = None
    f_measure: float | None = None
    mae: float | None = None
    chosen: str = ""
    evidence: bytes = b""
    top1: float | None = None
    top5: float | None = None
    iou_by_class: Mapping[str, float] = field(default_factory=dict)
    suppression: Suppression | None = None
    names_sha256: str = ""

    @property
    def measured_on(self) -> tuple[str, str, Suppression | None, str]:
        """Equal in accuracies that compare: data, images, and how outputs were read."""
        return self.data_sha256, self.chosen, self.suppression, self.names_sha256


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measure of accuracy, 0–1. ``name`` is that of the attribute that holds it. ``ranks``:
    engines and networks are ranked by it, which holds for one metric of a task."""

    name: str
    title: str
    task: TaskName
    lower_is_better: bool = False
    ranks: bool = False


METRICS = (
    Metric(name="ap", title="AP", task="detection", ranks=True),
    Metric(name="ap50", title="AP50", task="detection"),
    Metric(name="miou", title="mIoU", task="segmentation", ranks=True),
    Metric(name="f_measure", title="F-measure", task="segmentation"),
    Metric(name="mae", title="MAE", task="segmentation", lower_is_better=True),
    Metric(name="top1", title="top-1", task="classification", ranks=True),
    Metric(name="top5", title="top-5", task="classification"),
)
"""All metrics, in the order in which they are shown."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """The engine as built: seconds, bytes on disk, what precision its layers really run in, the
    device memory that it says it needs (``EngineMemory``; None where it does not say), and the
    builder's peak of resident memory (None where the system does not say).
    """

    build_s: float
    size_bytes: int
    achieved: str
    device_predicted_bytes: int | None = None
    peak_bytes: int | None = None
