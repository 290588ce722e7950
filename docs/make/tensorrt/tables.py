"""Put the tables into docs/tensorrt.md from the raw record in reports/measured (make tensorrt)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate
from statistics import geometric_mean
from typing import Any

from docs.make.pages import HOUSE, MEASURED, fill, grid
from sizewise.core import codec
from sizewise.core.machine.environment import Environment

PAGE = HOUSE / "docs" / "tensorrt.md"
RECORD = MEASURED / "tensorrt-builds.json"
MISSING = "Not measured yet: run `make tensorrt`."
MIB = 2**20
STRATEGIES = ("static", "dynamic", "profiles")
PRECISIONS = (
    *("fp32", "fp16", "bf16", "int8", "fp8"),
    *("int8+fp16", "int8+bf16", "fp8+fp16"),
)
CUMULATIVE = (("full", "yolov4-tiny", "fp16"), ("full", "multiscale/hierarchical", "fp16"))

Cell = dict[str, Any]
Key = tuple[str, str, str]
"""Width, network, precision."""


def main() -> None:
    fill(PAGE, TABLES)


def machine() -> list[str]:
    """Where the record was made."""
    if not RECORD.exists():
        return [MISSING]
    where = codec.from_plain(_record()["environment"], Environment)
    version = where.packages["tensorrt-rtx-cu13"]
    gpus = ", ".join(where.devices) or "no GPU"
    return [f"TensorRT for RTX {version}, {where.cpu}, {where.cores} cores, {gpus}."]


def builds() -> list[str]:
    """Of each strategy, all the engines that eight sizes take: seconds and MiB in sum."""
    if not RECORD.exists():
        return [MISSING]
    headers = ("network", "precision")
    for unit in ("s", "MiB"):
        headers += tuple(f"{_heading(s)}, {unit}" for s in STRATEGIES)
    return grid(headers, [_row(key, cells) for key, cells in _by_model().items()])


def ratios() -> list[str]:
    """Geometric means over the rows of what one engine takes of what the static ones take."""
    if not RECORD.exists():
        return [MISSING]
    models = list(_by_model().values())
    headers = ("", *map(_heading, STRATEGIES))
    figures = {"seconds": "build_s", "bytes": "size_bytes"}
    return grid(
        headers,
        [
            [name, *(f"{_mean(models, s, f):.2f}" for s in STRATEGIES)]
            for name, f in figures.items()
        ],
    )


def cumulative() -> list[str]:
    """Size by size: the static engines so far, beside one dynamic engine for all of them."""
    if not RECORD.exists():
        return [MISSING]
    headers = ["sizes so far"]
    columns = []
    for key in CUMULATIVE:
        cells = _by_model()[key]
        name = " ".join(_names(key))
        for strategy, figure, unit, text in (
            ("static", "build_s", 1.0, "s"),
            ("static", "size_bytes", MIB, "MiB"),
            ("dynamic", "build_s", 1.0, "s"),
            ("dynamic", "size_bytes", MIB, "MiB"),
        ):
            headers.append(f"{name}, {strategy}, {text}")
            columns.append(_running(cells, strategy, figure, unit))
    first = [f"{n}, to {size}" for n, size in enumerate(_static_sizes(), start=1)]
    return grid(headers, list(zip(first, *columns, strict=True)))


def memory() -> list[str]:
    """What the builder says that weights and one call at the largest size take, in MiB."""
    if not RECORD.exists():
        return [MISSING]
    headers = ("network", "precision", "weights", *(f"per call, {s}" for s in STRATEGIES))
    return grid(headers, [_memory_row(key, cells) for key, cells in _by_model().items()])


def _record() -> Any:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def _by_model() -> dict[Key, list[Cell]]:
    found: dict[Key, list[Cell]] = defaultdict(list)
    for cell in _record()["cells"]:
        found[cell["width"], cell["network"], cell["precision"]].append(cell)
    return dict(sorted(found.items(), key=lambda item: _place(item[0], list(found))))


def _place(key: Key, keys: list[Key]) -> tuple[int, int]:
    """Networks as they were measured, precisions from wide to narrow."""
    width, network, precision = key
    first = next(n for n, other in enumerate(keys) if other[:2] == (width, network))
    return first, PRECISIONS.index(precision)


def _heading(strategy: str) -> str:
    """How many engines of it there are for one model."""
    cells = next(iter(_by_model().values()))
    count = sum(cell["strategy"] == strategy for cell in cells)
    return f"{count} with profiles" if strategy == "profiles" else f"{count} {strategy}"


def _row(key: Key, cells: list[Cell]) -> list[str]:
    texts = [_text(cells, s, "build_s", 1.0) for s in STRATEGIES]
    texts += [_text(cells, s, "size_bytes", MIB) for s in STRATEGIES]
    return [*_names(key), *texts]


def _memory_row(key: Key, cells: list[Cell]) -> list[str]:
    built = [cell for cell in cells if cell.get("memory")]
    weights = max((cell["memory"]["weights_bytes"] for cell in built), default=0)
    return [*_names(key), f"{weights / MIB:.1f}", *(_call(built, s) for s in STRATEGIES)]


def _mean(models: Sequence[list[Cell]], strategy: str, figure: str) -> float:
    shares = [
        _total(cells, strategy, figure) / _total(cells, "static", figure)
        for cells in models
        if not any("reason" in cell for cell in cells)
    ]
    return geometric_mean(shares)


def _total(cells: list[Cell], strategy: str, figure: str) -> float:
    return float(sum(cell[figure] for cell in cells if cell["strategy"] == strategy))


def _running(cells: list[Cell], strategy: str, figure: str, unit: float) -> list[str]:
    """One number per size; an engine for all sizes takes the same from the first on."""
    own = [cell[figure] / unit for cell in cells if cell["strategy"] == strategy]
    sums = accumulate(own) if strategy == "static" else own * len(_static_sizes())
    return [f"{number:.1f}" for number in sums]


def _static_sizes() -> list[str]:
    cells = _by_model()[CUMULATIVE[0]]
    fixed = [cell["profiles"][0]["max"] for cell in cells if cell["strategy"] == "static"]
    return [f"{size['height']}×{size['width']}" for size in fixed]


def _names(key: Key) -> tuple[str, str]:
    width, network, precision = key
    return (network if width == "full" else f"{network}, {width}"), precision


def _text(cells: list[Cell], strategy: str, figure: str, unit: float) -> str:
    """Summed; a dash where one of them was not built."""
    own = [cell for cell in cells if cell["strategy"] == strategy]
    if any("reason" in cell for cell in own):
        return "–"
    return f"{sum(cell[figure] for cell in own) / unit:.1f}"


def _call(cells: list[Cell], strategy: str) -> str:
    own = [cell["memory"]["context_bytes"] for cell in cells if cell["strategy"] == strategy]
    return f"{max(map(max, own)) / MIB:.1f}" if own else "–"


TABLES: dict[str, Callable[[], Sequence[str]]] = {
    table.__name__: table for table in (machine, ratios, cumulative, builds, memory)
}

if __name__ == "__main__":
    main()
