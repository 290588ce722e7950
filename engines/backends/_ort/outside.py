"""Weights that do not fit into one file: ONNX Runtime reads them where they are, and writes those
of the engine beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_KEY = "session.{}_external_initializers_{}".format
_LEAST_BYTES = 1024
"""Of a weight that is written beside the engine; smaller ones, such as shapes, stay in it."""


def keep_weights_outside(options: Any, folder: Path, weights: str) -> None:
    """Have a session find the weights of a graph that is given as bytes in ``folder``, and write
    those of the optimised graph into the file ``weights`` beside it."""
    for key, value in (
        (_KEY("model", "file_folder_path"), str(folder)),
        (_KEY("optimized_model", "file_name"), weights),
        (_KEY("optimized_model", "min_size_in_bytes"), str(_LEAST_BYTES)),
    ):
        options.add_session_config_entry(key, value)
