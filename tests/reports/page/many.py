"""A page of thousands of records, made without measuring or judging anything."""

from __future__ import annotations

import random
from typing import Any

from reports.text.grid import grid

BACKENDS = ("onnxruntime", "openvino", "torch_eager", "tensorrt")
STRATEGIES = ("dynamic", "static")


def points(count: int) -> list[dict[str, Any]]:
    """Records as ``reports.page.points`` gives them; the same each time."""
    rng = random.Random(0)
    return [_point(number, rng) for number in range(count)]


def _point(number: int, rng: random.Random) -> dict[str, Any]:
    side = 128 + 32 * rng.randrange(20)
    latency = side**2 / 10_000 * rng.uniform(0.5, 3)
    score = 0.6 - 30 / side + rng.uniform(-0.02, 0.02)
    backend, strategy = BACKENDS[number % 4], STRATEGIES[number % 2]
    return {
        "id": number,
        "engine": f"{backend} {strategy} #{number}",
        "backend": backend,
        "strategy": strategy,
        "size": f"{side}×{side}",
        "precision": "fp32",
        "latency": latency,
        "low": latency * 0.98,
        "high": latency * 1.02,
        "score": score,
        "score_low": score - 0.01,
        "score_high": score + 0.01,
        "memory": 100.0 + side,
        "rate": 1000 / latency,
        "calls": 500,
        "disturbed": "",
    }


def steps(known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A decision from each record on that is more accurate than all faster ones."""
    found, best = [], -1.0
    for point in sorted(known, key=lambda one: float(one["latency"])):
        if point["score"] > best:
            best = point["score"]
            said = [f"Ship {point['engine']}."]
            found.append({"from_ms": point["latency"], "ids": [point["id"]], "said": said})
    return found


def markdown(known: list[dict[str, Any]]) -> str:
    """A report with one long table."""
    cells = [
        [p["engine"], p["size"], f"{p['latency']:.3f} ({p['low']:.3f}–{p['high']:.3f})", "0.5"]
        for p in known
    ]
    table = grid(["engine", "size (H×W)", "latency (ms)", "AP"], cells, texts=2)
    return f"# many on one\n\n1. Ship it.\n\n## Overview\n\n{table}\n"
