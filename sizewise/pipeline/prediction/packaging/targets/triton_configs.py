"""The configurations of models in Triton (``config.pbtxt``), as fields of the message ModelConfig.

Dimensions are those of whole tensors (``max_batch_size`` is 0): a picture is a call of its own, and
pictures of one size are rare enough that batches of them would have to wait for each other.
"""

from __future__ import annotations

from typing import Any

from sizewise.core.specs import Size
from sizewise.pipeline.prediction.packaging.engines import Packed
from sizewise.pipeline.prediction.packaging.pbtxt import Word
from sizewise.pipeline.prediction.packaging.routing import bounds_of, settings_of, shape_of

Fields = dict[str, Any]
_TYPES = {
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "uint8": "TYPE_UINT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
}
_LEVELS = {"none": 2, "basic": -1, "extended": 1}
"""Of ONNX Runtime's optimiser, as Triton numbers them; all is what it does untold."""
_FILES = {"onnxruntime": "model.onnx", "openvino": "model.onnx", "tensorrt": "model.plan"}
_ROUTERS = 2
"""Copies of the router: one decodes a picture while the other waits for an engine."""


def native(one: Packed, name: str, backend: str, outputs: dict[str, list[int]] | None) -> Fields:
    """An engine in Triton's own back end for its library; ``outputs`` are shapes by name, None
    where the engine's file says them."""
    spec = one.artifact.spec
    fields = _model(one, name, backend, outputs) | {"default_model_filename": _FILES[backend]}
    if backend == "tensorrt":
        profiles = [str(number) for number in range(len(spec.profiles))]
        fields["instance_group"] = {"count": 1, "kind": Word("KIND_GPU"), "profile": profiles}
    if backend == "onnxruntime":
        if spec.graph_fusion in _LEVELS:
            fields["optimization"] = {"graph": {"level": _LEVELS[spec.graph_fusion]}}
        fields["parameters"] = [_parameter("intra_op_thread_count", str(spec.threads))]
    if backend == "openvino":
        config = settings_of(one)["config"]
        kept = {key: config[key] for key in ("NUM_STREAMS", "INFERENCE_NUM_THREADS")}
        fields["parameters"] = [
            _parameter(key, value) for key, value in {**kept, "HINT_BF16": "YES"}.items()
        ]
    return fields


def python(one: Packed, name: str, outputs: dict[str, list[int]]) -> Fields:
    """An engine in Triton's Python back end."""
    return _model(one, name, "python", outputs)


def router(name: str) -> Fields:
    """The model that takes pictures and gives boxes."""
    return {
        "name": name,
        "backend": "python",
        "max_batch_size": 0,
        "input": [
            _tensor("image", "TYPE_STRING", [1]) | {"optional": True},
            _tensor("pixels", "TYPE_UINT8", [-1, -1, 3]) | {"optional": True},
        ],
        "output": [
            _tensor("boxes", "TYPE_FP32", [-1, 4]),
            _tensor("scores", "TYPE_FP32", [-1]),
            _tensor("classes", "TYPE_INT64", [-1]),
            _tensor("labels", "TYPE_STRING", [-1]),
            _tensor("engine", "TYPE_STRING", [1]),
        ],
        "instance_group": {"count": _ROUTERS, "kind": Word("KIND_CPU")},
    }


def _model(one: Packed, name: str, backend: str, outputs: dict[str, list[int]] | None) -> Fields:
    image = one.artifact.image.tensor
    dims = [-1 if isinstance(side, list) else side for side in bounds_of(one)]
    types = {output.name: output.dtype for output in one.artifact.outputs}
    return {
        "name": name,
        "backend": backend,
        "max_batch_size": 0,
        "input": [_tensor(image.name, _TYPES[image.dtype], dims)],
        "output": [
            _tensor(output, _TYPES[types[output]], shape)
            for output, shape in (outputs or {}).items()
        ],
        "instance_group": {"count": 1, "kind": Word("KIND_CPU")},
        "model_warmup": [_warm_up(one, size) for size in one.planned.sizes],
    }


def _tensor(name: str, datatype: str, dims: list[int]) -> Fields:
    return {"name": name, "data_type": Word(datatype), "dims": dims}


def _warm_up(one: Packed, size: Size) -> Fields:
    """A call at a planned size, before the model is said to be ready."""
    image = one.artifact.image.tensor
    value = {
        "data_type": Word(_TYPES[image.dtype]),
        "dims": shape_of(one, size),
        "zero_data": True,
    }
    return {
        "name": str(size),
        "batch_size": 1,
        "inputs": {"key": image.name, "value": value},
    }


def _parameter(key: str, value: str) -> Fields:
    return {"key": key, "value": {"string_value": value}}
