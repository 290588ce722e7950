"""An ONNX file compiled into a plan, TensorRT's serialised engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.base import BuildNotes
from engines.tensorrt.build.config import configure
from engines.tensorrt.build.network import parse
from engines.tensorrt.build.profiles import add_profiles
from engines.tensorrt.build.progress import Report, watching
from engines.tensorrt.build.timing import keep_timings, take_timings
from engines.tensorrt.gc_pause import garbage_collection_paused
from engines.tensorrt.log import Messages, make_logger
from sizewise.core.errors import BuildError
from sizewise.core.further.resolving import further_of
from sizewise.core.specs import EngineSpec, ExportedModel


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A listener for the progress of a build, who may stop it."""

    report: Report
    cancelled: Callable[[], bool]


@garbage_collection_paused()
def write_plan(
    trt: Any,
    model: ExportedModel,
    spec: EngineSpec,
    path: Path,
    *,
    watch: Watch,
    timings: Path | None = None,
) -> BuildNotes:
    """Compile the plan to ``path``, and keep what was timed in ``timings``. Raises EngineError and
    InputError.

    The builder itself gives None where it fails, and its logger knows why.
    """
    messages = Messages()
    builder = trt.Builder(make_logger(trt, messages))
    network = parse(trt, builder, model, messages)
    config = configure(trt, builder, spec, messages)
    add_profiles(builder, config, model.image, spec, messages, further=further_of(model))
    monitor = watching(trt, watch.report, watch.cancelled)
    if monitor is not None:
        config.progress_monitor = monitor
    warm = timings is not None and take_timings(config, timings)
    heard = len(messages.errors)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise _failure(spec, model, messages.reason(heard), cancelled=watch.cancelled())
    with path.open("wb") as file:
        file.write(plan)
    if timings is not None:
        keep_timings(config, timings)
    known = ("layers that were timed before were not timed again",) if warm else ()
    return BuildNotes(memory=messages.memory(), remarks=(*known, *dict.fromkeys(messages.warnings)))


_CAUSES = (
    (
        re.compile(r"no runners that implement|could not find any implementation", re.I),
        "unsupported_operator",
        "Export the model without this operator. If it is NMS, export the model without NMS.",
    ),
    (
        re.compile(r"cannot compile for target", re.I),
        "unsupported_precision",
        "Name newer ones in capabilities, or export the model in another precision.",
    ),
    (
        re.compile(
            r"out ?of ?memory|workspace (memory|limit)|(not|failed to) (be )?allocate", re.I
        ),
        "oom_device",
        "Give it more (workspace_mib), choose smaller sizes or batches, or free the device.",
    ),
    (
        re.compile(r"CUDA_SUCCESS|cudaError"),
        "unsupported_options",
        "Such a plan is built where there is an NVIDIA driver: see sizewise doctor.",
    ),
    (
        re.compile(r"unable to load library", re.I),
        "unsupported_options",
        "Leave version_compatible out, or install that library.",
    ),
)
"""What is known of the library's sentences: a reason code, and what to do."""


def _failure(spec: EngineSpec, model: ExportedModel, why: str, *, cancelled: bool) -> BuildError:
    what = f"{spec.backend} did not build an engine of {model.path.name}"
    if cancelled:
        return BuildError(what, "the build was cancelled", "Run the same command again.")
    for pattern, code, todo in _CAUSES:
        if pattern.search(why):
            return BuildError(what, why, todo, reason_code=code)
    todo = "Try another precision, graph fusion or version, or export the model again."
    return BuildError(what, why or "it gave no reason", todo)
