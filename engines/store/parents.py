"""The FP32 file that a converted file was made from: its engines are compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.model import read_model, sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ExportedModel


def find_parent(model: ExportedModel) -> Path | None:
    """The FP32 file that a model's card names, in the model's folder or in the current one; None if
    it is not found.

    An FP32 model is its own parent.
    """
    if model.card.precision == "fp32":
        return model.path
    wanted = model.card.parent_sha256
    if not wanted:
        return None
    folders = dict.fromkeys((model.path.parent, Path.cwd()))
    beside = [p for folder in folders for p in sorted(folder.glob("*.onnx")) if p != model.path]
    # To hash a file takes as long as to read it: those with the beginning of its name come first.
    likely = sorted(beside, key=lambda path: not model.path.stem.startswith(path.stem))
    return next((path for path in likely if _has_hash(path, wanted)), None)


def _has_hash(path: Path, wanted: str) -> bool:
    with suppress(OSError):  # a neighbour that can't be read is nobody's parent
        return wanted in hashes_of(path)
    return False


def check_parent(model: ExportedModel, parent: Path) -> Path:
    """``parent``, named by the user, if it can be one of ``model``.

    Raises InputError where it can't be read, or can't be one.
    """
    candidate = read_model(parent)
    outputs = {tensor.name for tensor in candidate.outputs}
    missing = [tensor.name for tensor in model.outputs if tensor.name not in outputs]
    if candidate.card.precision != "fp32":
        why = f"it is in {candidate.card.precision}, not in fp32"
    elif missing:
        why = f"it has no output {' and no output '.join(missing)}"
    elif candidate.image.channels != model.image.channels:
        why = f"its images are {candidate.image.tensor}, not {model.image.tensor}"
    else:
        return candidate.path
    raise InputError(
        f"{parent} can't be the parent of {model.path.name}",
        why,
        f"Give the FP32 file that it was converted from, or leave {spelled('parent')} out.",
    )


def hashes_of(path: Path) -> Iterator[str]:
    """The hash of the file alone, which is enough for most, then that of it and the weights beside
    it."""
    yield sha256_of(path)
    with suppress(InputError):  # what is no ONNX file has no weights beside it
        yield read_model(path).sha256
