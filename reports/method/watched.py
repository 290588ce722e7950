"""What watched the machine meanwhile: the anchor, and the gate that sent rounds back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.columns import Row
from reports.text.disturbances import counted_codes
from reports.text.words import counted, listed
from sizewise.core.disturbances import KINDS
from sizewise.core.trials import Block


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
    """What disturbs a round, and how often that was so."""
    if not rows:
        return ""
    rules = listed((kind.rule for kind in KINDS.values()), last="or")
    attempts = _attempts(rows)
    disturbed = [codes for codes in attempts.values() if codes]
    rounds = len({(wave, number) for wave, number, _ in attempts})
    counts = counted_codes([code for codes in disturbed for code in codes])
    which = f" ({listed(counts)})" if counts else ""
    return (
        f"A round is disturbed, and measured again up to three times, if {rules}. That made "
        f"{counted(len(attempts), 'attempt')} at {counted(rounds, 'round')}; disturbed: "
        f"{len(disturbed)}{which}."
    )


def _attempts(rows: Iterable[Row]) -> dict[tuple[int, int, int], tuple[str, ...]]:
    """What disturbed each attempt at a round; all engines of a round met the same."""
    blocks = (block for row in rows for block in row.result.blocks)
    return {_place(block): block.disturbed for block in blocks}


def _place(block: Block) -> tuple[int, int, int]:
    return block.wave, block.round, block.attempt
