"""What the records of campaigns come to. Verdicts are taken from what was measured each time, never
from an earlier verdict: so records of earlier code get today's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.audit.answers import Answer
from bench.audit.parity import Fairness, Parity, fairness
from bench.audit.turns import PairedWave
from sizewise.core import codec

Record = Mapping[str, Any]

_ROWS = 4
"""Engines of a sweep of docs.make.method.loaded."""
_ATTEMPTS_OF_DISTURBED = 7 * 7
"""The fewest disturbed attempts in its twelve waves of twelve rounds where a row is marked: seven
waves are not clean then, by seven rounds each."""


def fairness_of(cells: Sequence[Record], planned: int) -> Fairness:
    """The rule over the cells of docs.make.method.fair."""
    return fairness([parity_of(cell) for cell in cells], planned)


def parity_of(cell: Record) -> Parity:
    """One of these cells."""
    return Parity(label=cell["label"], waves=waves_of(cell))


def waves_of(cell: Record) -> tuple[PairedWave, ...]:
    """The waves of one of these cells."""
    return codec.from_plain(cell["waves"], tuple[PairedWave, ...])


def loaded_answer(record: Record) -> Answer:
    """Whether the counts of docs.make.method.loaded are within the bounds that stand beside
    them. More sweeps mend neither what is disturbed nor what is false."""
    disturbed = sum(rows_disturbed(one, record["waves"]) for one in record["sweeps"])
    if disturbed > record["most_disturbed"] or record["pairs_false"] > record["most_false"]:
        return "no"
    if len(record["sweeps"]) < record["planned"]:
        return "not shown"
    return "yes" if record["differences_found"] >= record["least_found"] else "no"


def rows_disturbed(sweep: Record, waves: int) -> int:
    """The rows of a sweep of so many ``waves`` that a report marks.

    A sweep of before does not say. Its rows are not marked where waves were left out, nor where
    fewer rounds were disturbed than mark one; else all of them are taken to be. (Its
    ``pairs_disturbed`` were those of which a wave had no undisturbed round.)
    """
    known = sweep.get("rows_disturbed")
    if known is not None:
        return int(known)
    clean = sweep["waves"] < waves or sweep["disturbed"] < _ATTEMPTS_OF_DISTURBED
    return 0 if clean else _ROWS


def is_inferred(sweep: Record) -> bool:
    """Whether a sweep did not count the rows that a report marks."""
    return sweep.get("rows_disturbed") is None


def kills_answer(record: Record) -> Answer:
    """Whether nothing was lost or stands twice (docs.make.method.kills), in enough kills, of which
    enough were within a commit."""
    if any(record[name] for name in ("lost", "again", "twice", "unfinished")):
        return "no"
    enough = (
        record["kills"] >= record["planned"] and record["in_commit"] >= record["least_in_commit"]
    )
    return "yes" if enough else "not shown"
