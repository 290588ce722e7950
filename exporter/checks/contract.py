"""The output contract of each task, checked on real outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from exporter.checks.probes import Probe
from netzoo.tasks.registry import task_of
from sizewise.core.errors import ExportError
from sizewise.core.specs import ModelCard

Outputs = Mapping[str, NDArray[Any]]


def check_batch(outputs: Outputs, probe: Probe) -> None:
    """Raises ExportError unless every output has one row for each image."""
    for name, array in outputs.items():
        if array.ndim == 0 or array.shape[0] != probe.batch_size:
            raise ExportError(
                f"The first dimension of the module's output {name} is not the batch",
                f"at {probe}, its shape is {list(array.shape)}",
                "Look for a view or reshape with a fixed number. Keep the batch as its own "
                "dimension and derive the others from the input's shape.",
            )


def check_contract(card: ModelCard, outputs: Outputs, probe: Probe) -> None:
    """Raises InputError, UsageError or ExportError where the outputs are not those of the card's
    task; those of an unknown task are taken as they are."""
    if task := task_of(card):
        task.check_outputs(card, outputs, probe)
