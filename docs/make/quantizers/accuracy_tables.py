"""What int8 costs trained networks in accuracy, for docs/engines.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docs.make.engines.pages import MISSING, read_record
from docs.make.method.words import where
from docs.make.pages import grid
from docs.make.quantizers.quantized import FP32, NNCF, ORT, ORT_DECODE, OURS, OURS_8
from docs.make.quantizers.running import LIBRARIES
from sizewise.core.stats import Interval

NAME = "quantizers-accuracy"
MOST, CASE = 0.3, 0.7
"""Points that may be lost by the mean over sizes, and beyond which no size may lie wholly."""
SHOWN = (
    *(f"openvino, {name}" for name in (OURS, OURS_8, NNCF)),
    *(f"onnxruntime, {name}" for name in (OURS, OURS_8, ORT, ORT_DECODE)),
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
    left = [name for name in record["planned"] if name not in networks]
    claims = [_claim(library, networks) for library in LIBRARIES]
    claims += [f"- not measured yet: {', '.join(left)}"] if left else []
    rows = [list(_row(name, network)) for name, network in networks.items()]
    return [*claims, "", *grid(("network", "FP32", *SHOWN), rows), "", where(record)]


def holds(network: Network, engine: str) -> bool:
    """Whether the network loses little enough in an engine, by the mean and at each size."""
    above = [
        size for size, each in network["sizes"].items() if (_loss(each[engine]).low or 0.0) > CASE
    ]
    return _interval(network["mean"][engine]).point <= MOST and not above


def _claim(library: str, networks: Mapping[str, Network]) -> str:
    engine = f"{library}, {OURS}"
    failing = [name for name, network in networks.items() if not holds(network, engine)]
    answer = f"does not hold of {', '.join(failing)}" if failing else "holds of every network"
    return (
        f"- {library}: the claim {answer}: our int8 loses at most {MOST:g} points by the mean over "
        f"sizes, and at no size does the interval of the loss lie wholly above {CASE:g}."
    )


def _row(name: str, network: Network) -> Iterator[str]:
    yield f"{name}, {_TITLES[network['metric']]}"
    scores = [each[f"openvino, {FP32}"]["score"] for each in network["sizes"].values()]
    yield f"{min(scores):.3f} to {max(scores):.3f}"
    for engine in SHOWN:
        mean = _interval(network["mean"][engine])
        worst = max(_loss(each[engine]).point for each in network["sizes"].values())
        yield f"{mean.point:.2f} ({mean.low:.2f} to {mean.high:.2f}); {worst:.2f}"


def _loss(engine: Mapping[str, Any]) -> Interval:
    return _interval(engine["loss"])


def _interval(plain: Mapping[str, float]) -> Interval:
    """In points."""
    return Interval(**plain).times(1 / _POINT)
