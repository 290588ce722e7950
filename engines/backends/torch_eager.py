"""Eager PyTorch, the reference: it runs the ExportedProgram that stands beside the ONNX file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from engines.backends._flushing import flushing
from engines.backends._torch.loading import load_program
from engines.backends._torch.programs import DISTRIBUTIONS, program_layers, take_program
from engines.backends._torch.session import THREAD_POLICY, TorchSession, demand_flushed
from engines.base import Availability, Backend, Session
from engines.libraries import presence
from engines.subnormals import CpuOptions, wants_flush
from sizewise.core.machine.packages import installed_version
from sizewise.core.specs import (
    Achieved,
    BackendOptions,
    BuiltEngine,
    EngineSpec,
    ExportedModel,
)

if TYPE_CHECKING:
    from torch.export import ExportedProgram

ENGINE = "engine.pt2"


class TorchEager(Backend):
    """Eager PyTorch on the CPU: one program serves every size, so there is one strategy, and
    nothing is fused.

    The program is FP32, whatever the ONNX file was converted to later.
    """

    name = "torch_eager"
    strategies = ("dynamic",)
    precisions = ("fp32",)
    native_code = True
    options_type: ClassVar[type[BackendOptions]] = CpuOptions
    graph_fusions: ClassVar[dict[str, str]] = {"none": "eager"}
    default_graph_fusion = "none"

    def version(self) -> str:
        return installed_version(*DISTRIBUTIONS)

    def thread_policy(self, threads: int, options: BackendOptions | None = None) -> str:
        del threads, options
        return THREAD_POLICY

    def can_build(self) -> Availability:
        return presence("torch", DISTRIBUTIONS, "torch")

    def can_run(self) -> Availability:
        return self.can_build()

    def load_library(self) -> None:
        import torch.export.pt2_archive  # noqa: F401 - loading a program would import it

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> None:
        del spec
        take_program(self.name, model, folder / ENGINE)

    def _open(self, artifact: BuiltEngine) -> Session:
        spec = artifact.spec
        with ExitStack() as held:
            # Before anything else: PyTorch's threads start with what this one is set to.
            held.enter_context(flushing(spec.options))
            session = self._session(artifact, self._program(artifact))
            session.held.push(held.pop_all())
        with ExitStack() as refused:
            refused.callback(session.close)
            if wants_flush(spec.options):
                demand_flushed(spec.threads)
            refused.pop_all()
        return session

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        """The types in the program itself: eager PyTorch runs each operator as it stands there."""
        program = self._program(artifact)
        with self._session(artifact, program) as session:
            session.expect_outputs()
        return Achieved(layers=program_layers(program))

    def _program(self, artifact: BuiltEngine) -> ExportedProgram:
        return load_program(self.name, artifact.files / ENGINE)

    def _session(self, artifact: BuiltEngine, program: ExportedProgram) -> TorchSession:
        return TorchSession(artifact, program.module(), artifact.path / ENGINE)


BACKENDS = (TorchEager(),)
