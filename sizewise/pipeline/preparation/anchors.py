"""Anchors fitted to a data set, as a training would fit them, beside those of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from netzoo.data.faults import faults_for
from netzoo.data.pictures.folder import PictureFolder
from netzoo.tasks.showing import FITS
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import option
from sizewise.core.options.reading import SIZES, SWITCH, TEXT, choice, optional, whole
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import Sizes
from sizewise.pipeline.models.anchors import Anchors, anchor_line
from sizewise.pipeline.models.left_out import TRAINING, Skipped, skipped_of

if TYPE_CHECKING:
    from netzoo.data.coco.dataset import Dataset
    from netzoo.training.anchors import Shapes
    from netzoo.zoo.network import HeadDesign, NetworkEntry

_GROUP = "Anchors"


@dataclass(frozen=True, kw_only=True)
class AnchorOptions(PictureFolder):
    """The options of ``sizewise anchors`` beside the network."""

    data: str = option(
        TEXT,
        help="Boxes: a data set's name, a COCO JSON file, a data.yaml, or a folder in the layout "
        "of COCO, Pascal VOC or YOLO. The training part is used.",
        group="Data",
    )
    sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Input sizes in pixels that the network is trained at: 416, 384x640, or "
        "FIRST:LAST:STEP (comma list).",
        group=_GROUP,
        shown="5 to 10 strides, 160:320:32 at a stride of 32",
    )
    fit: str | None = option(
        optional(choice(*FITS)),
        None,
        help="How pictures are fitted into the input: scaled by one factor with grey around them, "
        "or stretched.",
        group=_GROUP,
        shown="the network's own",
    )
    seed: int = option(whole(0), 0, help="Random seed of the first clusters.", group=_GROUP)
    strict: bool = option(
        SWITCH,
        False,
        help="Stop at pictures and labels that can't be used, which are else left out and named.",
        group="Data",
    )


@dataclass(frozen=True, kw_only=True)
class HeadAnchors:
    """The anchors of a head, and the share of boxes (0–1) that one of them covers best."""

    stride: int
    anchors: Anchors
    share: float


@dataclass(frozen=True, kw_only=True)
class AnchorSet:
    """Anchors by the heads that they belong to, and the mean over all boxes of the IoU with the
    best of them (0–1)."""

    mean_best_iou: float
    heads: tuple[HeadAnchors, ...]


@dataclass(frozen=True, kw_only=True)
class FittedAnchors:
    """What :func:`fit_to` found for ``boxes`` boxes of the data set ``data``.

    ``before`` are the anchors that the network was published with, ``after`` those that are fitted;
    ``line`` is these as ``--anchors`` takes them. ``too_few`` shapes leave the published ones.
    ``skipped`` are pictures and labels that can't be used; their boxes do not count.
    """

    network: str
    data: str
    data_sha256: str
    boxes: int
    sizes: Sizes
    fit: str
    before: AnchorSet
    after: AnchorSet
    line: str
    too_few: bool = False
    skipped: tuple[Skipped, ...] = ()


def fit_to(network: str, options: AnchorOptions, *, reporter: Reporter = SILENT) -> FittedAnchors:
    """Fit the anchors of ``network`` to boxes as it sees them, by k-means with 1 − IoU as the
    distance (YOLOv2, section 2): just as its training does.

    Raises UsageError for a network without anchors, InputError for data without boxes.
    """
    from netzoo.training.anchors import fit_anchors, shapes_of, shared_out
    from netzoo.training.checks import demand_multiples
    from netzoo.training.ranges import usual_sizes
    from netzoo.zoo.network import find_network
    from sizewise.pipeline.models.training_data import Source, open_part

    entry = find_network(network)
    design = _design(entry)
    keep_shape = entry.letterbox if options.fit is None else FITS[options.fit]
    sizes = options.sizes or usual_sizes(entry.stride)
    demand_multiples(entry, sizes)
    faults = faults_for(strict=options.strict)
    source = Source(options.data, options.images)
    # A network with anchors is a detector, and those learn from boxes.
    data = cast("Dataset", open_part(entry, source, "train", reporter, faults))
    shapes = shapes_of(data, sizes, keep_shape=keep_shape)
    anchors = fit_anchors(data, sizes, design.anchors, options.seed, keep_shape=keep_shape)
    too_few = anchors == design.anchors
    masks = design.masks if too_few else shared_out(design)
    return FittedAnchors(
        network=network,
        data=data.name,
        data_sha256=data.sha256,
        boxes=sum(len(image.boxes) for image in data.images),
        sizes=sizes,
        fit=next(name for name, keeps in FITS.items() if keeps == keep_shape),
        before=_set_of(shapes, design, design.anchors, design.masks),
        after=_set_of(shapes, design, anchors, masks),
        line=anchor_line(anchors),
        too_few=too_few,
        skipped=skipped_of(TRAINING, faults.found),
    )


def _design(entry: NetworkEntry) -> HeadDesign:
    if entry.design is None:
        from netzoo.zoo.network import networks

        having = [name for name, one in networks().items() if one.design]
        raise UsageError(
            f"{entry.name} has no anchors",
            f"it is a network for {entry.task}",
            f"Choose one that has: {', '.join(having)}.",
        )
    return entry.design


def _set_of(
    shapes: Shapes, design: HeadDesign, anchors: Anchors, masks: Sequence[Sequence[int]]
) -> AnchorSet:
    """Those anchors alone that belong to a head: others are never used."""
    import numpy as np

    from netzoo.training.anchors import mean_best_iou, shape_iou

    of_heads = [tuple(anchors[place] for place in mask) for mask in masks]
    used = [anchor for own in of_heads for anchor in own]
    ends = np.cumsum([len(own) for own in of_heads])
    best = shape_iou(shapes, np.array(used)).argmax(1)
    shares = np.bincount(np.searchsorted(ends, best, side="right"), minlength=len(ends))
    heads = [
        HeadAnchors(stride=stride, anchors=own, share=float(count / len(shapes)))
        for stride, own, count in zip(design.strides, of_heads, shares, strict=True)
    ]
    return AnchorSet(
        mean_best_iou=mean_best_iou(shapes, tuple(used)),
        heads=tuple(sorted(heads, key=lambda head: head.stride)),
    )
