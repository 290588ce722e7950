"""The ONNX files that the engines' page is about: exported once, made in every precision once.

By itself it makes those of full width (several minutes, no quiet machine needed); the scripts
beside it make what they lack.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from docs.make.pages import HOUSE
from exporter.calibration.images import read_calibration
from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from exporter.registry import precisions
from sizewise.cli import console
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Sizes

OUT = HOUSE / "runs" / "engines"
SIZEWISE = str(Path(sys.executable).parent / "sizewise")

SIZES = "320,416,640"
CALIBRATED = "320,640"
IMAGES = 16
FULL = ("yolov4-tiny", "yolov4-csp", "yolov3", "multiscale/hierarchical")
"""At full width, with random weights."""
MADE = ("int8", "bf16", "fp16", "int8+bf16", "int8+fp16")


def main() -> None:
    for name in FULL:
        full_width(name)


def full_width(name: str, precisions: Collection[str] = MADE) -> dict[str, ExportedModel]:
    """By precision: FP32, and those of MADE that are among ``precisions``."""
    return _made(export(name, OUT / "full"), precisions)


def trained(checkpoint: Path) -> dict[str, ExportedModel]:
    """By precision; ``checkpoint`` is a .safetensors file of ``sizewise train``."""
    folder = OUT / "trained" / checkpoint.stem
    found = sorted(path for path in folder.glob("*.onnx") if path.suffixes == [".onnx"])
    if not found:
        run_sizewise("export", str(checkpoint.resolve()), "--out", str(folder))
        found = sorted(folder.glob("*.onnx"))
    return _made(read_model(found[0]), MADE)


def _made(parent: ExportedModel, precisions: Collection[str]) -> dict[str, ExportedModel]:
    settings = look(CALIBRATED, SIZES)
    made = {one: in_precision(parent, one, settings) for one in MADE if one in precisions}
    return {"fp32": parent} | made


def export(name: str, folder: Path, *options: str) -> ExportedModel:
    """``name`` is a network's, for multiscale with its fusion behind a slash."""
    network, _, fusion = name.partition("/")
    path = folder / f"{name.replace('/', '-')}.onnx"
    if not path.exists():
        chosen = ("--fusion", fusion) if fusion else ()
        run_sizewise("export", network, *chosen, *options, "--out", str(folder))
    return read_model(path)


def look(calibrated: str, checked: str, images: int = IMAGES) -> ConversionSettings:
    return ConversionSettings(
        images=read_calibration("digits", limit=images),
        sizes=Sizes.parse(calibrated),
        check_sizes=Sizes.parse(checked),
    )


def in_precision(
    parent: ExportedModel, precision: str, settings: ConversionSettings
) -> ExportedModel:
    """One that an earlier call made in the same way is taken as it is. Raises ExportError."""
    path = parent.path.with_name(f"{parent.path.stem}.{precision}.onnx")
    if path.exists():
        card = (made := read_model(path)).card
        checked = {one.size for one in card.deviations}
        calibration = settings.calibration(parent.card.preprocessing)
        same = (card.parent_sha256, card.calibration) == (parent.sha256, calibration)
        if same and checked == set(settings.check_sizes):
            return made
    console.remark(f"Making {path.name}")
    return convert(parent, precision, path, settings=settings, progress=console.reporter())


def run_sizewise(*arguments: str) -> None:
    subprocess.run((SIZEWISE, *arguments), cwd=HOUSE, stdout=subprocess.DEVNULL, check=True)


def all_precisions() -> tuple[str, ...]:
    """FP32, then as they are listed."""
    return tuple(sorted(precisions(), key=lambda name: (name != "fp32", name)))


if __name__ == "__main__":
    main()
