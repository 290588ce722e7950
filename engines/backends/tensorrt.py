"""TensorRT and TensorRT for RTX, a back end each; one never replaces the other."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

from engines.base import Availability, Backend, BuildNotes, Session
from engines.tensorrt.availability import TENSORRT, TENSORRT_RTX, Library, can_build, can_run
from engines.tensorrt.build.config import LEVELS
from engines.tensorrt.build.timing import cache_path
from engines.tensorrt.build.write_plan import Watch, write_plan
from engines.tensorrt.compatibility import is_newer, target_of, why_not_here
from engines.tensorrt.inspection import inspect
from engines.tensorrt.log import Messages
from engines.tensorrt.memory import read_memory
from engines.tensorrt.open_plan import PLAN, open_plan
from engines.tensorrt.options import DataCentreOptions, RtxOptions, TensorRtOptions
from engines.tensorrt.refitting import note_weights
from engines.tensorrt.run.cuda import CudaRuntime
from engines.tensorrt.run.session import TensorRtSession
from sizewise.core.errors import EngineMismatchError
from sizewise.core.machine.nvidia import find_devices
from sizewise.core.options.declared import spelled
from sizewise.core.progress import cancelled, report
from sizewise.core.specs import (
    Achieved,
    BuiltEngine,
    EngineMemory,
    EngineSpec,
    ExportedModel,
    precision_parts,
)

BUILT_NOT_RUN = "built, not run"
_FP8 = (
    "FP8 runs on GPUs from compute capability 8.9 on: name those that the engine is for "
    "(capabilities), and the builder checks them."
)


class TensorRt(Backend):
    """TensorRT: a build times layers on a GPU.

    Its plan is for that GPU (``hardware`` says for which others) and for that version of TensorRT
    (unless ``version_compatible``).
    """

    name = TENSORRT.name
    library: ClassVar[Library] = TENSORRT
    strategies = ("static", "dynamic", "profiles")
    precisions = (
        *("fp32", "fp16", "bf16", "int8", "fp8"),
        *("int8+fp16", "int8+bf16", "fp8+fp16"),
    )
    graph_fusions: ClassVar[dict[str, str]] = {
        ours: f"builder optimisation level {level}" for ours, level in LEVELS.items()
    }
    default_graph_fusion = "extended"
    options_type: ClassVar[type[TensorRtOptions]] = DataCentreOptions
    takes_batch_ranges = True
    native_code = True

    def version(self) -> str:
        return self.library.version()

    def machine(self, spec: EngineSpec) -> str:
        return target_of(_options(spec), find_devices())

    def opens(self, version: str, spec: EngineSpec) -> bool:
        return super().opens(version, spec) or (
            _options(spec).version_compatible and is_newer(self.version(), version)
        )

    def can_build(self) -> Availability:
        return can_build(self.library)

    def can_run(self) -> Availability:
        return can_run(self.library)

    def load_library(self) -> None:
        self._module()
        CudaRuntime()

    def load_builder(self) -> None:
        import onnx  # noqa: F401

        self._module()

    def _module(self) -> Any:
        return importlib.import_module(self.library.module)

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuildNotes:
        if _options(spec).weights == "stripped":
            note_weights(model, folder)
        return write_plan(
            self._module(),
            model,
            spec,
            folder / PLAN,
            watch=Watch(report=report, cancelled=cancelled),
            timings=self._timings(spec),
        )

    def memory(self, artifact: BuiltEngine) -> EngineMemory | None:
        if not self.can_run().ok:
            return artifact.memory
        module = self._module()
        return read_memory(module, open_plan(module, artifact, Messages()), artifact.memory)

    def _timings(self, spec: EngineSpec) -> Path | None:
        options, devices = spec.options, find_devices().found
        if not (isinstance(options, DataCentreOptions) and options.timing_cache and devices):
            return None
        return cache_path(self.name, self.version(), devices[0].name)

    def _open(self, artifact: BuiltEngine) -> Session:
        module, messages = self._module(), Messages()
        engine = open_plan(module, artifact, messages)
        return TensorRtSession(artifact, module, engine, CudaRuntime(), messages)

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        module = self._module()
        return inspect(module, open_plan(module, artifact, Messages()))

    def _uninspected(self, answer: Availability) -> Achieved:
        """The reason why there are no layers: a plan can't be deserialised here. Strong typing
        guarantees their precision."""
        del answer
        return Achieved(reason=BUILT_NOT_RUN, vouched=True)


class TensorRtRtx(TensorRt):
    """TensorRT for RTX: a build needs no GPU.

    Kernels are compiled where the plan runs, on any of the GPUs that ``capabilities`` says.
    """

    name = TENSORRT_RTX.name
    library = TENSORRT_RTX
    options_type = RtxOptions

    def check(self, model: ExportedModel, spec: EngineSpec) -> None:
        super().check(model, spec)
        why = why_not_here(_options(spec), find_devices())
        if why and not cast(RtxOptions, spec.options).capabilities:
            raise EngineMismatchError(
                f"{self.name} would build an engine that doesn't run on the GPU here",
                why,
                f"Name it: {spelled('options')} capabilities={find_devices().found[0].capability}.",
                reason_code="unsupported_options",
            )

    def memory(self, artifact: BuiltEngine) -> EngineMemory | None:
        elsewhere = why_not_here(_options(artifact.spec), find_devices())
        return artifact.memory if elsewhere else super().memory(artifact)

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        if why := why_not_here(_options(artifact.spec), find_devices()):
            return Achieved(reason=f"{BUILT_NOT_RUN}: {why}", vouched=True)
        return super()._inspect(artifact)

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuildNotes:
        built = super()._build(model, spec, folder)
        named = cast(RtxOptions, spec.options).capabilities
        if "fp8" not in precision_parts(model.card.precision) or named:
            return built
        return replace(built, remarks=(*built.remarks, _FP8))


def _options(spec: EngineSpec) -> TensorRtOptions:
    return cast(TensorRtOptions, spec.options)  # admission has checked it


BACKENDS = (TensorRt(), TensorRtRtx())
