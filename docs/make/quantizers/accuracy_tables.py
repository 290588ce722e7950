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
    left = dict(_not_measured(record))
    claims = [_claim(library, networks, left) for library in LIBRARIES]
    if left:
        missing = "; ".join(f"{name}{sizes}" for name, sizes in left.items())
        claims.append(f"- Not measured yet: {missing}.")
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


def _not_measured(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Networks, each with its sizes where it has others."""
    for name in record["planned"]:
        known = record["networks"].get(name, {"sizes": {}})["sizes"]
        if left := [size for size in record["sizes"] if size not in known]:
            yield name, f" at {', '.join(left)}" if known else ""


def _claim(library: str, networks: Mapping[str, Network], left: Mapping[str, str]) -> str:
    engine = f"{library}, {OURS}"
    above = [name for name, network in networks.items() if not holds(network, engine)]
    failing = [name for name in above if name not in left]
    answer = "is not shown to hold" if left else "holds of every network"
    if failing:
        answer = f"does not hold of {', '.join(failing)}"
    early = [name for name in above if name in left]
    more = f" At the sizes measured so far, above it: {', '.join(early)}." if early else ""
    return (
        f"- {library}: the claim {answer}: our int8 loses at most {MOST:g} points by the mean over "
        f"sizes, and at no size does the interval of the loss lie wholly above {CASE:g}.{more}"
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
