"""What runs here: networks × precisions × back ends × strategies, each in what it really runs in,
or why it does not (python -m docs.make.engines.matrix [NETWORK ...]; none named: all).

Networks are narrow, with random weights: which operators there are decides, not how many channels.
An engine counts as running where it was built, its layers run in what the graph asks, and a call
gave finite numbers. Files, and engines that were built, are not made again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.timing.harness import warm_up
from docs.make.engines.files import OUT, all_precisions, export, in_precision, look
from docs.make.engines.pages import machine, write_record
from engines.base import Backend, example_input
from engines.registry import backends
from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from netzoo.zoo.network import networks
from sizewise.cli import console
from sizewise.core.errors import EngineError, ExportError, InputError
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size, Strategy

NARROW = ("--width", "0.25", "--depth", "0.34", "--classes", "2")
FUSIONS = ("average", "absi", "hierarchical")
SCALES = ("--scales", "0.5,1", "--width", "0.25")
LEFT_OUT = {
    "yolov2-voc": "with as many classes it is yolov2",
    "yolov4-p6": "it takes minutes to export, and has the operators of yolov4-p5",
    "yolov4-p7": "it takes minutes to export, and has the operators of yolov4-p5",
}
SMALLEST, LARGEST = Size(128, 128), Size(192, 192)
IMAGES = 8
SLOW = "torch_compile"
SLOW_FOR = ("yolov4-tiny", "multiscale/hierarchical")
"""Compiling takes half a minute or more."""
STRATEGIES: tuple[Strategy, ...] = ("static", "dynamic")


@dataclass(frozen=True)
class Reasons:
    """Each sentence once; cells hold its place."""

    sentences: dict[str, int] = field(default_factory=dict)

    def place(self, sentence: str) -> int:
        return self.sentences.setdefault(sentence, len(self.sentences))


def main() -> None:
    reasons, cells = Reasons(), []
    asked = sys.argv[1:] or _names()
    others = {name: "not asked for in this run" for name in _names() if name not in asked}
    for name in asked:
        cells += _of_network(name, reasons)
        record = machine() | {
            "left_out": LEFT_OUT | others,
            "slow": {"backend": SLOW, "networks": SLOW_FOR},
            "cells": cells,
            "reasons": list(reasons.sentences),
        }
        write_record("matrix", record)


def _names() -> list[str]:
    detectors = [n for n in networks() if n != "multiscale" and n not in LEFT_OUT]
    return [*detectors, *(f"multiscale/{fusion}" for fusion in FUSIONS)]


def _of_network(name: str, reasons: Reasons) -> Iterator[dict[str, Any]]:
    parent = export(name, OUT / "narrow", *(SCALES if "/" in name else NARROW))
    looks = look(f"{SMALLEST},{LARGEST}", f"{SMALLEST}", IMAGES)
    for precision in all_precisions():
        console.remark(f"{name} in {precision}")
        model: ExportedModel | ExportError = parent
        if precision != "fp32":
            try:
                model = in_precision(parent, precision, looks)
            except ExportError as error:
                model = error
        for backend, strategy in _engines(name):
            cell = _cell(model, backend, strategy, reasons)
            where = {"backend": backend.name, "strategy": strategy}
            yield {"network": name, "precision": precision} | where | cell


def _engines(name: str) -> Iterator[tuple[Backend, Strategy]]:
    for backend in backends().values():
        if not backend.for_tests and (backend.name != SLOW or name in SLOW_FOR):
            yield from ((backend, strategy) for strategy in STRATEGIES)


def _cell(
    model: ExportedModel | ExportError, backend: Backend, strategy: Strategy, reasons: Reasons
) -> dict[str, Any]:
    """What it runs in, or the code and the place of the reason."""
    try:
        if isinstance(model, ExportError):
            raise model
        artifact = obtain_engine(model, _spec(backend, strategy), OUT / "engines")
        _call(artifact)
    except (EngineError, ExportError, InputError) as error:
        sentence = f"{error.what}: {error.why}."
        return {"reason_code": error.reason_code, "reason": reasons.place(sentence)}
    return {"runs_in": artifact.achieved.summary}


def _spec(backend: Backend, strategy: Strategy) -> EngineSpec:
    fixed, spanning = Profile.fixed(SMALLEST), Profile.spanning((SMALLEST, LARGEST))
    return EngineSpec(
        backend=backend.name,
        strategy=strategy,
        profiles=(fixed if strategy == "static" else spanning,),
        graph_fusion=backend.default_graph_fusion,
        options=backend.options_type(),
    )


def _call(artifact: EngineArtifact) -> None:
    """Raises EngineError, also where what comes out is not finite."""
    shape = artifact.image.shape(artifact.spec.batch_size, SMALLEST)
    with open_engine(artifact) as session:
        session.bind({artifact.image.tensor.name: example_input(artifact, shape)})
        warm_up(session, 1)


if __name__ == "__main__":
    main()
