"""The accuracy of a plan, measured in a child, as its caller sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.remote import answered
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.progress import OnProgress, unheard
from sizewise.core.specs import ModelCard, Size
from sizewise.core.trials import Accuracy


@dataclass(frozen=True, kw_only=True)
class PlanAccuracy:
    """What was measured on the data of this ``name``, what the plan expects of these pictures (0–1;
    None: the traffic had not all of their sizes, or accuracy was not known), and how many pictures
    there are of each size, as text."""

    accuracy: Accuracy
    expected: float | None
    name: str
    sizes: Mapping[str, int]

    @property
    def pictures(self) -> dict[Size, int]:
        """How many there are of each size."""
        return {Size.parse(size): count for size, count in self.sizes.items()}


def evaluate(
    folder: Path,
    plan: Path,
    data: str,
    images: int,
    *,
    timeout_s: float,
    card: ModelCard | None = None,
    on_progress: OnProgress = unheard,
) -> PlanAccuracy:
    """Run so many images of ``data`` (0: all) through the engines of a plan, each at its place.

    The model's ``card`` says how pictures are given and outputs read (None: that of the engines).
    Raises UsageError, InputError, EngineError, and ChildError where the child crashes or hangs.
    """
    arguments: dict[str, Any] = {
        "folder": str(folder),
        "plan": str(plan),
        "data": data,
        "images": images,
        "card": None if card is None else codec.to_plain(card),
    }
    given = run_in_child(
        "bench.accuracy.placed:evaluate_plan",
        arguments,
        timeout_s=timeout_s,
        on_progress=on_progress,
    )
    return answered(given, PlanAccuracy, of="The evaluation")
