"""Why the milliseconds of a row may not be the machine's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sizewise.core.trials import Block

FEW_PROCESSES = 3
"""A row needs as many processes."""
FEW_PROCESSES_CODE = "few_processes"


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """One reason, as a ``sentence`` without an end, and its ``code``."""

    code: str
    sentence: str


def disturbances(blocks: Sequence[Block]) -> tuple[Disturbance, ...]:
    """What disturbed a row, by the ``blocks`` that count.

    A wave counts with disturbed blocks only where each attempt at each of its rounds was disturbed,
    and one such wave is enough: its process then has no other say in the row.
    """
    waves = {b.wave for b in blocks}
    by_code: dict[str, set[int]] = {}
    for block in blocks:
        for code in block.disturbed:
            by_code.setdefault(code, set()).add(block.wave)
    found = [_lasting(code, len(where), len(waves)) for code, where in by_code.items()]
    return (*found, *_few(len(waves)))


def _lasting(code: str, disturbed: int, waves: int) -> Disturbance:
    where = f"{disturbed} of {waves} processes" if waves > 1 else "its only process"
    sentence = f"{_NAMES.get(code, code)} in every round of {where}, however often repeated"
    return Disturbance(code=code, sentence=sentence)


def _few(waves: int) -> Iterable[Disturbance]:
    if waves < FEW_PROCESSES:
        noun = "process" if waves == 1 else "processes"
        sentence = f"measured in {waves} {noun}, at least {FEW_PROCESSES} needed"
        yield Disturbance(code=FEW_PROCESSES_CODE, sentence=sentence)


_NAMES: Mapping[str, str] = {
    "load": "background load",
    "steal": "cores taken by the hypervisor",
    "throttled": "stops by a CPU quota",
    "swap": "swapping",
    "gpu_clock": "a lowered GPU clock",
    "gpu_shared": "other programs on the GPU",
    "drift": "a change of the machine's own speed",
}
"""Of the codes in ``sizewise.core.disturbances``. Those of a later version stand for themselves."""
