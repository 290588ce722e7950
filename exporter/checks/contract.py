"""The output contract: what a model of each task gives, checked on the numbers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from exporter.checks.probes import Probe
from netzoo.tasks.layouts import read_detections
from sizewise.core.errors import ExportError
from sizewise.core.specs import ModelCard

Outputs = Mapping[str, NDArray[Any]]


def check_batch(outputs: Outputs, probe: Probe) -> None:
    """Raises ExportError where an output has not one row for each image."""
    for name, array in outputs.items():
        if array.ndim == 0 or array.shape[0] != probe.batch_size:
            raise ExportError(
                f"The module's output {name} does not keep the batch",
                f"at {probe}, its shape is {list(array.shape)}",
                "Look for a view or reshape with a fixed number: name the batch and derive the "
                "other sizes from the input's shape.",
            )


def check_contract(card: ModelCard, outputs: Outputs, probe: Probe) -> None:
    """Detection as the card's layout reads it; segmentation ``mask_logits`` [B, 1, H, W].

    Raises InputError or UsageError (by the layout), or ExportError.
    """
    if card.task == "detection":
        read_detections(card.layout, outputs, class_count=len(card.classes) or None)
    elif card.task == "segmentation":
        wanted = {"mask_logits": (probe.batch_size, 1, probe.size.height, probe.size.width)}
        given = {name: array.shape for name, array in outputs.items()}
        if given != wanted:
            raise ExportError(
                "The module is no segmenter by its outputs",
                f"at {probe} they are {given} instead of {wanted}",
                "Let it give mask_logits [B, 1, H, W], or export it with the task unknown.",
            )
