"""Models opened by ONNX Runtime or OpenVINO, set as sizewise sets them.

This file is part of a package that sizewise wrote. It needs NumPy and the library of the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ERRORS = 3
"""The least that ONNX Runtime writes of: no warnings."""


class OnnxRuntime:
    """A session on the CPU."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(
            onnxruntime.GraphOptimizationLevel, settings["level"]
        )
        options.execution_mode = getattr(onnxruntime.ExecutionMode, settings["execution_mode"])
        options.intra_op_num_threads = settings["threads"]
        options.inter_op_num_threads = settings["inter_op_threads"]
        options.enable_cpu_mem_arena = settings["arena"]
        options.enable_mem_pattern = settings["memory_pattern"]
        options.log_severity_level = _ERRORS
        for key, value in settings["entries"].items():
            options.add_session_config_entry(key, value)
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(path, options, providers=providers)
        self.outputs = {
            one.name: [side if isinstance(side, int) else -1 for side in one.shape]
            for one in self._session.get_outputs()
        }

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs by name, for arrays by name."""
        return dict(zip(self.outputs, self._session.run(None, inputs), strict=True))


class OpenVino:
    """A request of a model that is compiled for the CPU, at the shape that ``settings`` say."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        sides = [tuple(side) if isinstance(side, list) else side for side in settings["shape"]]
        model.reshape({settings["input"]: openvino.PartialShape(sides)})
        compiled = core.compile_model(model, "CPU", settings["config"])
        self._request = compiled.create_infer_request()
        # An output may have several names: the engine's are those of its model.
        shapes = {name: compiled.output(name).partial_shape for name in settings["outputs"]}
        self.outputs = {
            name: [side.get_length() if side.is_static else -1 for side in shape]
            for name, shape in shapes.items()
        }

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs by name, for arrays by name."""
        self._request.infer(inputs)
        return {name: self._request.get_tensor(name).data.copy() for name in self.outputs}


def open_session(path: Path, engine: dict[str, Any]) -> Any:
    """The session of an engine whose model is at ``path``."""
    kinds = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}
    return kinds[engine["backend"]](path, engine["settings"])
