"""What building costs: seconds and bytes of every engine that eight sizes take, networks ×
precisions × strategies (make tensorrt). No GPU is needed for TensorRT for RTX.

Run it where nothing else runs: seconds are taken once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docs.make.engines.files import OUT, all_precisions, export, full_width, in_precision, look
from docs.make.engines.matrix import IMAGES, NARROW, SCALES
from docs.make.engines.pages import machine
from docs.make.pages import MEASURED
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.store.cache import obtain_engine
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.errors import EngineError, ExportError
from sizewise.core.files import written_whole
from sizewise.core.options.declared import fill
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel

BACKEND = "tensorrt_rtx"
SIZES = "224:448:32"
STRATEGIES = ("static", "dynamic", "profiles")
NETWORKS = (
    "yolov3-tiny",
    "yolov4-tiny",
    "yolov3",
    "yolov4-csp",
    "multiscale/hierarchical",
    "multiscale/absi",
)
"""Narrow: a quarter of the channels."""
FULL = ("yolov4-tiny", "multiscale/hierarchical")
"""At full width as well."""
RECORD = MEASURED / "tensorrt-builds.json"


def main() -> None:
    cells: list[dict[str, Any]] = []
    for width, name, model in _models():
        cells += [{"network": name, "width": width} | cell for cell in _of_model(model)]
        record = machine() | {"backend": BACKEND, "sizes": SIZES, "cells": cells}
        with written_whole(RECORD) as draft:
            draft.write_text(f"{codec.to_json(record)}\n", encoding="utf-8")


def _models() -> Iterator[tuple[str, str, ExportedModel]]:
    for name in NETWORKS:
        parent = export(name, OUT / "narrow", *(SCALES if "/" in name else NARROW))
        looks = look("128,192", "128", IMAGES)
        for precision in all_precisions():
            try:
                narrow = precision != "fp32"
                yield "narrow", name, in_precision(parent, precision, looks) if narrow else parent
            except ExportError as error:
                console.remark(str(error))
    for name in FULL:
        for model in full_width(name).values():
            yield "full", name, model


def _of_model(model: ExportedModel) -> Iterator[dict[str, Any]]:
    axes = {"backends": BACKEND, "strategies": STRATEGIES, "sizes": SIZES}
    specs = engine_specs((fill(EngineAxes, axes),))
    label = f"{model.card.stem} {model.card.precision}"
    with console.reporter().stage(label, len(specs)) as stage, TemporaryDirectory() as scratch:
        for spec in specs:
            yield {"precision": model.card.precision} | record_build(model, spec, Path(scratch))
            stage.advance(note=spec.strategy)


def record_build(model: ExportedModel, spec: EngineSpec, folder: Path) -> dict[str, Any]:
    """The engine's figures; it is not kept."""
    sizes = {"strategy": spec.strategy, "profiles": codec.to_plain(spec.profiles)}
    try:
        artifact = obtain_engine(model, spec, folder)
    except EngineError as error:
        return sizes | {"reason": str(error)}
    shutil.rmtree(artifact.path)
    return sizes | _figures(artifact)


def _figures(artifact: EngineArtifact) -> dict[str, Any]:
    memory = asdict(artifact.memory) if artifact.memory else None
    return {
        "build_s": artifact.build_s,
        "size_bytes": artifact.size_bytes,
        "memory": memory,
    }


if __name__ == "__main__":
    main()
