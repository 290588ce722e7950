"""Engines judged against their FP32 file: part by part, and by the bound of their precision."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.registry import find_backend
from netzoo.tasks.chosen.parts import DIVIDED, ORDERED, in_order, parts_of_outputs
from netzoo.tasks.layouts import fitting_layouts
from netzoo.tasks.parts import SCORES, TABLES, misfit, mixes_scales, proposal, unseen
from netzoo.tasks.registry import task_of
from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import (
    FINAL_LAYOUTS,
    WHOLE,
    EngineArtifact,
    ExportedModel,
    ModelCard,
    Part,
    is_quantized,
)
from sizewise.pipeline.models.cards import explained

if TYPE_CHECKING:
    from engines.differences import Comparison, Difference


_FP32_BOUND = 0.01
"""Of an engine in FP32, as of one in FP16: TF32 of GPUs stays far below it."""
_ROUNDING = 1e-6
"""An error that sums of numbers around 1 have in FP32; relative to an output of nothing but such
remains, it would be any share."""


_OF_ROUNDING = 2.0
"""How many times as far from its 8-bit file an engine may be as that is from FP32. ONNX Runtime
rounds nearly every tensor once more, before its activation, where steps may be twice as wide:
networks that it runs rightly were 0.9 to 1.7 times as far. Other back ends round less."""
_OWN_SHARE = 0.1
"""The share of a precision's bound that is allowed however near the file is to FP32: sums that end
beside the middle between two steps are rounded to either."""


class Judge:
    """Compares engines of ``model`` with its FP32 file. A ``layout`` explains outputs that the file
    does not explain; raises UsageError where it is not the file's own.

    Engines that invent their figures have no bound, nor have those of a file whose FP32 file is
    missing, unless it is in 8 bits, which back ends change each in its own way.
    """

    def __init__(self, model: ExportedModel, layout: str) -> None:
        self._model = model
        self._card = explained(model, layout).card
        self._bound = _bound_of(model.card.precision)
        self._shapes = {output.name: output.shape for output in model.outputs}
        self._dtypes = {output.name: output.dtype for output in model.outputs}
        self._narrow = model.card.precision != "fp32"
        unknown = self._card.layout == "unknown" and not model.nms and self._narrow
        fitting = fitting_layouts(model.outputs) if unknown else ()
        self._proposed = [name for name in fitting if name in TABLES]
        self._ordered = [name for name in fitting if name in ORDERED]
        self._parts = self._known_parts()
        self._hashes = {model.path: model.sha256}
        self._mixed: set[str] = set()
        self._exceeded = False

    def compare(
        self,
        artifact: EngineArtifact,
        parent: Path | None,
        *,
        timeout_s: float,
        memory_limit_bytes: int | None = None,
    ) -> Comparison:
        """The engine against ``parent``, with bounds where its error is judged."""
        from engines.comparing import compare

        found = compare(
            artifact,
            parent,
            timeout_s=timeout_s,
            memory_limit_bytes=memory_limit_bytes,
            parts=self._parts,
            itself=self._model.path,
            sha256=self._sha256_of(parent or self._model.path),
        )
        kept = found.differences
        if self._proposed:
            self._mixed |= {output for output in self._shapes if _mixes(found, output)}
            kept = tuple(one for one in kept if not one.part)
        if not find_backend(artifact.spec.backend).for_tests:
            kept = tuple(map(self._judged if parent else self._judged_by_itself, kept))
        self._exceeded |= bool(parent) and not all(one.within for one in kept)
        return replace(found, differences=kept)

    def _sha256_of(self, reference: Path) -> str:
        """The hash of a file and its weights, found once; empty where it can't be read, which is
        said where it is run."""
        if reference not in self._hashes:
            self._hashes[reference] = ""
            with suppress(InputError):
                self._hashes[reference] = read_model(reference).sha256
        return self._hashes[reference]

    def remarks(self) -> tuple[str, ...]:
        """What should be said of all comparisons so far."""
        if self._bound is None:
            return ()
        said = [proposal(output, self._proposed) for output in sorted(self._mixed)]
        if self._ordered and self._exceeded:
            said.append(in_order(self._ordered))
        if self._narrow and self._card.layout in DIVIDED and not self._parts:
            said.append(misfit(self._card, self._model.outputs))
        if self._exceeded:
            said.append(
                f"The error of {self._card.precision} against FP32 exceeds the {self._bound:.0%} "
                "allowed, where marked with !. It was measured on made-up images."
            )
        if far := [one for one in self._card.deviations if not one.within]:
            worst = max(far, key=lambda one: one.relative_error)
            said.append(
                f"{self._model.path.name} exceeded the {worst.bound:.0%} allowed for "
                f"{self._card.precision} when it was converted: {worst.name} is "
                f"{worst.relative_error:.0%} off at {worst.size}."
            )
        return tuple(said)

    def _known_parts(self) -> dict[str, tuple[Part, ...]]:
        """The parts of the outputs, or what they would be in a layout that is proposed."""
        if self._proposed:
            guessed = parts_of_outputs(self._proposed[0], self._shapes)
            return {name: (WHOLE, *parts) for name, parts in guessed.items()}
        layout, classes = self._card.layout, len(self._card.classes)
        return dict(parts_of_outputs(layout, self._shapes, classes, self._dtypes))

    def _judged(self, one: Difference) -> Difference:
        # One box more or less is another shape.
        code = "" if one.reason_code == "shape" and self._model.nms else one.reason_code
        bound = self._bound_for(one)
        return replace(one, bound=bound, own_bound=own_bound(one, bound), reason_code=code)

    def _judged_by_itself(self, one: Difference) -> Difference:
        """An engine that is held against its own file: what it may differ by is less, as a rule,
        than the file itself may from FP32."""
        if not is_quantized(self._card.precision):
            return one
        made = self._judged(one)
        return replace(made, own_error=made.relative_error, own_bound=made.bound)

    def _bound_for(self, one: Difference) -> float | None:
        # Rows that a graph chooses are not the parent's rows; their scores are in order.
        chosen = self._card.layout in FINAL_LAYOUTS and one.part != SCORES
        nothing = sees_no_objects(self._card, one.part or one.output, one.absmax)
        unjudged = self._model.nms or chosen or nothing or (not self._narrow and self._as_good(one))
        return None if unjudged else self._bound

    def _as_good(self, one: Difference) -> bool:
        """Whether no bound in FP32 says anything: of labels, and of remains of rounding."""
        labels = not self._dtypes.get(one.output, "float32").startswith("float")
        return labels or (one.max_abs_error or 0.0) <= _ROUNDING


def own_bound(one: Difference, bound: float | None) -> float | None:
    """How far an engine may be from its own file, by how far that is from FP32."""
    if bound is None or one.file_error is None:
        return None
    return max(_OF_ROUNDING * one.file_error, _OWN_SHARE * bound)


def sees_no_objects(card: ModelCard, name: str, largest: float) -> bool:
    """Whether an output or part of this ``name`` and ``largest`` value is scores of a detector that
    finds nothing: their relative error is then that of background."""
    if not unseen(name, largest):  # a task is imported for a few outputs alone
        return False
    task = task_of(card)
    return task is not None and task.finds_boxes


def _bound_of(precision: str) -> float | None:
    if precision == "fp32":
        return _FP32_BOUND
    from exporter.registry import precisions

    found = precisions().get(precision)
    return found.bound if found else None


def _mixes(comparison: Comparison, output: str) -> bool:
    """Whether ``output`` holds boxes and scores, by what was compared of its parts."""
    worst = (one for one in comparison.worst() if one.output == output)
    return mixes_scales({one.part: one.absmax for one in worst})
