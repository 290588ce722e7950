"""The table of speeds in docs/training.md (python -m docs.make.training.page), of the record that
docs.make.training.measure writes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from docs.make.method.records import MISSING, read_record
from docs.make.pages import HOUSE, fill, grid
from docs.make.training.measure import NAME
from docs.make.training.speeds import LEAST_SHARE, LEAST_TIMES, NETWORK

PAGE = HOUSE / "docs" / "training.md"


def main() -> None:
    fill(PAGE, {"speeds": speeds})


def speeds() -> Sequence[str]:
    """Both claims with what was measured."""
    record = read_record(NAME)
    if record is None:
        return MISSING
    environment, cores = record["environment"], record["consumer"]["cores"]
    consumed = cores * _median(record["consumer"]["turns"])
    rows = [
        (f"`--augment {preset}`", f"{speed:.0f}", f"{speed / consumed:.1f}")
        for preset, turns in record["loader"].items()
        for speed in [_median(turns)]
    ]
    loads, shares = record["load_averages"], _shares(record["loop"])
    return [
        f"Measured on {environment['cpu']} with {cores} cores. Its load was {min(loads):.1f} to "
        f"{max(loads):.1f}, so images are counted per second of CPU time. The loop of `train` has "
        f"{statistics.median(shares):.0%} of a bare loop's throughput over one batch in memory "
        f"(single turns {min(shares):.0%} to {max(shares):.0%}; {NETWORK} at 224, one thread; the "
        f"target is {LEAST_SHARE:.0%}). At 416 and its full width, "
        f"{NETWORK} consumes {consumed:.1f} images a second where {cores} cores work on it. One "
        "core loads JPEG files of 640×480, each decoded anew (the target is "
        f"{LEAST_TIMES:g} times what is consumed):",
        "",
        *grid(("changes", "images/s of one core", "times what is consumed"), rows),
        "",
        "A GPU may consume more than one core loads, and then needs several workers: not measured.",
    ]


def _median(turns: Sequence[Mapping[str, Any]]) -> float:
    return statistics.median(turn["images"] / turn["cpu_s"] for turn in turns)


def _shares(loop: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[float]:
    pairs = zip(loop["ours"], loop["bare"], strict=True)
    return [
        (ours["images"] / ours["cpu_s"]) / (bare["images"] / bare["cpu_s"]) for ours, bare in pairs
    ]


if __name__ == "__main__":
    main()
