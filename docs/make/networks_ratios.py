"""How networks of docs/networks.md were measured, and the ratios of their back ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from bench.planning.protocol import Protocol
from reports.rows.grouping import grouped
from reports.text.verdicts import DISTURBED, ratio_text
from reports.text.words import counted, listed, percent
from sizewise.core.specs import Size
from sizewise.core.stats import RIGORS, contrast, wander
from sizewise.core.trials import Result, Run

_REASONS = {
    "stopped": "the watch for stops waited for more than a second",
    "load": "other programs ran",
    "drift": "the anchor drifted",
}
_WATCH = (
    " With real-time priority, that watch waits for the engines' own threads: it is no sign of "
    "another program."
)
Key = tuple[str, Size]
"""Network and size."""


def how(results: Sequence[Result]) -> str:
    """Processes, rounds and calls, counted in the samples, beside what sizewise does by default;
    empty where nothing was measured."""
    blocks = [block for result in results for block in result.blocks]
    if not blocks:
        return ""
    waves = [len({block.wave for block in result.blocks}) for result in results if result.blocks]
    rounds = [
        len({block.round for block in own})
        for result in results
        for own in grouped(result.blocks, lambda block: block.wave).values()
    ]
    warm = [len(block.warm_ns) for block in blocks]
    cold = [block.cold for block in blocks]
    usual, least = Protocol(), RIGORS["standard"].min_waves
    return (
        f"Each engine was measured in {_range(waves, 'process')} of {_range(rounds, 'round')}, in "
        f"turns of {_range(warm, 'warm call')} after {_range(cold, 'cold call')}. By default it "
        f"would be {least} processes or more, {usual.rounds} rounds and {usual.block_calls} calls "
        "or more; the large networks take seconds for a call."
    )


def wandered(runs: Iterable[Run]) -> str:
    """By how much milliseconds wandered; empty where that was little, or is not known."""
    found = [one for run in runs if (one := wander(run.results)) is not None and one.much]
    if not found:
        return ""
    shares = dict.fromkeys(percent(one.share) for one in found)
    return (
        f"Milliseconds wandered by {listed(shares)} (standard deviation over rounds) while this "
        "ran. So take the ratios of back ends below, and these milliseconds as a rough "
        "guide."
    )


def marked(results: Iterable[Result]) -> str:
    """Why turns are marked, and what else ran meanwhile; empty where none is."""
    blocks = [block for result in results for block in result.blocks]
    counts = Counter(reason for block in blocks for reason in block.disturbed)
    if not counts:
        return ""
    reasons = listed(f"{_REASONS.get(name, name)} ({n:,})" for name, n in counts.most_common())
    load = percent(median(block.load for block in blocks))
    return (
        f"Marks of {len(blocks):,} turns: {reasons}. Other programs took {load} of the cores "
        f"(median).{_WATCH if 'stopped' in counts else ''}"
    )


def ratios(results: Iterable[Result], backends: tuple[str, str]) -> dict[Key, str]:
    """The latency of the first back end over that of the second, where both have one, by the rounds
    that they had in common."""
    found = {}
    measured = [result for result in results if result.blocks]
    for size, group in grouped(measured, lambda result: result.trial.cell.size).items():
        for name, own in grouped(group, lambda result: result.trial.cell.network).items():
            known = {result.trial.cell.backend: result for result in own}
            if all(backend in known for backend in backends):
                ours, theirs = (known[backend] for backend in backends)
                ratio = contrast(ours, theirs, group)
                mark = DISTURBED if ratio.disturbed else ""
                found[name, size] = ratio_text(ratio, places=2) + mark
    return found


def _range(counts: Sequence[int], noun: str) -> str:
    """``3 processes``, or ``from 2 to 5 calls``."""
    low, high = min(counts), max(counts)
    return counted(high, noun) if low == high else f"{low} to {counted(high, noun)}"
