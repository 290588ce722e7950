"""Find objects in pictures with a server that has the engines of a plan, each as a model of its own
(OpenVINO Model Server, or any that speaks KServe's protocol, version 2, over HTTP).

    python client.py HOST:PORT PICTURE...      # prints one line of JSON for each picture

This file is part of a package that sizewise wrote. It needs NumPy, Pillow and tritonclient[http].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from sizewise.pipeline.prediction.packaging.shipped import detections, pictures  # noqa: E402

_DATATYPES = {"float32": "FP32", "float16": "FP16", "uint8": "UINT8"}


class Detector:
    """The engines of the package in ``folder``, which the server at ``address`` runs."""

    def __init__(self, address: str, folder: Path = HERE) -> None:
        from tritonclient import http

        self.routing = json.loads((Path(folder) / "routing.json").read_text(encoding="utf-8"))
        self._http, self._client = http, http.InferenceServerClient(address)

    def predict(self, picture: Any) -> tuple[Any, Any, Any]:
        """Boxes float32 [N, 4], x0 y0 x1 y1 in pixels of the picture, scores float32 [N] and
        classes int64 [N], best first; ``picture`` is a path, the bytes of a file, or RGB uint8
        [H, W, 3]. Raises ValueError and OSError for what is no such picture."""
        engine, fit, array = pictures.prepared(self.routing, picture)
        outputs = self._run(engine, array)
        boxes, scores, classes = detections.detect(outputs, engine["reading"])
        return fit.to_picture(boxes), scores, classes

    def _run(self, engine: dict[str, Any], array: Any) -> dict[str, Any]:
        image = engine["input"]
        given = self._http.InferInput(image["name"], array.shape, _DATATYPES[image["dtype"]])
        given.set_data_from_numpy(array)
        reply = self._client.infer(engine["model"], [given])
        return {name: reply.as_numpy(name) for name in engine["outputs"]}


if __name__ == "__main__":
    detector = Detector(sys.argv[1])
    for path in sys.argv[2:]:
        found = (part.tolist() for part in detector.predict(path))
        print(json.dumps(dict(zip(("boxes", "scores", "classes"), found, strict=True))))  # noqa: T201
