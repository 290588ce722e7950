"""Why a latency is unreliable, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sizewise.core.stats import FEW_PROCESSES, DoubtCode


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``counted`` follows a number of rows; ``todo`` is a sentence for the user."""

    counted: str
    todo: str


KINDS: Mapping[DoubtCode, Kind] = {
    "few_processes": Kind(
        counted="with too few processes",
        todo=f"Measure in {FEW_PROCESSES} processes or more (--processes).",
    ),
    "wide_interval": Kind(
        counted="with a wide CI",
        todo="Measure in more processes or rounds (--processes, --rounds).",
    ),
    "foreign_load": Kind(
        counted="with background load",
        todo="Stop other programs and measure into a new folder (--out).",
    ),
}


def todos(codes: Iterable[str]) -> str:
    """What to do about warnings of ``codes``, each sentence once, in the order of ``KINDS``."""
    known = set(codes)
    return " ".join(kind.todo for code, kind in KINDS.items() if code in known)
