"""The files of each quantizer whose accuracy is measured, made of the same FP32 file and the same
pictures: those that ``sizewise export`` calibrates on by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.make.engines.files import run_sizewise
from docs.make.quantizers.others import Pictures, write_nncf, write_ort
from exporter.calibration.feeding import calibration_batches
from exporter.calibration.images import read_calibration
from sizewise.cli import console
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Calibration, ExportedModel

FORM = "U8S8, per channel"
FP32 = "FP32"
OURS, OURS_8, OURS_AUTO = "ours", "ours, 8 bits", "ours, auto"
NNCF, ORT = "NNCF", FORM
Files = Mapping[str, ExportedModel | Path]


def our_file(
    parent: ExportedModel, source: str, options: tuple[str, ...] = (), folder: str = "int8"
) -> ExportedModel:
    """Of ``sizewise export``, calibrated on ``source``, in a ``folder`` of its own beside the
    parent."""
    out = parent.path.parent / folder
    run_sizewise(
        *("export", str(parent.path), "--precision", "int8", "--calibrate", source),
        *(*options, "--out", str(out)),
    )
    return read_model(out / f"{parent.path.stem}.int8.onnx")


def others(parent: ExportedModel, ours: ExportedModel, source: str) -> Files:
    """Those of NNCF and of ONNX Runtime. What comes behind the last layers is left alone, or
    ONNX Runtime's boxes would be worth nothing."""
    pictures = _pictures(ours, source)

    def nncf(path: Path) -> None:
        write_nncf(parent.path, pictures, path, decode=False)

    def ort(path: Path) -> None:
        write_ort(parent.path, pictures, path, FORM, decode=False)

    return {NNCF: _made(parent, ".nncf.xml", nncf), ORT: _made(parent, ".ort.onnx", ort)}


def calibration_of(ours: ExportedModel) -> Calibration:
    """Raises ValueError where the file does not say."""
    if ours.card.calibration is None:
        raise ValueError(f"{ours.path} says nothing of its calibration")
    return ours.card.calibration


def _pictures(ours: ExportedModel, source: str) -> Pictures:
    """Those that our file was calibrated on, at its sizes."""
    known = calibration_of(ours)
    images = read_calibration(source, limit=known.images)
    return [given for _, given in calibration_batches(images, known.sizes, ours)]


def _made(parent: ExportedModel, suffix: str, make: Callable[[Path], None]) -> Path:
    path = parent.path.with_suffix(suffix)
    if not path.exists():
        console.remark(f"Making {path.name}")
        make(path)
    return path
