"""The table of how much faster one precision or back end is than another, over all networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docs.make.engines.pages import MISSING, read_record
from docs.make.engines.speed_tables import DEFAULT, Engine, all_results
from reports.text.grid import grid
from sizewise.core.stats import contrast
from sizewise.core.trials import Result

INT8, BF16, BOTH = (("openvino", "static", name) for name in ("int8", "bf16", "int8+bf16"))
CLAIMS: dict[str, tuple[Engine, Engine]] = {
    "int8 in OpenVINO, over fp32 in ONNX Runtime": (INT8, DEFAULT),
    "bf16 in OpenVINO, over fp32 in ONNX Runtime": (BF16, DEFAULT),
    "int8 in ONNX Runtime, over its fp32": (("onnxruntime", "static", "int8"), DEFAULT),
    "int8 in OpenVINO, over int8 in ONNX Runtime": (INT8, ("onnxruntime", "static", "int8")),
    "int8 in OpenVINO, over its bf16": (INT8, BF16),
    "int8+bf16 in OpenVINO, over its int8": (BOTH, INT8),
}
"""Which engine is held against which."""
KINDS: dict[str, Callable[[str], bool]] = {
    "detectors": lambda network: not network.startswith("multiscale"),
    "multiscale": lambda network: network.startswith("multiscale"),
}


def ranges() -> list[str]:
    """A row for each claim: the least and the most over networks and sizes."""
    record = read_record("speed")
    if record is None:
        return [MISSING]
    found = all_results(record)
    rows = []
    for claim, pair in CLAIMS.items():
        by_kind: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for (network, _), results in found.items():
            ratio = _times(results, *pair)
            if ratio is not None:
                (kind,) = (kind for kind, holds in KINDS.items() if holds(network))
                by_kind[kind].append(ratio)
        rows.append([claim, *map(_range, by_kind.values())])
    return [grid(["how many times as fast", *KINDS], rows, texts=1)]


def _times(results: Mapping[Engine, Result], one: Engine, base: Engine) -> float | None:
    own, other = results.get(one), results.get(base)
    if own is None or other is None or own.status != "ok" or other.status != "ok":
        return None
    return contrast(other, own, results.values()).ratio


def _range(ratios: list[float]) -> str:
    return f"{min(ratios):.2f}–{max(ratios):.2f}" if ratios else "–"
