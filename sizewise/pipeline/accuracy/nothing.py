"""An accuracy of 0: pictures or outputs are not taken for what they are."""

from __future__ import annotations

from collections.abc import Mapping

from sizewise.core.options.declared import spelled
from sizewise.core.trials import METRICS

_PICTURES = ("fit", "input_format", "range", "mean", "std")


def main_score(scores: Mapping[str, float | None]) -> float | None:
    """The metric (0–1) that networks of the task are ranked by; None where there is none."""
    ranked = (scores.get(metric.name) for metric in METRICS if metric.ranks)
    return next((value for value in ranked if value is not None), None)


def what_to_check(*of_outputs: str) -> str:
    """A sentence on the options that say how pictures are given, and ``of_outputs``, how outputs
    are read."""
    pictures, outputs = (", ".join(map(spelled, names)) for names in (_PICTURES, of_outputs))
    return f"Check how pictures are given ({pictures}) and how outputs are read ({outputs})."
