"""The ExportedProgram beside an ONNX file, for the back ends that run PyTorch.

A ``.pt2`` file is code: PyTorch unpickles and evaluates what its author put in, and has no safe
mode for it ("never load data from an untrusted source"). Its pickles are not run here
(:mod:`engines.backends._torch.loading`), but the formulas of its shapes still are. So only the file
beside the model that the user named is taken (where the model is our export, only the very program
that was written with it), and after that only the copy whose checksum is in the manifest of our own
build. Whoever uses one of these back ends must trust that file.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from engines.backends._failures import Errors
from engines.base import Array
from engines.graph.precision_names import precision_of
from sizewise.core.errors import BuildError, EngineMismatchError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ExportedModel, LayerPrecision, TensorSpec

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

DISTRIBUTIONS = ("torch",)
ERRORS: Errors = (
    *(RuntimeError, ValueError, TypeError, LookupError, AssertionError),
    *(BadZipFile, UnpicklingError),
)


def take_program(backend: str, model: ExportedModel, path: Path) -> None:
    """Copy the program beside ``model`` to ``path``. Raises BuildError where there is none that
    PyTorch could run, EngineMismatchError where it is another's."""
    if model.card.suppression:
        raise BuildError(
            f"{backend} can't run {model.path.name}",
            "NMS is in its graph, and PyTorch has no operator for it",
            f"Export it without {spelled('nms')} for PyTorch, or leave this back end out.",
            reason_code="unsupported_source",
        )
    if not model.program_path.is_file():
        raise BuildError(
            f"{backend} can't run {model.path.name}",
            f"there is no {model.program_path.name} beside it, and only that runs in PyTorch",
            "Export the network with sizewise, or leave this back end out.",
            reason_code="unsupported_source",
        )
    shutil.copyfile(model.program_path, path)
    promised = model.card.program_sha256
    if promised and sha256_of(path) != promised:
        raise another_program(model.program_path, "its checksum is not the one in the ONNX file")


def named(outputs: tuple[TensorSpec, ...], given: Any, program: Path) -> dict[str, Array]:
    """Copies of the program's outputs, by name. Raises EngineMismatchError where it gives more or
    fewer of them."""
    from torch.utils._pytree import tree_leaves

    tensors, names = tree_leaves(given), [output.name for output in outputs]
    if len(tensors) != len(names):
        raise another_program(program, f"it gives {len(tensors)} outputs, not {len(names)}")
    return {n: t.numpy().copy() for n, t in zip(names, tensors, strict=True)}


def expect_outputs(
    outputs: tuple[TensorSpec, ...], found: Mapping[str, Array], program: Path
) -> None:
    """Refuse a program whose outputs are not the ONNX file's, by rank, batch and fixed sides.
    Raises EngineMismatchError."""
    for declared in outputs:
        shape = found[declared.name].shape
        fits = len(shape) == len(declared.shape) and all(
            isinstance(want, str) or want == have
            for want, have in zip(declared.shape, shape, strict=False)
        )
        if not fits:
            raise another_program(
                program, f"it gives {declared.name} {list(shape)}, not {declared}"
            )


def another_program(program: Path, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"{program.name} is not the program of the ONNX file",
        why,
        "Export the network again: both files are written together.",
        reason_code="unsupported_source",
    )


def program_layers(program: ExportedProgram) -> tuple[LayerPrecision, ...]:
    """Its operators and the types in which they compute."""
    layers = (_layer(node) for node in program.graph.nodes if node.op == "call_function")
    return tuple(layer for layer in layers if layer.precision)


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
