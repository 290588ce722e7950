"""One engine of a plan in Triton's Python back end.

This file is part of a package that sizewise wrote. It needs NumPy and the library of the engine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import triton_python_backend_utils as triton

from sizewise.pipeline.prediction.packaging.shipped import sessions

HERE = Path(__file__).resolve().parent


class TritonPythonModel:
    """Runs the model beside this file, as engine.json says."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the model."""
        del args
        self.engine = json.loads((HERE / "engine.json").read_text(encoding="utf-8"))
        self.session = sessions.open_session(HERE / "model.onnx", self.engine)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Run each request; what fails is the error of that request alone."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        name = self.engine["input"]["name"]
        try:
            array = triton.get_input_tensor_by_name(request, name).as_numpy()
            outputs = self.session.run({name: array})
        except Exception as error:  # noqa: BLE001 - libraries raise what they like
            return triton.InferenceResponse(error=triton.TritonError(str(error)))
        return triton.InferenceResponse([triton.Tensor(*output) for output in outputs.items()])
