"""How often intervals of accuracy hold the truth, by the model of a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from sizewise.core.evidence import accuracy_difference, accuracy_interval, is_tie
from sizewise.core.stats.intervals import Interval
from tests.sizewise.core.evidence.scenes import detect, scene

CLASSES = 10
RATES = np.full(CLASSES, 0.55)
"""As in the built-in digits: 3 to 8 of ten classes."""
SKILLS = (1.0, 1.3)
"""Of two detectors that differ."""


def coverage(
    images: int,
    repeats: int,
    *,
    seed: int | None = None,
    truth: Sequence[Mapping[str, float]] = (),
) -> dict[str, dict[str, int]]:
    """By metric, how often the truth lies in the interval of an accuracy and of a difference, and
    how often an engine ties with its equal; of so many ``repeats``. ``truth`` is that of both
    detectors, :func:`true_metrics` without it, which takes a minute or two."""
    random = np.random.default_rng(images if seed is None else [seed, images])
    truth = truth or [true_metrics(skill) for skill in SKILLS]
    hits = {metric: np.zeros(3, np.int64) for metric in truth[0]}
    for _ in range(repeats):
        seen = scene(random, images, RATES)
        one, other = (detect(random, seen, CLASSES, skill=skill) for skill in SKILLS)
        equal = detect(random, seen, CLASSES, skill=SKILLS[0])
        for metric in hits:
            apart = truth[0][metric] - truth[1][metric]
            hits[metric] += (
                covered(accuracy_interval(one, metric), truth[0][metric]),
                covered(accuracy_difference(one, other, metric), apart),
                is_tie(accuracy_difference(one, equal, metric)),
            )
    names = ("accuracy", "difference", "tie")
    return {m: dict(zip(names, map(int, found), strict=True)) for m, found in hits.items()}


def covered(interval: Interval, truth: float) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= truth <= interval.high


@cache
def true_metrics(skill: float, images: int = 40_000) -> Mapping[str, float]:
    """Over very many images."""
    parts = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        evidence = detect(random, scene(random, images, RATES), CLASSES, skill=skill)
        parts.append(evidence.metrics(np.ones((1, evidence.count))))
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
