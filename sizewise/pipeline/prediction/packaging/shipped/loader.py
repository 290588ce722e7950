"""Find objects in pictures with the engines of a plan: the right one for each size of a picture.

    python loader.py PICTURE...          # prints one line of JSON for each picture

    from loader import Detector
    boxes, scores, classes = Detector().predict("street.jpg")

This file is part of a package that sizewise wrote. It needs NumPy, Pillow and the library of the
engines (README.md names them), and nothing of sizewise. An engine is opened when the first picture
needs it. Give each thread a Detector of its own: a session holds the arrays of its call.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from sizewise.pipeline.prediction.packaging.shipped import detections, pictures, sessions  # noqa: E402


class Detector:
    """The engines of the package in ``folder``."""

    def __init__(self, folder: Path = HERE) -> None:
        self.folder = Path(folder)
        self.routing = json.loads((self.folder / "routing.json").read_text(encoding="utf-8"))
        self.names = self.routing["classes"]
        self._sessions: dict[str, Any] = {}

    def predict(self, picture: Any) -> tuple[Any, Any, Any]:
        """Boxes float32 [N, 4], x0 y0 x1 y1 in pixels of the picture, scores float32 [N] and
        classes int64 [N], best first; ``picture`` is a path, the bytes of a file, or RGB uint8
        [H, W, 3]. Raises ValueError and OSError for what is no such picture."""
        engine, fit, array = pictures.prepared(self.routing, picture)
        outputs = self._session(engine).run({engine["input"]["name"]: array})
        boxes, scores, classes = detections.detect(outputs, engine["reading"])
        return fit.to_picture(boxes), scores, classes

    def _session(self, engine: dict[str, Any]) -> Any:
        if engine["name"] not in self._sessions:
            path = self.folder / engine["model"]
            self._sessions[engine["name"]] = sessions.open_session(path, engine)
        return self._sessions[engine["name"]]


if __name__ == "__main__":
    detector = Detector()
    for path in sys.argv[1:]:
        found = (part.tolist() for part in detector.predict(path))
        print(json.dumps(dict(zip(("boxes", "scores", "classes"), found, strict=True))))  # noqa: T201
