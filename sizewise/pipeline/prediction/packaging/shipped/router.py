"""Pictures in, boxes out, in Triton: each picture goes to the engine that the plan has for its
size.

This file is part of a package that sizewise wrote. It needs NumPy and Pillow.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as triton

from sizewise.pipeline.prediction.packaging.shipped import detections, pictures

HERE = Path(__file__).resolve().parent


class TritonPythonModel:
    """Chooses the engine, fits the picture in, calls the engine's model, and reads its outputs."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read which engine takes which size."""
        del args
        self.routing = json.loads((HERE / "routing.json").read_text(encoding="utf-8"))

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request; what fails is the error of that request alone."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            return triton.InferenceResponse(self._found(_picture_of(request)))
        except Exception as error:  # noqa: BLE001 - Pillow raises what it likes on broken files
            return triton.InferenceResponse(error=triton.TritonError(str(error)))

    def _found(self, picture: Any) -> list[Any]:
        engine, fit, array = pictures.prepared(self.routing, picture)
        outputs = _run(engine, array)
        boxes, scores, classes = detections.detect(outputs, engine["reading"])
        names = self.routing["classes"]
        labels = [names[one] if one < len(names) else str(one) for one in classes.tolist()]
        return [
            triton.Tensor("boxes", fit.to_picture(boxes)),
            triton.Tensor("scores", scores),
            triton.Tensor("classes", classes),
            triton.Tensor("labels", np.array([one.encode() for one in labels], np.object_)),
            triton.Tensor("engine", np.array([engine["name"].encode()], np.object_)),
        ]


def _picture_of(request: Any) -> Any:
    """The bytes of a file (``image``), or RGB uint8 [H, W, 3] (``pixels``)."""
    image, pixels = (triton.get_input_tensor_by_name(request, name) for name in ("image", "pixels"))
    if (image is None) == (pixels is None):
        raise ValueError("give one of the inputs: image, the bytes of a file, or pixels")
    return bytes(image.as_numpy().item()) if pixels is None else pixels.as_numpy()


def _run(engine: dict[str, Any], array: Any) -> dict[str, Any]:
    """The outputs of the engine's own model in this server."""
    reply = triton.InferenceRequest(
        model_name=engine["model"],
        requested_output_names=engine["outputs"],
        inputs=[triton.Tensor(engine["input"]["name"], array)],
    ).exec()
    if reply.has_error():
        raise RuntimeError(f"{engine['model']}: {reply.error().message()}")
    return {one.name(): one.as_numpy() for one in reply.output_tensors()}
