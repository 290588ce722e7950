"""The accuracy of a plan, measured in a child, as its caller sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.remote import answered
from sizewise.core.children.child import run_in_child
from sizewise.core.trials import Accuracy


@dataclass(frozen=True, kw_only=True)
class PlanAccuracy:
    """What was measured, and what the plan expects of these pictures (0–1; None: the traffic had
    not all of their sizes, or accuracy was not known)."""

    accuracy: Accuracy
    expected: float | None


def evaluate(folder: Path, plan: Path, data: str, images: int, *, timeout_s: float) -> PlanAccuracy:
    """Run so many images of ``data`` (0: all) through the engines of a plan, each at its place.

    Raises UsageError, InputError, EngineError, and ChildError where the child crashes or hangs.
    """
    arguments = {"folder": str(folder), "plan": str(plan), "data": data, "images": images}
    given = run_in_child("bench.accuracy.placed:evaluate_plan", arguments, timeout_s=timeout_s)
    return answered(given, PlanAccuracy, of="The evaluation")
