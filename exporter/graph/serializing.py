"""Serialise a checked model, with its weights, to the bytes of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 1_800_000_000
"""Protobuf ends at 2 GiB; the rest is room for the graph and for what a pass adds."""


def refuse_above_limit(size_bytes: int) -> None:
    """Raises ExportError where the weights would not fit into one ONNX file."""
    if size_bytes >= MAX_BYTES:
        raise ExportError(
            "The model does not fit into one ONNX file",
            f"it takes {size_bytes / 1e9:.2f} GB, and a file holds {MAX_BYTES / 1e9:.1f} GB",
            "Export a narrower network.",
        )


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The serialised model. Raises ExportError where the checker refuses it or it is too large."""
    import onnx

    refuse_above_limit(model.ByteSize())
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(
            "The exported graph is invalid ONNX",
            str(error).strip().splitlines()[0],
            "This is a bug in sizewise or in torch's exporter: report it with the network.",
        ) from error
    return model.SerializeToString()
