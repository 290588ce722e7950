"""A plan on disk opened as an engine. Never without a driver: a ``Runtime`` would be hollow then,
and its first use would end the interpreter."""

from __future__ import annotations

from typing import Any, cast

from engines.tensorrt.gc_pause import collecting_later
from engines.tensorrt.log import Words, listening
from engines.tensorrt.options import TensorRtOptions
from engines.tensorrt.refitting import put_weights_in
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import BuiltEngine

PLAN = "engine.plan"


@collecting_later()
def open_plan(trt: Any, artifact: BuiltEngine, words: Words) -> Any:
    """The engine, with its weights; ``words`` hears what TensorRT says of it, now and in its calls.
    Raises EngineMismatchError with these words."""
    logger = listening(trt, words)
    runtime = trt.Runtime(logger)
    options = cast(TensorRtOptions, artifact.spec.options)
    if options.version_compatible:
        runtime.engine_host_code_allowed = True  # it brings its own runtime, and was vouched for
    engine = runtime.deserialize_cuda_engine((artifact.path / PLAN).read_bytes())
    if engine is None:
        raise EngineMismatchError(
            f"{artifact.spec.backend} could not open the engine {artifact.path}",
            words.reason() or "it gave no reason",
            "Build it again with sizewise build, on this machine and with this version.",
            reason_code="environment",
        )
    if options.weights == "stripped":
        put_weights_in(trt, engine, artifact, logger, words)
    return engine
