"""The files of each quantizer, made of the same FP32 file and the same pictures.

NNCF quantizes for OpenVINO (its performance preset; ``pip install nncf``), ONNX Runtime's own
quantizer for ONNX Runtime, in the forms that its documentation has for x86.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from docs.make.engines.files import CALIBRATED, IMAGES, export, look
from docs.make.method.records import OUT as METHOD
from exporter.calibration.feeding import calibration_batches
from exporter.calibration.images import read_calibration
from exporter.convert import convert
from sizewise.cli import console
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Size, Sizes

OUT = METHOD.parent / "quantizers"
WEIGHT_BITS = 8
"""As the others have them; a processor without VNNI would clip sums."""
FORMS: dict[str, tuple[str, str, bool, bool]] = {
    "U8S8": ("QUInt8", "QInt8", False, False),
    "U8S8, per channel": ("QUInt8", "QInt8", True, False),
    "U8S8, per channel, 7 bits": ("QUInt8", "QInt8", True, True),
    "S8S8, per channel": ("QInt8", "QInt8", True, False),
}
"""Types of activations and weights, whether these have a scale for each channel, and
``reduce_range``."""


def parent_of(name: str) -> ExportedModel:
    return export(name, OUT / "full")


def our_file(parent: ExportedModel) -> ExportedModel:
    path = parent.path.with_name(f"{parent.path.stem}.int8.onnx")
    if path.exists():
        return read_model(path)
    console.remark(f"Making {path.name}")
    settings = replace(look(CALIBRATED, CALIBRATED), weight_bits=WEIGHT_BITS)
    return convert(parent, "int8", path, settings=settings, progress=console.reporter())


def nncf_file(parent: ExportedModel) -> Path:
    """OpenVINO's own format. Raises ImportError without NNCF."""
    path = parent.path.with_suffix(".nncf.xml")
    if not path.exists():
        openvino = load_openvino()
        import nncf

        console.remark(f"Making {path.name}")
        pictures = list(_pictures(parent))
        quantized = nncf.quantize(
            openvino.Core().read_model(parent.path),
            nncf.Dataset([next(iter(one.values())) for one in pictures]),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(pictures),
        )
        openvino.save_model(quantized, path, compress_to_fp16=False)
    return path


def ort_file(parent: ExportedModel, form: str) -> Path:
    name = form.lower().replace(", ", "-").replace(" ", "-")
    path = parent.path.with_suffix(f".ort-{name}.onnx")
    if not path.exists():
        load_onnxruntime()
        from onnxruntime import quantization as of

        console.remark(f"Making {path.name}")
        activations, weights, each, reduced = FORMS[form]
        of.quantize_static(
            parent.path,
            path,
            _Reader(_pictures(parent)),
            quant_format=of.QuantFormat.QDQ,
            activation_type=getattr(of.QuantType, activations),
            weight_type=getattr(of.QuantType, weights),
            per_channel=each,
            reduce_range=reduced,
        )
    return path


def load_openvino() -> Any:
    """The library, which reports itself over the net where it can."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def at_size(path: Path, size: Size) -> bytes:
    """The file with one picture of ``size`` as its input, as static engines have it."""
    proto = onnx.load(path)
    numbers = (1, 3, size.height, size.width)
    dimensions = proto.graph.input[0].type.tensor_type.shape.dim
    for dimension, number in zip(dimensions, numbers, strict=True):
        dimension.dim_value = number
    return bytes(proto.SerializeToString())


def _pictures(parent: ExportedModel) -> Iterator[Mapping[str, NDArray[Any]]]:
    images = read_calibration("digits", limit=IMAGES)
    for _, given in calibration_batches(images, Sizes.parse(CALIBRATED), parent):
        yield {name: np.asarray(array) for name, array in given.items()}


class _Reader:
    """Pictures one by one, as ONNX Runtime's quantizer asks for them."""

    def __init__(self, pictures: Iterator[Mapping[str, NDArray[Any]]]) -> None:
        self._pictures = pictures

    def get_next(self) -> Mapping[str, NDArray[Any]] | None:
        return next(self._pictures, None)
