"""Serialise a checked model, with its weights, to the bytes of one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import ExportError
from sizewise.core.onnxfiles.weights import bytes_of, too_large, weights_bytes

if TYPE_CHECKING:
    import onnx


def refuse_above_limit(size_bytes: int) -> None:
    """Raises ExportError where the weights would not fit into one ONNX file."""
    if why := too_large(size_bytes):
        raise ExportError(
            "The model does not fit into one ONNX file", why, "Export a narrower network."
        )


def demand_convertible(path: Path) -> None:
    """Raises ExportError where a file's weights are more than a conversion can work on, before they
    are read."""
    if why := too_large(weights_bytes(path)):
        raise ExportError(
            f"{path.name} can't be converted",
            why,
            "Build and measure the file as it is, or convert a narrower network.",
        )


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The serialised model. Raises ExportError where the checker refuses it or it is too large."""
    import onnx

    refuse_above_limit(bytes_of(model))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(
            "The exported graph is invalid ONNX",
            str(error).strip().splitlines()[0],
            "This is a bug in sizewise or in torch's exporter: report it with the network.",
        ) from error
    return model.SerializeToString()
