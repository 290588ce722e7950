"""ONNX Runtime, on a CPU and on a GPU, and OpenVINO by themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engines.base import Array
from sizewise.core.machine.environment import load_onnxruntime


def onnxruntime_call(source: Path, images: Array, threads: int, *, static: bool) -> Any:
    """A call of ``InferenceSession.run``; ``static`` fixes the free dimensions by their names."""
    return _onnxruntime_call(source, images, threads, static, ["CPUExecutionProvider"])


def onnxruntime_cuda_call(source: Path, images: Array, threads: int, *, static: bool) -> Any:
    """The same on a GPU, in FP32 that is not TF32; images and outputs are copied in every call."""
    providers = [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]
    return _onnxruntime_call(source, images, threads, static, providers)


def _onnxruntime_call(
    source: Path, images: Array, threads: int, static: bool, providers: list[Any]
) -> Any:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if static:
        for name, side in _free_dimensions(onnxruntime, source, images).items():
            options.add_free_dimension_override_by_name(name, side)
    session = onnxruntime.InferenceSession(source, options, providers=providers)
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: images})


def _free_dimensions(onnxruntime: Any, source: Path, images: Array) -> dict[str, int]:
    """The sides of ``images`` by the names that the file gives them."""
    level = onnxruntime.SessionOptions()
    level.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    reader = onnxruntime.InferenceSession(source, level, providers=["CPUExecutionProvider"])
    named = zip(reader.get_inputs()[0].shape, images.shape, strict=True)
    return {name: side for name, side in named if isinstance(name, str)}


def openvino_call(source: Path, images: Array, threads: int, *, static: bool) -> Any:
    """A call of an inference request in FP32; ``static`` reshapes the model to the images' shape.

    The request holds the images: to hand them over in each call takes Python some 80 µs, which is
    6 % of a call of 1.3 ms and no work of the library's.
    """
    # Importing OpenVINO reports itself over the net, unless that package can't be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    core = openvino.Core()
    graph = core.read_model(source)
    if static:
        graph.reshape(list(images.shape))
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(graph, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(images, shared_memory=True))
    return request.infer
