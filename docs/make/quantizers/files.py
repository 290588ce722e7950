"""The files of each quantizer whose time is measured, made of the same FP32 file and the same
pictures.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx

from docs.make.engines.files import CALIBRATED, IMAGES, export, look
from docs.make.method.records import OUT as METHOD
from docs.make.quantizers.others import Pictures, write_nncf, write_ort
from exporter.calibration.feeding import calibration_batches
from exporter.calibration.images import read_calibration
from exporter.convert import convert
from sizewise.cli import console
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Size, Sizes

OUT = METHOD.parent / "quantizers"
WEIGHT_BITS = 8
"""As the others have them; a processor without VNNI would clip sums."""


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
        console.remark(f"Making {path.name}")
        write_nncf(parent.path, _pictures(parent), path)
    return path


def ort_file(parent: ExportedModel, form: str) -> Path:
    name = form.lower().replace(", ", "-").replace(" ", "-")
    path = parent.path.with_suffix(f".ort-{name}.onnx")
    if not path.exists():
        console.remark(f"Making {path.name}")
        write_ort(parent.path, _pictures(parent), path, form)
    return path


def at_size(path: Path, size: Size) -> bytes:
    """The file with one picture of ``size`` as its input, as static engines have it."""
    proto = onnx.load(path)
    numbers = (1, 3, size.height, size.width)
    dimensions = proto.graph.input[0].type.tensor_type.shape.dim
    for dimension, number in zip(dimensions, numbers, strict=True):
        dimension.dim_value = number
    return bytes(proto.SerializeToString())


def _pictures(parent: ExportedModel) -> Pictures:
    images = read_calibration("digits", limit=IMAGES)
    return [given for _, given in calibration_batches(images, Sizes.parse(CALIBRATED), parent)]
