"""What is refused before a back end is asked to build or to run, each with a reason code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    ImageInput,
    ModelCard,
    Size,
)

if TYPE_CHECKING:
    from engines.base import Backend


def admit(backend: Backend, model: ExportedModel, spec: EngineSpec) -> None:
    """Raises EngineMismatchError where ``backend`` can't make this engine of this model.

    Reason codes: ``unsupported_strategy``, ``unsupported_graph_fusion``, ``unsupported_precision``,
    ``unsupported_size``, ``unsupported_batch``, ``unsupported_options``.
    """
    _admit_strategy(backend, model, spec)
    _admit_graph_fusion(backend, spec)
    _admit_precision(backend, model)
    _admit_options(backend, spec)
    _admit_batches(backend, spec)
    for profile, batch_size in product(spec.profiles, (spec.batches.min, spec.batches.max)):
        for size in dict.fromkeys((profile.min, profile.opt, profile.max)):
            _admit_size(model.path.name, model.image, model.card, batch_size, size)


def check_size(artifact: EngineArtifact, size: Size) -> None:
    """Raises EngineMismatchError (``unsupported_size``) where the engine does not take ``size``."""
    spec = artifact.spec
    if not spec.admits(size):
        raise EngineMismatchError(
            f"The {spec.backend} engine {artifact.path.name} does not take {size}",
            f"it was built for {_spans(spec)}",
            "Build another engine for this size, or choose a size of these.",
            reason_code="unsupported_size",
        )
    _admit_size(artifact.path.name, artifact.image, artifact.card, spec.batch_size, size)


def check_inputs(artifact: EngineArtifact, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The one array of images in ``inputs``, in a form that a library can read in place.
    Raises EngineMismatchError (``unsupported_input``, ``unsupported_size``)."""
    tensor = artifact.image.tensor
    if set(inputs) != {tensor.name}:
        raise _misfit(artifact, f"it takes the input {tensor.name}, not {', '.join(inputs)}")
    images = inputs[tensor.name]
    if images.dtype != np.dtype(tensor.dtype):
        raise _misfit(artifact, f"it takes {tensor.dtype}, not {images.dtype}")
    if images.ndim != 4:
        raise _misfit(artifact, f"it takes 4 dimensions, not {images.ndim}")
    axis = artifact.image.height_axis
    size = Size(images.shape[axis], images.shape[axis + 1])
    check_size(artifact, size)
    batches = artifact.spec.batches
    nearest = min(max(images.shape[0], batches.min), batches.max)
    expected = artifact.image.shape(nearest, size)
    if images.shape != expected:
        several = f" (batches of {batches})" if batches.min < batches.max else ""
        raise _misfit(artifact, f"it takes the shape {expected}{several}, not {images.shape}")
    return np.require(images, requirements=["C", "W"])


def _misfit(artifact: EngineArtifact, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The input does not fit the engine {artifact.path.name}",
        why,
        "Give it what it was built for, or build another engine.",
        reason_code="unsupported_input",
    )


def _admit_strategy(backend: Backend, model: ExportedModel, spec: EngineSpec) -> None:
    why = _strategy_refusal(backend, model, spec)
    if why:
        raise EngineMismatchError(
            f"{backend.name} can't build a {spec.strategy} engine of {model.path.name}",
            why,
            f"It has {', '.join(backend.strategies)}: static is for one size, dynamic for a range.",
            reason_code="unsupported_strategy",
        )


def _strategy_refusal(backend: Backend, model: ExportedModel, spec: EngineSpec) -> str:
    if spec.strategy not in backend.strategies:
        return f"it has the strategies {', '.join(backend.strategies)} only"
    if spec.strategy != "profiles" and len(spec.profiles) != 1:
        return f"such an engine has one profile, {len(spec.profiles)} were given"
    if not spec.profiles:
        return "no profile was given"
    fixed = [p.min == p.max for p in spec.profiles]
    if spec.strategy == "static" and not all(fixed):
        return f"a static engine has one size, {_spans(spec)} was given"
    # Where a back end has one program for every size, it may well run that of a fixed file.
    if spec.strategy != "static" and "static" in backend.strategies and _is_fixed(model.image):
        return "the file's height and width are fixed, so it would be the static engine again"
    return ""


