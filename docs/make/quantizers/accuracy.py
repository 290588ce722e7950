"""What int8 costs trained networks in accuracy, through engines: ours beside other quantizers
(python -m docs.make.quantizers.accuracy [NETWORK…]).

Needs NNCF (``pip install nncf``). Networks are trained where they are not there. Each size of each
network is stored when it is done, so the same command goes on, and so do several at a time, of
different networks. The claims, of each network in each library: over all sizes our int8 loses 0.3
points at most by the mean, and at no size does the interval of the loss lie wholly above 0.7.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import product
from typing import Any

import numpy as np

from bench.accuracy.engine import find_evaluator
from docs.make.method.records import now, origin, read_record, write_record
from docs.make.quantizers.quantized import FP32, OURS, OURS_8, calibration_of, others, our_file
from docs.make.quantizers.running import Call, engines
from docs.make.quantizers.trained import DATA, OUT, RECIPES, trained
from netzoo.data.coco.dataset import Dataset
from netzoo.data.sources import open_dataset
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.task import Evaluator
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.evidence import Evidence, accuracy_difference
from sizewise.core.pictures.arrays import as_input
from sizewise.core.specs import ExportedModel, Size, Sizes

NAME = "engines-quantizers-accuracy"
SIZES = Sizes.parse("128,192,256,320,384,448")
ORDER = Sizes.parse("256,128,448,320,192,384")
"""So that what is there after a while tells of all networks, small and large."""
METRICS = {"detection": "ap50", "segmentation": "miou"}
REFERENCE = f"onnxruntime, {FP32}"
Found = Mapping[str, Evidence]
"""What is known of each image, by engine."""


def main() -> None:
    data = open_dataset(DATA, "val")
    for size, name in product(ORDER, sys.argv[1:] or RECIPES):
        if str(size) in _record()["networks"].get(name, {"sizes": {}})["sizes"]:
            continue
        found = _measured(name, size, data)
        record = _record()  # others may have added to it
        known = record["networks"].setdefault(name, found | {"sizes": {}})
        known["sizes"] |= found["sizes"]
        write_record(NAME, record | {"ended": now()})


def _record() -> dict[str, Any]:
    begun = {"started": now(), "planned": list(RECIPES), "sizes": list(map(str, SIZES))}
    found: dict[str, Any] = read_record(NAME) or origin() | begun | {"networks": {}}
    return found


def _measured(name: str, size: Size, data: Dataset) -> dict[str, Any]:
    parent = trained(name)
    ours = our_file(parent, DATA)
    files = {
        FP32: parent,
        OURS: ours,
        OURS_8: our_file(parent, DATA, ("--weight-bits", "8"), "int8-8-bits"),
    } | others(parent, ours, DATA)
    metric = METRICS[parent.card.task]
    with ExitStack() as held:
        calls = dict(engines(files, SIZES, OUT / "engines", held))
        del calls[f"openvino, {FP32}"]  # the same numbers
        found = _evidence(parent, data, size, calls)
    return {
        "parameters": parent.card.parameters,
        "recipe": codec.to_plain(RECIPES[name]),
        "calibration": codec.to_plain(calibration_of(ours)),
        "images": len(data.images),
        "metric": metric,
        "sizes": {str(size): _scores(found, metric)},
    }


def _evidence(parent: ExportedModel, data: Dataset, size: Size, calls: Mapping[str, Call]) -> Found:
    """Each picture is read and fitted once for all engines."""
    card = parent.card
    console.remark(f"Evaluating {parent.path.stem} at {size}")
    evaluators: dict[str, Evaluator] = {name: find_evaluator(card, data) for name in calls}
    for image in data.images:
        picture = image.read()
        fitted = Letterbox.fit(Size(*picture.shape[:2]), size, keep_shape=card.letterbox)
        given = as_input(fitted.apply(picture), parent.image, card.preprocessing)[np.newaxis]
        for name, call in calls.items():
            evaluators[name].add(image, fitted, call(given))
    return {name: one.evidence() for name, one in evaluators.items()}


def _scores(found: Found, metric: str) -> dict[str, Any]:
    """The metric of each engine (0–1), and how much more FP32 has."""
    return {
        engine: {
            "score": one.resampled.of(metric).whole,
            "loss": codec.to_plain(accuracy_difference(found[REFERENCE], one, metric)),
        }
        for engine, one in found.items()
    }


if __name__ == "__main__":
    main()
