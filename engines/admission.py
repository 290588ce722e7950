"""Requests that are refused before a back end builds anything, each with a reason code."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import ClassVar, Protocol

from engines.inputs import demand_size
from sizewise.core.errors import EngineMismatchError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import BackendOptions, EngineSpec, ExportedModel


class Offer(Protocol):
    """What a back end offers: a request is checked against it."""

    name: ClassVar[str]
    strategies: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[str, ...]]
    refused_precisions: ClassVar[Mapping[str, str]]
    graph_fusions: ClassVar[Mapping[str, str]]
    options_type: ClassVar[type[BackendOptions]]
    takes_streams: ClassVar[bool]
    takes_batch_ranges: ClassVar[bool]
    own_operators_only: ClassVar[bool]


def admit(backend: Offer, model: ExportedModel, spec: EngineSpec) -> None:
    """Refuse an engine that ``backend`` can't make of this model.

    Raises EngineMismatchError. Reason codes: ``unsupported_operator``,
    ``unsupported_strategy``, ``unsupported_graph_fusion``, ``unsupported_precision``,
    ``unsupported_size``, ``unsupported_batch``, ``unsupported_options``.
    """
    _admit_operators(backend, model)
    _admit_strategy(backend, model, spec)
    _admit_graph_fusion(backend, spec)
    _admit_precision(backend, model)
    _admit_options(backend, spec)
    _admit_batches(backend, spec)
    image, batch_sizes = model.image, (spec.batches.min, spec.batches.max)
    for profile, batch_size in product(spec.profiles, batch_sizes):
        for size in profile.sizes:
            demand_size(model.path.name, image, model.card, batch_size, size)


def _admit_operators(backend: Offer, model: ExportedModel) -> None:
    if model.foreign and backend.own_operators_only:
        raise EngineMismatchError(
            f"{backend.name} can't build {model.path.name}",
            f"it has operators of domains that ONNX does not define: {'; '.join(model.foreign)}",
            "Export the model without them, or choose a back end that loads plug-ins.",
            reason_code="unsupported_operator",
        )


def _admit_strategy(backend: Offer, model: ExportedModel, spec: EngineSpec) -> None:
    why = _strategy_refusal(backend, model, spec)
    if why:
        raise EngineMismatchError(
            f"{backend.name} can't build a {spec.strategy} engine of {model.path.name}",
            why,
            f"It has {', '.join(backend.strategies)}: static is for one size, dynamic for a range.",
            reason_code="unsupported_strategy",
        )


def _strategy_refusal(backend: Offer, model: ExportedModel, spec: EngineSpec) -> str:
    if spec.strategy not in backend.strategies:
        return f"it only has the strategies {', '.join(backend.strategies)}"
    if spec.strategy != "profiles" and len(spec.profiles) != 1:
        return f"such an engine has one profile, not {len(spec.profiles)}"
    if not spec.profiles:
        return "no profile was given"
    if spec.strategy == "static" and not all(p.is_fixed for p in spec.profiles):
        return f"a static engine has one size, not {spec.spans}"
    # Where a back end has one program for every size, it may well run that of a fixed file.
    if spec.strategy != "static" and "static" in backend.strategies and model.image.fixed_size:
        return "the file's height and width are fixed, so the engine would be a static one"
    return ""


def _admit_graph_fusion(backend: Offer, spec: EngineSpec) -> None:
    if spec.graph_fusion not in backend.graph_fusions:
        raise EngineMismatchError(
            f"{backend.name} has no graph fusion {spec.graph_fusion!r}",
            f"it offers {', '.join(backend.graph_fusions)}",
            f"Choose one of these, or leave {spelled('graph_fusion')} out for the back end's own.",
            reason_code="unsupported_graph_fusion",
        )


def _admit_precision(backend: Offer, model: ExportedModel) -> None:
    if model.card.precision not in backend.precisions:
        known = backend.refused_precisions.get(model.card.precision, "")
        taken = f"it takes {', '.join(backend.precisions)}"
        raise EngineMismatchError(
            f"{backend.name} does not take a graph in {model.card.precision}",
            f"{known}; {taken}" if known else taken,
            "Export the model in one of these, or choose another back end.",
            reason_code="unsupported_precision",
        )


def _admit_options(backend: Offer, spec: EngineSpec) -> None:
    if not backend.options_type.takes(spec.options):
        why = f"it takes {backend.options_type.__name__}, not {type(spec.options).__name__}"
    elif min(spec.threads, spec.streams, spec.batch_size) < 1:
        why = "threads, streams and batch size must be at least 1"
    elif spec.streams > 1 and not backend.takes_streams:
        why = f"it has no streams, {spec.streams} were requested"
    else:
        return
    raise EngineMismatchError(
        f"{backend.name} can't be given these options",
        why,
        "Correct them, or leave them out.",
        reason_code="unsupported_options",
    )


def _admit_batches(backend: Offer, spec: EngineSpec) -> None:
    if spec.batch_range is None:
        return
    if not backend.takes_batch_ranges:
        why = f"its engines take one batch size, not a range ({spec.batch_range})"
    elif not 1 <= spec.batch_range.min <= spec.batch_size <= spec.batch_range.max:
        why = f"the tuned batch size {spec.batch_size} is outside the range {spec.batch_range}"
    else:
        return
    raise EngineMismatchError(
        f"{backend.name} can't build an engine for these batch sizes",
        why,
        "Give one batch size, or for TensorRT a range MIN:OPT:MAX with MIN ≤ OPT ≤ MAX: 1:4:8.",
        reason_code="unsupported_batch",
    )
