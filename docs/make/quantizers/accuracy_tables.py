"""What int8 costs trained networks in accuracy, for docs/engines.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from docs.make.engines.pages import MISSING, read_record
from docs.make.method.words import where
from docs.make.pages import grid
from docs.make.quantizers.quantized import FP32, NNCF, ORT, OURS, OURS_8
from docs.make.quantizers.running import LIBRARIES
from sizewise.core.stats import Interval

NAME = "quantizers-accuracy"
MOST, CASE = 0.3, 0.7
"""Points that may be lost by the mean over sizes, and beyond which no size may lie wholly."""
SHOWN = (
    *(f"openvino, {name}" for name in (OURS, OURS_8, NNCF)),
    *(f"onnxruntime, {name}" for name in (OURS, OURS_8, ORT)),
)
_TITLES = {"ap50": "AP50", "miou": "mIoU"}
_POINT = 0.01
Network = Mapping[str, Any]


def quantizers_accuracy() -> list[str]:
    """The claims, and a table of all networks."""
    record = read_record(NAME)
    if not record or not record["networks"]:
        return [MISSING]
    networks: Mapping[str, Network] = record["networks"]
    claims = [_claim(library, networks) for library in LIBRARIES]
    left = list(_not_measured(record))
    claims += [f"- Not measured yet: {'; '.join(left)}."] if left else []
    rows = [list(_row(name, network)) for name, network in networks.items()]
    headers = ("network", "sizes", "FP32", *SHOWN)
    return [*claims, "", *grid(headers, rows), "", where(record)]


def mean_loss(network: Network, engine: str) -> float:
    """In points, over all sizes."""
    return fmean(_loss(each[engine]).point for each in network["sizes"].values())


def holds(network: Network, engine: str) -> bool:
    """Whether the network loses little enough in an engine, by the mean and at each size."""
    lows = [_loss(each[engine]).low or 0.0 for each in network["sizes"].values()]
    return mean_loss(network, engine) <= MOST and max(lows) <= CASE


def _not_measured(record: Mapping[str, Any]) -> Iterator[str]:
    for name in record["planned"]:
        known = record["networks"].get(name, {"sizes": {}})["sizes"]
        if left := [size for size in record["sizes"] if size not in known]:
            yield f"{name} at {', '.join(left)}" if known else name


def _claim(library: str, networks: Mapping[str, Network]) -> str:
    engine = f"{library}, {OURS}"
    failing = [name for name, network in networks.items() if not holds(network, engine)]
    answer = f"does not hold of {', '.join(failing)}" if failing else "holds of every network"
    return (
        f"- {library}: the claim {answer}: our int8 loses at most {MOST:g} points by the mean over "
        f"sizes, and at no size does the interval of the loss lie wholly above {CASE:g}."
    )


def _row(name: str, network: Network) -> Iterator[str]:
    sizes = network["sizes"].values()
    yield f"{name}, {_TITLES[network['metric']]}"
    yield str(len(sizes))
    scores = [each[f"onnxruntime, {FP32}"]["score"] for each in sizes]
    yield f"{min(scores):.3f} to {max(scores):.3f}"
    for engine in SHOWN:
        worst = max((_loss(each[engine]) for each in sizes), key=lambda loss: loss.point)
        interval = f"{worst.low:.2f} to {worst.high:.2f}"
        yield f"{mean_loss(network, engine):.2f}; {worst.point:.2f} ({interval})"


def _loss(engine: Mapping[str, Any]) -> Interval:
    """In points."""
    return Interval(**engine["loss"]).times(1 / _POINT)
