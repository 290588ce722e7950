"""The error of PP-OCRv4's text detector in int8, through engines: ours beside other quantizers
(python -m docs.make.quantizers.text_detector).

Needs NNCF and the file's package (``pip install nncf rapidocr-onnxruntime==1.4.4``). All calibrate
on the same drawn pictures of text; the error is measured on others, and on scikit-image's picture
of a page. The claim: it is 5 % at most at every size, or at most that of the best of the others.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docs.make.method.records import OUT as METHOD
from docs.make.method.records import now, origin, write_record
from docs.make.public_models.catalogue import MODELS
from docs.make.quantizers.quantized import FP32, OURS, OURS_8, OURS_AUTO, calibration_of, others
from docs.make.quantizers.running import Call, engines
from docs.make.quantizers.texts import draw_texts
from exporter.calibration.feeding import calibration_batches
from exporter.calibration.images import read_calibration
from exporter.convert import ConversionSettings, convert
from netzoo.data.sets._photographs import package_folder
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.onnxfiles.model import read_model, sha256_of
from sizewise.core.specs import ExportedModel, Preprocessing, Sizes

NAME = "engines-quantizers-text"
OUT = METHOD.parent / "quantizers" / "text"
MODEL = MODELS[0]
SIZES = Sizes.parse("320,480,640")
DRAWN = {"train": 24, "val": 12}
OURS_BY: dict[str, tuple[str, int]] = {
    OURS: ("minmax", 7),
    OURS_AUTO: ("auto", 7),
    OURS_8: ("minmax", 8),
}
"""How ranges become scales, and the bits of weights."""
SHOWN_AS = Preprocessing(order="bgr", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""As rapidocr does it."""
TEXT = 0.3
"""Above which rapidocr takes a pixel for text."""
Arrays = Sequence[NDArray[Any]]


def main() -> None:
    started = now()
    for part, count in DRAWN.items():
        draw_texts(OUT / part, part, count)  # type: ignore[arg-type]
    shutil.copy(package_folder("skimage") / "data" / "page.png", OUT / "val")
    parent, source = _parent(), str(OUT / "train")
    made = {name: _our_file(parent, source, name) for name in OURS_BY}
    ours = made[OURS]
    files = {FP32: parent} | made | others(parent, ours, source)
    with ExitStack() as held:
        calls = dict(engines(files, SIZES, OUT / "engines", held))
        sizes = {str(size): _errors(ours, Sizes((size,)), calls) for size in SIZES}
    record = {
        "started": started,
        "ended": now(),
        "model": codec.to_plain(MODEL),
        "pictures": DRAWN,
        "calibration": {n: codec.to_plain(calibration_of(file)) for n, file in made.items()},
        "files": {name: codec.to_plain(file.card.deviations) for name, file in made.items()},
        "sizes": sizes,
    }
    write_record(NAME, origin() | record)


def _our_file(parent: ExportedModel, source: str, name: str) -> ExportedModel:
    """As ``sizewise export`` makes it."""
    method, bits = OURS_BY[name]
    path = parent.path.with_suffix(f".{method}-{bits}.onnx")
    if path.exists():
        return read_model(path)
    settings = ConversionSettings(
        images=read_calibration(source),
        sizes=SIZES,
        check_sizes=SIZES,
        method=method,
        weight_bits=bits,
    )
    return convert(parent, "int8", path, settings=settings, progress=console.reporter())


def _parent() -> ExportedModel:
    """The package's own file, with how it takes pictures. Raises SystemExit where it is another
    one."""
    package, _, inside = MODEL.member.partition("/")
    OUT.mkdir(parents=True, exist_ok=True)
    path = Path(shutil.copy(package_folder(package) / inside, OUT))
    if sha256_of(path) != MODEL.sha256:
        raise SystemExit(f"{path} is not that of {MODEL.package}")
    model = read_model(path)
    return replace(model, card=replace(model.card, preprocessing=SHOWN_AS))


def _errors(
    ours: ExportedModel, sizes: Sizes, calls: Mapping[str, Call]
) -> dict[str, dict[str, float]]:
    """Of each engine: the root mean square of the error over that of FP32's values, and the IoU of
    what is text with what FP32 takes for it; both over all pictures."""
    images = read_calibration(str(OUT / "val"))
    batches = list(calibration_batches(images, sizes, ours, each=True))
    name = ours.image.tensor.name

    def outputs(call: Call) -> Arrays:
        return [next(iter(call(given[name]).values())).copy() for _, given in batches]

    found = {engine: outputs(call) for engine, call in calls.items()}
    return {
        engine: _beside(found[f"{engine.partition(', ')[0]}, {FP32}"], given)
        for engine, given in found.items()
    }


def _beside(fp32: Arrays, given: Arrays) -> dict[str, float]:
    error = sum(float(np.square(a - b).sum()) for a, b in zip(fp32, given, strict=True))
    values = sum(float(np.square(a).sum()) for a in fp32)
    both = sum(int(((a > TEXT) & (b > TEXT)).sum()) for a, b in zip(fp32, given, strict=True))
    either = sum(int(((a > TEXT) | (b > TEXT)).sum()) for a, b in zip(fp32, given, strict=True))
    return {"relative_error": (error / values) ** 0.5, "text_iou": both / max(either, 1)}


if __name__ == "__main__":
    main()
