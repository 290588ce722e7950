"""``routing.json``: which engine takes which picture, and how it is given and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engines.backends._ort.options import OnnxRuntimeCpuOptions
from engines.registry import find_backend
from sizewise.core.options.limits import PICTURE_PIXELS
from sizewise.core.specs import Size, Suppression
from sizewise.core.specs.plan import Plan
from sizewise.pipeline.prediction.packaging.engines import Packed

NAME = "routing.json"


def routing_of(
    plan: Plan, engines: Sequence[Packed], models: Mapping[str, str], name: str
) -> dict[str, Any]:
    """The document for a ``plan`` whose engines have the names of the package; ``models`` are their
    models, by these names (:func:`engine_of`)."""
    return {
        "name": name,
        "classes": list(engines[0].predictor.card.classes),
        "most_pixels": PICTURE_PIXELS.most,
        "rule": {
            "side_px": plan.rule.side_px,
            "stride": plan.rule.stride,
            "smallest_px": plan.rule.smallest_px,
        },
        "routes": [
            [_sides(one.picture), one.place.engine, _sides(one.place.input)] for one in plan.routes
        ],
        "engines": [engine_of(one, models[one.name]) for one in engines],
    }


def engine_of(one: Packed, model: str) -> dict[str, Any]:
    """What the shipped code needs to know of an engine; ``model`` is a path in the package, or a
    name in a server."""
    artifact, card = one.artifact, one.predictor.card
    image = artifact.image
    suppression = card.suppression or Suppression()
    return {
        "name": one.name,
        "backend": one.backend,
        "model": model,
        "profiles": [[_sides(each.min), _sides(each.max)] for each in artifact.spec.profiles],
        "sizes": [_sides(size) for size in one.planned.sizes],
        "letterbox": card.letterbox,
        "colours": {
            "order": card.preprocessing.order,
            "most": card.preprocessing.most,
            "mean": list(card.preprocessing.mean),
            "std": list(card.preprocessing.std),
        },
        "input": {
            "name": image.tensor.name,
            "dtype": image.tensor.dtype,
            "channels": image.channels,
            "channels_first": image.channels_first,
        },
        "outputs": [output.name for output in artifact.outputs],
        "reading": {
            "layout": card.layout,
            "score_threshold": suppression.score_threshold,
            "iou_threshold": suppression.iou_threshold,
            "max_detections": suppression.max_detections,
        },
        "settings": settings_of(one),
    }


def settings_of(one: Packed) -> dict[str, Any]:
    """How the library is set, as the back end sets it; empty where the engine travels as it is."""
    spec = one.artifact.spec
    if one.backend == "onnxruntime":
        options = spec.options.own(OnnxRuntimeCpuOptions)
        return {
            "level": find_backend(one.backend).graph_fusions[spec.graph_fusion],
            "execution_mode": f"ORT_{options.execution_mode.upper()}",
            "threads": spec.threads,
            "inter_op_threads": options.inter_op_threads,
            "arena": options.arena,
            "memory_pattern": options.memory_pattern,
            "entries": dict(options.entries),
        }
    if one.backend == "openvino":
        config = json.loads((one.artifact.path / "config.json").read_text(encoding="utf-8"))
        return {
            "input": one.artifact.image.tensor.name,
            "outputs": [output.name for output in one.artifact.outputs],
            "shape": bounds_of(one),
            "config": config,
        }
    return {}


def bounds_of(one: Packed) -> list[Any]:
    """The shape of the input: numbers, and pairs of the least and the most."""
    spec, image = one.artifact.spec, one.artifact.image
    low, high = (
        image.shape(spec.batch_size, size) for size in (spec.profiles[0].min, spec.profiles[-1].max)
    )
    return [a if a == b else [a, b] for a, b in zip(low, high, strict=True)]


def shape_of(one: Packed, size: Size) -> list[int]:
    """The shape of the input at ``size``."""
    return list(one.artifact.image.shape(1, size))


def _sides(size: Size) -> list[int]:
    return [size.height, size.width]
