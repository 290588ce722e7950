"""What watched the machine meanwhile: the anchor, and the gate that sent rounds back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reports.columns import Row
from reports.text.disturbances import counted_codes
from reports.text.words import counted, listed
from sizewise.core.trials import Block
from sizewise.core.trials.disturbances import DRIFT, KINDS

_READINGS: Mapping[str, str] = {
    "steal": "time that a hypervisor took",
    "throttled": "stops by a CPU quota",
    "swap": "swapping",
    "gpu_clock": "the clock of a GPU at work",
    "gpu_shared": "other programs on it",
    DRIFT: "the machine's own speed, by the anchor",
}
"""What was not read, by the codes of disturbances."""

_Place = tuple[int, int, int]
"""Wave, round and attempt."""


def anchor(rows: Iterable[Row]) -> str:
    """The kernel that ties waves, sizes and runs; empty where none ran."""
    kernels = dict.fromkeys(b.anchor for row in rows for b in row.result.blocks if b.anchor)
    if not kernels:
        return ""
    return (
        f"In every round the anchor had a turn too: a fixed kernel ({'; '.join(kernels)}) that is "
        "no part of any library under test. Engines that had no round in common are compared by "
        "their latencies over the anchor's, and a change of its own speed sends a round back."
    )


def gate(rows: Sequence[Row]) -> str:
    """What disturbs a round, how often that was so, and what could not be seen."""
    if not rows:
        return ""
    attempts = _attempts(rows)
    watched = {code for block in attempts.values() for code in _watched(block)}
    rules = listed((kind.rule for code, kind in KINDS.items() if code in watched), last="or")
    return (
        f"A round was disturbed if {rules}. It was then measured again: three times at most, and "
        "while the wave had no more attempts than its rounds and half as many again. "
        f"{_counts(attempts)}{_not_read(watched)}"
    )


def frequency(rows: Iterable[Row]) -> str:
    """The lowest and the highest frequency of the cores, which disturbs no round."""
    known = [b.clock_mhz for b in _attempts(rows).values() if b.clock_mhz > 0]
    if not known:
        return "The frequency of the cores was not reported."
    low, high = (f"{end(known):,.0f} MHz" for end in (min, max))
    told = f"{low} in each round" if low == high else f"from {low} to {high}"
    return f"The mean frequency of the cores, read at the end of each round, was {told}."


def _counts(attempts: Mapping[_Place, Block]) -> str:
    """How many attempts there were, how many were disturbed and by what, and what was left."""
    rounds = {(wave, number) for wave, number, _ in attempts}
    disturbed = [block.disturbed for block in attempts.values() if block.disturbed]
    counts = counted_codes([code for codes in disturbed for code in codes])
    which = f" ({listed(counts)})" if counts else ""
    lost = rounds - {(wave, number) for (wave, number, _), b in attempts.items() if b.valid}
    left = f"; rounds without an undisturbed attempt: {len(lost)}" if lost else ""
    return (
        f"That made {counted(len(attempts), 'attempt')} at {counted(len(rounds), 'round')}; "
        f"disturbed: {len(disturbed)}{which}{left}."
    )


def _not_read(watched: set[str]) -> str:
    missing = listed(words for code, words in _READINGS.items() if code not in watched)
    return f" Not read here, and so no reason to repeat a round: {missing}." if missing else ""


def _attempts(rows: Iterable[Row]) -> dict[_Place, Block]:
    """A block of each attempt at a round; all engines of a round met the same."""
    blocks = (block for row in rows for block in row.result.blocks)
    return {(block.wave, block.round, block.attempt): block for block in blocks}


def _watched(block: Block) -> Iterable[str]:
    """The codes of what could be seen in its round."""
    unread = {*block.unread, *(() if block.anchor_ns else (DRIFT,))}
    return (code for code in KINDS if code not in unread)
