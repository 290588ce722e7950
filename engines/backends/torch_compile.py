"""PyTorch's compiler: the ExportedProgram beside the ONNX file, compiled to a file by AOTInductor.

It writes C++ and calls the compiler of the system, so building takes from half a minute up.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any, ClassVar

from engines.backends._failures import building, opening
from engines.backends._torch.loading import load_program
from engines.backends._torch.programs import (
    DISTRIBUTIONS,
    ERRORS,
    program_layers,
    take_program,
)
from engines.backends._torch.session import THREAD_POLICY, TorchSession
from engines.base import Availability, Backend
from engines.libraries import presence
from sizewise.core import codec
from sizewise.core.further.arrays import arrays_of
from sizewise.core.further.resolving import further_of
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

_PATIENCE_S = 10.0
_ENGINE, _LAYERS = "engine.pt2", "layers.json"


class TorchCompile(Backend):
    """PyTorch's compiler: ``static`` exports the program again at one size and compiles that;
    ``dynamic`` compiles it as it is.

    The program is FP32, whatever the ONNX file was converted to later.
    """

    name = "torch_compile"
    strategies = ("static", "dynamic")
    precisions = ("fp32",)
    native_code = True
    graph_fusions: ClassVar[dict[str, str]] = {"all": "inductor"}

    def version(self) -> str:
        return installed_version(*DISTRIBUTIONS)

    def compiler(self) -> str:
        return _compiler_version(_compiler())

    def thread_policy(self, threads: int, options: BackendOptions | None = None) -> str:
        del threads, options
        return THREAD_POLICY

    def can_build(self) -> Availability:
        here = presence("torch", DISTRIBUTIONS, "torch")
        if not here.ok:
            return here
        compiler = _compiler()
        if not shutil.which(compiler):
            return Availability(
                False,
                f"there is no C++ compiler: {compiler} is not found",
                "Install g++, or name another compiler in the variable CXX.",
            )
        if folder := _split_by_a_space():
            return Availability(
                False,
                f"PyTorch hands {folder!r} to the compiler without quoting its spaces",
                "Install PyTorch into a folder without spaces, and let TMPDIR name another such.",
            )
        return here

    def can_run(self) -> Availability:
        return presence("torch", DISTRIBUTIONS, "torch")

    def load_library(self) -> None:
        import torch._inductor.package  # noqa: F401 - loading an engine would import it

    def load_builder(self) -> None:
        with _without_warnings():
            import torch._inductor.compile_fx
            import torch.export.pt2_archive  # noqa: F401 - loading a program would import it

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> None:
        with TemporaryDirectory(dir=folder) as scratch:
            source = Path(scratch) / "source.pt2"
            take_program(self.name, model, source)
            program = load_program(self.name, source)
        written_to = (folder, Path(gettempdir()))  # Inductor works in the latter
        with _threads(spec.threads), building(self.name, ERRORS, folders=written_to):
            if spec.strategy == "static":
                program = _at_one_size(program, model, spec)
            elif program.example_inputs is None:  # an export of ours does without
                program.example_inputs = (_zeros(model, spec), {})
            _compile(program, spec, folder / _ENGINE)
        achieved = Achieved(layers=program_layers(program))
        (folder / _LAYERS).write_text(codec.to_json(achieved), encoding="utf-8")

    def _open(self, artifact: BuiltEngine) -> TorchSession:
        import torch

        with opening(self.name, ERRORS):
            run = torch._inductor.aoti_load_package(str(artifact.files / _ENGINE))
        return TorchSession(artifact, run, artifact.path / _ENGINE)

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        """The types in the program that was compiled: Inductor lowers none by itself."""
        with self._open(artifact) as session:
            session.expect_outputs()
        return codec.from_json((artifact.files / _LAYERS).read_text(encoding="utf-8"), Achieved)


def _compiler() -> str:
    return os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")


@cache
def _compiler_version(compiler: str) -> str:
    """Its name and version, as it says; empty where it can't be asked."""
    try:
        done = subprocess.run(
            (compiler, "--version"), capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def _split_by_a_space() -> str:
    """Of the folders in Inductor's command line for the compiler, one that would be two words there
    (2.13); empty where there is none."""
    folders = (
        *(sysconfig.get_path(name) for name in ("platlib", "include")),
        os.environ.get("TORCHINDUCTOR_CACHE_DIR", ""),
        gettempdir(),
    )
    return next((folder for folder in folders if len(folder.split()) > 1), "")


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Set PyTorch's threads while it compiles: what it chooses depends on their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _at_one_size(program: ExportedProgram, model: ExportedModel, spec: EngineSpec) -> Any:
    import torch

    return torch.export.export(program.module(), _zeros(model, spec))


def _zeros(model: ExportedModel, spec: EngineSpec) -> tuple[Any, ...]:
    """Zeros for the images, and what the inputs beside them are given."""
    import torch

    shape, size = spec.fixed_shape(model.image), spec.profiles[0].opt
    images = torch.zeros(shape, dtype=getattr(torch, model.image.tensor.dtype))
    further = arrays_of(further_of(model), spec.batch_size, size)
    return (images, *map(torch.from_numpy, further.values()))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence warnings: PyTorch's compiler uses what PyTorch has deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _compile(program: ExportedProgram, spec: EngineSpec, path: Path) -> None:
    """Compile to a file by way of memory: PyTorch's own writer ends the interpreter on a full
    disk."""
    import torch

    package = io.BytesIO()
    # Frozen weights are laid out while compiling.
    settings = {"cpp.threads": spec.threads, "freezing": True}
    with _without_warnings():
        torch._inductor.aoti_compile_and_package(
            program, package_path=package, inductor_configs=settings
        )
    path.write_bytes(package.getbuffer())


BACKENDS = (TorchCompile(),)
