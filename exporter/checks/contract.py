"""The output contract: what a model of each task gives, checked on the numbers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from exporter.checks.probes import Probe
from netzoo.tasks.registry import tasks
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
    """Raises InputError, UsageError or ExportError where the outputs are not those of the card's
    task; those of an unknown task are taken as they are."""
    if task := tasks().get(card.task):
        task.check_outputs(card, outputs, probe)
