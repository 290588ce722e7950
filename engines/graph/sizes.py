"""The sizes that a graph can take, found by inferring its shapes where its file does not say.

A network that halves and doubles its maps works at multiples of a stride alone. Given another size,
ONNX Runtime says so; OpenVINO's dynamic engine gives the result of an earlier call, an empty one,
or ends the process. So the sizes are checked before anything is built.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from engines.graph.outputs import forget_shapes
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.limits import ELEMENTS
from sizewise.core.onnxfiles.shapes import (
    at_size,
    excess,
    has_few_values,
    load_without_weights,
)
from sizewise.core.specs import EngineSpec, ExportedModel, Profile, Size

if TYPE_CHECKING:
    import onnx

_STRIDES = (1, 2, 4, 8, 16, 32, 64, 128)
_SAMPLES = 8
"""Neighbouring multiples that must all fit: a wrong stride passes at some of them by rounding."""


def with_stride(model: ExportedModel, spec: EngineSpec) -> ExportedModel:
    """``model`` with the stride that its graph shows, where its card has none.

    It is the smallest power of two whose multiples all fit the graph, as far as that can be
    inferred. Raises EngineMismatchError (``unsupported_size``) where a size of ``spec`` does not
    fit, or where a tensor would have more elements at it than are allowed.
    """
    graph = _Graph(model, spec.batch_size)
    for profile in spec.profiles:
        _expect_small(graph, model, profile.max)
    if model.card.stride > 1:
        return model
    if graph.misfit(None):  # it can't be inferred at all: nothing is known, nothing is refused
        return model
    stride = max(graph.stride(profile) for profile in spec.profiles)
    if stride == 1:
        for profile in spec.profiles:
            _expect_fit(graph, model, profile)
    return replace(model, card=replace(model.card, stride=stride))


def _expect_small(graph: _Graph, model: ExportedModel, size: Size) -> None:
    if why := graph.excess(size):
        raise EngineMismatchError(
            f"{model.path.name} does not take {size}",
            why,
            f"Choose a smaller size or batch. {ELEMENTS.todo}",
            reason_code="unsupported_size",
        )


def _expect_fit(graph: _Graph, model: ExportedModel, profile: Profile) -> None:
    for size in profile.sizes:
        why = graph.misfit(size)
        if why:
            raise EngineMismatchError(
                f"{model.path.name} does not take {size}",
                why,
                "Choose another size: many networks take multiples of 32 only.",
                reason_code="unsupported_size",
            )


class _Graph:
    """An ONNX file without its weights' values and without the shapes that it declares of its
    outputs, which may be those of one size: to infer shapes with."""

    def __init__(self, model: ExportedModel, batch_size: int) -> None:
        self._image = model.image
        self._batch_size = batch_size
        self._proto = load_without_weights(model.path)
        forget_shapes(self._proto, frozenset(output.name for output in self._proto.graph.output))

    def stride(self, profile: Profile) -> int:
        """The stride; 1 where none is found, and where height or width is one number: it would bind
        both."""
        if profile.min.height == profile.max.height or profile.min.width == profile.max.width:
            return 1
        return next((s for s in _STRIDES if self._fits_multiples(s, profile)), 1)

    def _fits_multiples(self, stride: int, profile: Profile) -> bool:
        rows, columns = profile.max.height // stride, profile.max.width // stride
        steps = range(min(_SAMPLES, rows, columns))
        sizes = [Size((rows - k) * stride, (columns - k) * stride) for k in steps]
        sizes = [size for size in sizes if profile.admits(size)]
        return bool(sizes) and not any(map(self.misfit, sizes))

    def misfit(self, size: Size | None) -> str:
        """Why the graph can't take ``size`` (None: its own free dimensions); empty if it can."""
        import onnx

        proto = self._proto if size is None else self._at(size)
        few = self._has_few_values
        try:
            onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=few)
        except onnx.shape_inference.InferenceError as error:
            first = str(error).partition("Inference error(s): ")[2].splitlines()[:1]
            return first[0].strip() if first else type(error).__name__
        return ""

    def excess(self, size: Size) -> str:
        """Which of its tensors has too many elements at ``size``; empty where none is known to."""
        return excess(self._at(size))

    @cached_property
    def _has_few_values(self) -> bool:
        return has_few_values(self._proto)

    def _at(self, size: Size) -> onnx.ModelProto:
        return at_size(self._proto, self._image, self._batch_size, size)
