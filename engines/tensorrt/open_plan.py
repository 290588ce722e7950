"""A plan on disk opened as an engine. Never without a driver: a ``Runtime`` would be hollow then,
and its first use would end the interpreter."""

from __future__ import annotations

from typing import Any, cast

from engines.tensorrt.gc_pause import garbage_collection_paused
from engines.tensorrt.log import Messages, make_logger
from engines.tensorrt.options import TensorRtOptions
from engines.tensorrt.refitting import put_weights_in
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import BuiltEngine

PLAN = "engine.plan"


@garbage_collection_paused()
def open_plan(trt: Any, artifact: BuiltEngine, messages: Messages) -> Any:
    """The engine, with its weights. Raises EngineMismatchError with TensorRT's own words.

    ``messages`` collects what TensorRT logs of it, now and in its calls.
    """
    logger = make_logger(trt, messages)
    runtime = trt.Runtime(logger)
    options = cast(TensorRtOptions, artifact.spec.options)
    if options.version_compatible:
        runtime.engine_host_code_allowed = (
            True  # it brings its own runtime, and the engine is trusted
        )
    engine = runtime.deserialize_cuda_engine((artifact.files / PLAN).read_bytes())
    if engine is None:
        raise EngineMismatchError(
            f"{artifact.spec.backend} could not open the engine {artifact.path}",
            messages.reason() or "it gave no reason",
            "Build it again with sizewise build, on this machine and with this version.",
            reason_code="environment",
        )
    if options.weights == "stripped":
        put_weights_in(trt, engine, artifact, logger, messages)
    return engine
