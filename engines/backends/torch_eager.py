"""Eager PyTorch, the reference: it runs the ExportedProgram that stands beside the ONNX file.

A ``.pt2`` file is code: loading one unpickles and evaluates what its author put in, and PyTorch
has no safe mode for it ("never load data from an untrusted source"). So only the file beside the
model that the user named is taken (where the model is our export, only the very program that was
written with it), and after that only the copy whose checksum is in the manifest of our own build.
Who asks for this back end vouches for that file.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from zipfile import BadZipFile

from engines.backends._failures import Errors, failed_call, opening
from engines.base import Array, Availability, Backend, Session, example_input
from engines.libraries import installed_version, presence
from engines.precisions import precision_of
from sizewise.errors import BuildError, EngineMismatchError
from sizewise.onnxfile import sha256_of
from sizewise.specs import Achieved, EngineArtifact, EngineSpec, ExportedModel, LayerPrecision

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

_DISTRIBUTIONS = ("torch",)
_ENGINE = "engine.pt2"
_ERRORS: Errors = (RuntimeError, ValueError, TypeError, LookupError, AssertionError, BadZipFile)


class TorchEager(Backend):
    """One program serves every size, so there is one strategy, and nothing is fused."""

    name = "torch_eager"
    strategies = ("dynamic",)
    precisions = ("fp32",)
    graph_fusions: ClassVar[dict[str, str]] = {"none": "eager"}
    default_graph_fusion = "none"

    def version(self) -> str:
        return installed_version(*_DISTRIBUTIONS)

    def can_build(self) -> Availability:
        return presence("torch", _DISTRIBUTIONS, "torch")

    def can_run(self) -> Availability:
        return self.can_build()

    def load_library(self) -> None:
        import torch.export.pt2_archive  # noqa: F401 - loading a program would import it

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> None:
        del spec
        if model.card.suppression:
            raise BuildError(
                f"{self.name} can't run {model.path.name}",
                "suppression is in its graph, and PyTorch has no operator for that",
                "Export it without --nms for PyTorch, or leave this back end out.",
                reason_code="unsupported_source",
            )
        if not model.program_path.is_file():
            raise BuildError(
                f"{self.name} can't run {model.path.name}",
                f"there is no {model.program_path.name} beside it, and only that runs in PyTorch",
                "Export the network with sizewise, or leave this back end out.",
                reason_code="unsupported_source",
            )
        shutil.copyfile(model.program_path, folder / _ENGINE)
        promised = model.card.program_sha256
        if promised and sha256_of(folder / _ENGINE) != promised:
            raise _another(model.program_path, "its checksum is not the one in the ONNX file")

    def _open(self, artifact: EngineArtifact) -> Session:
        return TorchEagerSession(artifact, _program(artifact))

    def _inspect(self, artifact: EngineArtifact) -> Achieved:
        """The types in the program itself: eager PyTorch runs each operator as it stands there."""
        program = _program(artifact)
        shape = artifact.image.shape(artifact.spec.batch_size, artifact.spec.profiles[0].min)
        with TorchEagerSession(artifact, program) as session:
            session.infer({artifact.image.tensor.name: example_input(artifact, shape)})
            _expect_outputs(artifact, session.outputs())
        layers = (_layer(node) for node in program.graph.nodes if node.op == "call_function")
        return Achieved(layers=tuple(layer for layer in layers if layer.precision))


class TorchEagerSession(Session):
    """Threads are a setting of the whole process; closing the session puts them back."""

    def __init__(self, artifact: EngineArtifact, program: ExportedProgram) -> None:
        import torch

        super().__init__(artifact)
        self._torch = torch
        self._module = program.module()
        self._given: list[Any] = []
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(artifact.spec.threads)

    def _bind(self, images: Array) -> None:
        self._images = self._torch.from_numpy(images)

    def enqueue(self) -> None:
        try:
            with self._torch.inference_mode():
                self._given = self._module(self._images)
        except _ERRORS as error:
            raise failed_call(TorchEager.name, error) from error

    def outputs(self) -> dict[str, Array]:
        tensors = self._torch.utils._pytree.tree_leaves(self._given)
        names = [output.name for output in self.artifact.outputs]
        if len(tensors) != len(names):
            why = f"it gives {len(tensors)} outputs, not {len(names)}"
            raise _another(self.artifact.path / _ENGINE, why)
        return {n: t.numpy().copy() for n, t in zip(names, tensors, strict=True)}

    def close(self) -> None:
        self._torch.set_num_threads(self._threads_before)


def _program(artifact: EngineArtifact) -> ExportedProgram:
    import torch

    with opening(TorchEager.name, _ERRORS):
        return torch.export.load(artifact.path / _ENGINE)


def _expect_outputs(artifact: EngineArtifact, outputs: dict[str, Array]) -> None:
    """The program belongs to the ONNX file if it has its outputs: rank, batch and fixed sides."""
    for declared in artifact.outputs:
        found = outputs[declared.name].shape
        fits = len(found) == len(declared.shape) and all(
            isinstance(want, str) or want == have
            for want, have in zip(declared.shape, found, strict=False)
        )
        if not fits:
            raise _another(
                artifact.path / _ENGINE, f"it gives {declared.name} {list(found)}, not {declared}"
            )


def _another(program: Path, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"{program.name} is not the program of the ONNX file",
        why,
        "Export the network again: both files are written together.",
        reason_code="unsupported_source",
    )


def _layer(node: Node) -> LayerPrecision:
    types = [v.dtype for v in _tensors(node) if v.dtype.is_floating_point]
    return LayerPrecision(
        name=node.name,
        kind=str(node.target),
        precision=precision_of(str(dtype).removeprefix("torch.") for dtype in types),
    )


def _tensors(node: Node) -> list[Any]:
    given = node.meta.get("val")
    return [
        v for v in (given if isinstance(given, tuple | list) else (given,)) if hasattr(v, "dtype")
    ]


BACKENDS = (TorchEager(),)
