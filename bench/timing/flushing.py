"""Whether an engine takes another time where subnormal numbers are taken as zero.

It is compared with its twin: the same engine with that option, in a process of its own. Both have
turns as in a round, one after the other in random order. This is done once for a trial, beside the
rounds of its first wave, and only where the weights hold such numbers. In one process, two engines
would share what they differ in: threads of PyTorch keep the setting that they started with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from bench.planning.plan import Planned
from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from bench.waves.measured import median_ns
from engines.options import non_default_options
from engines.registry import find_backend
from engines.subnormals import FLUSH, flushed, subnormal_share
from sizewise.core.errors import EngineError, InferenceError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact
from sizewise.core.trials import Flushing, Trial

PAIRS = 7
"""Turns of each of the two. With all on one side, chance is at 2 in 2^7."""
NOTABLE_SHARE = 1e-4
"""Of the weights. A product with one of them may take a hundred times as long, and all 8 or 16 in a
register wait for it."""


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The engine of a trial with subnormal numbers taken as zero, which are ``share`` of the
    model's weights."""

    engine: EngineArtifact
    share: float


def twin_of(planned: Planned) -> Planned | None:
    """The same trial with subnormal numbers taken as zero; None where the weights hold few, or the
    back end can't do that or does it already."""
    trial = planned.trial
    spec = flushed(trial.spec, find_backend(trial.spec.backend).options_type)
    if spec is None or share_of(planned) < NOTABLE_SHARE:
        return None
    cell = replace(trial.cell, options=non_default_options(spec.options))
    return replace(planned, trial=replace(trial, cell=cell, spec=spec))


def share_of(planned: Planned) -> float:
    """The share of subnormal numbers among the weights of a trial's model, 0–1."""
    return _share(planned.model.path, planned.model.sha256)


@cache
def _share(path: Path, sha256: str) -> float:
    del sha256  # of another file at the same path
    return subnormal_share(path)


def compare(
    engine: RemoteWorker, open_twin: Callable[[], RemoteWorker], turn: Turn, chance: Random
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The median call of each turn of ``engine`` and of its twin, in nanoseconds and in pairs.

    Raises what the engine raises, and InferenceError where the twin fails.
    """
    with _naming_the_twin():
        twin = open_twin()
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(PAIRS):
        for is_twin in chance.sample([False, True], 2):
            if is_twin:
                with _naming_the_twin():
                    found[True].append(median_ns(twin.measure(turn)))
            else:
                found[False].append(median_ns(engine.measure(turn)))
    return tuple(found[False]), tuple(found[True])


@contextmanager
def _naming_the_twin() -> Iterator[None]:
    """Say that it was the twin that failed: the engine itself stands."""
    try:
        yield
    except EngineError as error:
        raise InferenceError(
            "The engine that takes subnormal numbers as zero could not be measured",
            str(error),
            "Measure it by itself, with flush_subnormals=true.",
        ) from error


def remark_on(trial: Trial, found: Flushing | None) -> str:
    """A sentence where flushing matters, with what to do; empty where it does not."""
    if found is None or not found.matters:
        return ""
    cell = trial.cell
    return (
        f"{cell.network} {cell.backend} {cell.strategy} {cell.size}: a call takes "
        f"{found.flushed_ms:.3g} ms where subnormal numbers are taken as zero, instead of "
        f"{found.as_is_ms:.3g} ms ({100 * found.share:.2g} % of the weights are such numbers). "
        f"Give {spelled('options')} {FLUSH}=true to have it so, and check the accuracy."
    )
