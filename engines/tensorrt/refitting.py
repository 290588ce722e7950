"""A plan without weights, and the ONNX file that they are taken from when it is opened.

NVIDIA's developer guide, "Weight-Stripped Engines".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engines.store.parents import hashes_of
from engines.tensorrt.build.network import source_of
from engines.tensorrt.log import Messages
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import BuiltEngine, ExportedModel

_WEIGHTS = "weights.txt"
"""Beside the plan: where the model was when it was built."""


def note_weights(model: ExportedModel, folder: Path) -> None:
    (folder / _WEIGHTS).write_bytes(os.fsencode(model.path.resolve()))


def put_weights_in(
    trt: Any, engine: Any, artifact: BuiltEngine, logger: Any, messages: Messages
) -> None:
    """Put the model's weights into the engine.

    Raises EngineMismatchError where the model is gone or another, or its weights don't fit.
    """
    model = _model(artifact)
    refitter = trt.Refitter(engine, logger)
    parser = trt.OnnxParserRefitter(refitter, logger)
    source = source_of(model)
    read = (
        parser.refit_from_file(str(source))
        if isinstance(source, Path)
        else parser.refit_from_bytes(source)
    )
    if not read or not refitter.refit_cuda_engine():
        raise _without_weights(artifact, messages.reason() or f"those of {model.path} do not fit")


def _model(artifact: BuiltEngine) -> ExportedModel:
    path = Path(os.fsdecode((artifact.files / _WEIGHTS).read_bytes()))
    if not path.is_file() or artifact.model_sha256 not in hashes_of(path):
        raise _without_weights(artifact, f"{path} is missing or has changed")
    return read_model(path)


def _without_weights(artifact: BuiltEngine, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The engine {artifact.path} holds no weights, and they can't be put in",
        why,
        "Restore the ONNX file that it was built from, or build it again.",
        reason_code="environment",
    )
