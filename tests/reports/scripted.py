"""Results whose latencies and accuracies are what the test says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from sizewise.core.evidence import MaskEvidence, write_evidence
from sizewise.core.trials import Accuracy, Result

PIXELS = 1000
"""Of objects in an image, and as many of background."""


def slower(result: Result, factors: ArrayLike) -> Result:
    """``result`` with the calls of each process taking so many times as long."""
    waves = list(dict.fromkeys(block.wave for block in result.blocks))
    by_wave = dict(zip(waves, np.broadcast_to(factors, len(waves)).tolist(), strict=True))
    blocks = tuple(
        replace(b, latency_ns=tuple(round(by_wave[b.wave] * ns) for ns in b.latency_ns))
        for b in result.blocks
    )
    return replace(result, blocks=blocks)


def steady(result: Result, ms: ArrayLike) -> Result:
    """``result`` with calls of so many milliseconds, in each process."""
    flat = tuple(
        replace(block, latency_ns=(1_000_000,) * len(block.latency_ns)) for block in result.blocks
    )
    return slower(replace(result, blocks=flat), ms)


def crowded(result: Result, share: float = 0.9) -> Result:
    """``result`` measured while others took this share of the cores."""
    blocks = (replace(block, taken=share, disturbed=("load",)) for block in result.blocks)
    return replace(result, blocks=tuple(blocks))


def masked(result: Result, shares: ArrayLike) -> Result:
    """``result`` with the masks of an engine that finds so much of the object in each image."""
    hits = np.round(np.clip(shares, 0, 1) * PIXELS).astype(np.int64)
    count = len(hits)
    evidence = MaskEvidence(
        count=count,
        images="these",
        true_background=np.full(count, PIXELS),
        false_alarms=np.zeros(count, np.int64),
        misses=PIXELS - hits,
        hits=hits,
        deviation=(PIXELS - hits).astype(np.float64),
    )
    found = evidence.metrics(np.ones((1, count)))
    accuracy = Accuracy(
        images=count,
        data_sha256="d" * 64,
        miou=float(found["miou"][0]),
        f_measure=float(found["f_measure"][0]),
        mae=float(found["mae"][0]),
        evidence=write_evidence(evidence),
    )
    return replace(result, accuracy=accuracy)
