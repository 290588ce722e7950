"""What int8 costs trained networks in accuracy, through engines: ours beside other quantizers
(python -m docs.make.quantizers.accuracy [NETWORK…]).

Needs NNCF (``pip install nncf``). Networks are trained where they are not there, and each is stored
when it is done, so the same command goes on; name those to be measured anew. The claims, of each
network in each library: over all sizes our int8 loses 0.3 points at most by the mean, and at no
size does the interval of the loss lie wholly above 0.7.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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
METRICS = {"detection": "ap50", "segmentation": "miou"}
_ENDS = (0.025, 0.975)
Found = Mapping[str, Evidence]
"""What is known of each image, by engine."""


def main() -> None:
    record = read_record(NAME) or _begun()
    data = open_dataset(DATA, "val")
    for name in sys.argv[1:] or [one for one in RECIPES if one not in record["networks"]]:
        record["networks"][name] = _measured(name, data)
        write_record(NAME, record | {"ended": now()})


def _begun() -> dict[str, Any]:
    return origin() | {"started": now(), "planned": list(RECIPES), "networks": {}}


def _measured(name: str, data: Dataset) -> dict[str, Any]:
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
        found = [_evidence(parent, data, size, calls) for size in SIZES]
    return {
        "parameters": parent.card.parameters,
        "recipe": codec.to_plain(RECIPES[name]),
        "calibration": codec.to_plain(calibration_of(ours)),
        "images": len(data.images),
        "metric": metric,
        "sizes": {
            str(size): _scores(each, metric) for size, each in zip(SIZES, found, strict=True)
        },
        "mean": {engine: _mean_loss(found, engine, metric) for engine in found[0]},
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
    """The metric of each engine (0–1), and how much more FP32 has in the same library."""
    return {
        engine: {
            "score": one.resampled.of(metric).whole,
            "loss": codec.to_plain(accuracy_difference(found[_fp32(engine)], one, metric)),
        }
        for engine, one in found.items()
    }


def _mean_loss(found: Sequence[Found], engine: str, metric: str) -> dict[str, float]:
    """The mean loss over all sizes, and its interval: images are resampled alike at each."""
    losses = [
        each[_fp32(engine)].resampled.of(metric) - each[engine].resampled.of(metric)
        for each in found
    ]
    low, high = np.nanquantile(np.mean([one.resampled for one in losses], axis=0), _ENDS).tolist()
    return {"point": float(np.mean([one.whole for one in losses])), "low": low, "high": high}


def _fp32(engine: str) -> str:
    return f"{engine.partition(', ')[0]}, {FP32}"


if __name__ == "__main__":
    main()
