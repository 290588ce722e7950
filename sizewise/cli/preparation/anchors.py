"""``sizewise anchors``: a detector's anchors, fitted to the boxes of a data set."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import Json, spell
from sizewise.core import codec
from sizewise.pipeline.models.anchors import Anchors
from sizewise.pipeline.preparation.anchors import (
    AnchorOptions,
    AnchorSet,
    FittedAnchors,
)


def anchors(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A detector's name (sizewise networks).")
    ],
    options: AnchorOptions,
    *,
    as_json: Json = False,
) -> None:
    """Fit a detector's anchors to the boxes of a data set, as the network sees them.

    By k-means with 1 - IoU as the distance, as a training without --anchors fits them. The mean
    best IoU says how well anchors cover the boxes, before and after.
    """
    from sizewise.pipeline.preparation.anchors import fit_to

    found = fit_to(network, options, reporter=console.reporter())
    if as_json:
        console.show_json(_plain(found))
    else:
        _show(found)
    console.next_step(_next(found, options))


def _next(found: FittedAnchors, options: AnchorOptions) -> str:
    """The training with these anchors, on pictures that are fitted the same way."""
    folder = () if options.images is None else (spell("images"), options.images)
    fit = () if options.fit is None else (spell("fit"), options.fit)
    given = () if found.too_few else (spell("anchors"), found.line)
    sizes = (spell("sizes"), found.sizes.text)
    data = (spell("data"), options.data)
    return console.command("train", found.network, *data, *folder, *fit, *sizes, *given)


def _plain(found: FittedAnchors) -> dict[str, Any]:
    return {
        "network": found.network,
        "data": {"name": found.data, "sha256": found.data_sha256, "boxes": found.boxes},
        "sizes": [str(size) for size in found.sizes],
        "fit": found.fit,
        "before": codec.to_plain(found.before),
        "after": codec.to_plain(found.after),
        "anchors": found.line,
        "too_few": found.too_few,
        "skipped": codec.to_plain(found.skipped),
    }


def _show(found: FittedAnchors) -> None:
    console.remark(
        f"{found.network} on {found.boxes} boxes of {found.data}, at {found.sizes.text} "
        f"({found.fit})"
    )
    if found.too_few:
        console.remark("The data have too few shapes: the published anchors stay.")
    rows = [
        (said, head.stride, _listed(head.anchors), f"{head.share:.0%}")
        for said, of in (("published", found.before), ("fitted", found.after))
        for head in of.heads
    ]
    console.show_table(
        "Anchors (width×height in pixels of the input)",
        ("", "stride", "anchors", "boxes that they cover best"),
        rows,
    )
    console.say(f"Mean best IoU: {_iou(found.before)} published, {_iou(found.after)} fitted.")
    console.say(f"Anchors: {found.line}")


def _listed(pairs: Anchors) -> str:
    return ", ".join(f"{width:g}×{height:g}" for width, height in pairs)


def _iou(of: AnchorSet) -> str:
    return f"{of.mean_best_iou:.3f}"