def _is_fixed(image: ImageInput) -> bool:
    shape = image.tensor.shape
    return isinstance(shape[image.height_axis], int) and isinstance(shape[image.width_axis], int)


def _admit_graph_fusion(backend: Backend, spec: EngineSpec) -> None:
    if spec.graph_fusion not in backend.graph_fusions:
        raise EngineMismatchError(
            f"{backend.name} has no graph fusion {spec.graph_fusion!r}",
            f"it offers {', '.join(backend.graph_fusions)}",
            "Choose one of these, or leave --graph-fusion out for the back end's own.",
            reason_code="unsupported_graph_fusion",
        )


def _admit_precision(backend: Backend, model: ExportedModel) -> None:
    if model.card.precision not in backend.precisions:
        raise EngineMismatchError(
            f"{backend.name} does not take a graph in {model.card.precision}",
            f"it takes {', '.join(backend.precisions)}",
            "Export the model in one of these, or choose another back end.",
            reason_code="unsupported_precision",
        )


def _admit_options(backend: Backend, spec: EngineSpec) -> None:
    # A subclass would bring options that the back end never reads.
    if type(spec.options) is not backend.options_type:
        why = f"they are {type(spec.options).__name__}, not {backend.options_type.__name__}"
    elif min(spec.threads, spec.streams, spec.batch_size) < 1:
        why = "threads, streams and batch size are at least 1"
    elif spec.streams > 1 and not backend.takes_streams:
        why = f"it has no streams, {spec.streams} were asked"
    else:
        return
    raise EngineMismatchError(
        f"{backend.name} can't be given these options",
        why,
        "Correct them, or leave them out.",
        reason_code="unsupported_options",
    )


def _admit_batches(backend: Backend, spec: EngineSpec) -> None:
    if spec.batch_range is None:
        return
    if not backend.takes_batch_ranges:
        why = f"its engines take one, the range {spec.batch_range} was asked"
    elif not 1 <= spec.batch_range.min <= spec.batch_size <= spec.batch_range.max:
        why = f"{spec.batch_size} is to be tuned for, and the range is {spec.batch_range}"
    else:
        return
    raise EngineMismatchError(
        f"{backend.name} can't build an engine for these batch sizes",
        why,
        "Give one batch size, or for TensorRT a range that holds the one to be tuned for: 1:4:8.",
        reason_code="unsupported_batch",
    )


def _admit_size(name: str, image: ImageInput, card: ModelCard, batch_size: int, size: Size) -> None:
    fixed = image.refusal(batch_size, size)
    if fixed:
        raise EngineMismatchError(
            f"{name} does not take {batch_size} x {size}",
            fixed,
            f"Its input is {image.tensor}; ask for that, or export it with --dynamic.",
            reason_code="unsupported_size",
        )
    if why := card.refusal(size):
        raise EngineMismatchError(
            f"{name} does not take {size}",
            why,
            f"The nearest good sizes are {' and '.join(map(str, _neighbours(size, card)))}.",
            reason_code="unsupported_size",
        )


def _neighbours(size: Size, card: ModelCard) -> Iterable[Size]:
    """The multiples of the stride just below and just above, as large as the smallest at least."""
    sides, stride = (size.height, size.width), card.stride
    least = -(-card.smallest // stride) * stride
    below = Size(*(max(side // stride * stride, least) for side in sides))
    above = Size(*(max(-(-side // stride) * stride, least) for side in sides))
    return dict.fromkeys((below, above))


def _spans(spec: EngineSpec) -> str:
    return ", ".join(str(p.min) if p.min == p.max else f"{p.min} to {p.max}" for p in spec.profiles)
