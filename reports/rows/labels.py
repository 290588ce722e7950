"""The shortest names that tell the engines of a file apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from reports.columns import COLUMNS, NONE, Row
from reports.rows.grouping import grouped

_WORDS: dict[str, Callable[[Any], str]] = {
    "network": str,
    "fusion": str,
    "backend": str,
    "backend_version": str,
    "precision": str,
    "strategy": str,
    "accepted_sizes": str,
    "nms": lambda where: f"NMS {where}" if where else "",
    "graph_fusion": lambda level: f"graph fusion {level}",
    "batch_size": lambda size: f"batch {size}",
    "accepted_batches": lambda several: f"batches {several}" if several else "",
    "options": str,
    "threads": lambda count: f"threads {count}",
    "thread_policy": str,
    "streams": lambda count: f"streams {count}",
    "model_sha256": lambda sha256: f"model {sha256[:8]}",
    "replica": lambda number: f"replica {number}",
    "harness": lambda age: f"{age} harness" if age else "",
    "variant": lambda number: f"#{number}",
}
"""The columns that may stand in a name, in the order of its words."""

OF_MODEL = ("network", "fusion", "model_sha256")
_OF_STRATEGY = ("strategy", "accepted_sizes")
_ALWAYS = ("backend", "strategy", "nms", "harness")
"""An earlier harness is named even where all rows are of it, and NMS inside as well."""
_IF_NEEDED = (
    "network",
    "fusion",
    "precision",
    "graph_fusion",
    "batch_size",
    "accepted_batches",
    "options",
    "threads",
    "backend_version",
    "thread_policy",
    "streams",
    "model_sha256",
    "replica",
    "accepted_sizes",
    "variant",
)
"""Tried in this order: what an earlier one tells apart needs no later one."""
_NO_CONSTANTS = (
    *("backend_version", "thread_policy"),
    *("model_sha256", "replica", "accepted_sizes", "variant"),
)

PAIRED_BY = tuple(name for name in _WORDS if name not in _OF_STRATEGY)
"""Equal in two engines that differ in their strategy alone."""


def label_engines(rows: Sequence[Row], without: Sequence[str] = ()) -> tuple[Row, ...]:
    """``rows`` with their ``variant``, and with ``engine``, ``family``, ``mode`` and ``setting``.

    Variants number engines that differ in no other column, so that no engine has two rows at one
    size. Names leave out the columns ``without``, which then tell the engines of one name apart.
    """
    numbered = _with_variants(rows)
    used = _telling(numbered)
    spoken = [name for name in _WORDS if name in used and name not in without]
    return tuple(
        replace(
            row,
            engine=_joined(row, spoken),
            family=_joined(row, [name for name in spoken if name not in _OF_STRATEGY]),
            mode=_joined(row, [name for name in spoken if name in OF_MODEL]),
            setting=_joined(row, [name for name in spoken if name not in OF_MODEL]),
        )
        for row in numbered
    )


def _values(row: Row, names: Iterable[str]) -> tuple[Hashable, ...]:
    return tuple(getattr(row, name) for name in names)


def _telling(rows: Sequence[Row]) -> list[str]:
    used = list(_ALWAYS)
    for name in _IF_NEEDED:
        told_apart = {_values(row, [*used, name]) for row in rows}
        if len(told_apart) > len({_values(row, used) for row in rows}):
            used.append(name)
    return used


def _joined(row: Row, names: Iterable[str]) -> str:
    return " ".join(filter(None, (_WORDS[name](getattr(row, name)) for name in names)))


def _with_variants(rows: Sequence[Row]) -> list[Row]:
    """Numbers 1, 2, … by what stands in no column and, where that is not enough, by their turn.

    Numbered in the order of the file and across strategies, so that engines that are alike in it
    have the same number.
    """
    alike = [name for name in PAIRED_BY if name != "variant"]
    groups = grouped(rows, lambda row: _values(row, alike))
    known = {key: list(dict.fromkeys(map(_conditions, group))) for key, group in groups.items()}
    numbers = [known[_values(row, alike)].index(_conditions(row)) + 1 for row in rows]
    turns = _turns(
        (number, _values(row, [*alike, *_OF_STRATEGY, "size"]))
        for number, row in zip(numbers, rows, strict=True)
    )
    return [
        replace(row, variant=number + turn * max(numbers))
        for row, number, turn in zip(rows, numbers, turns, strict=True)
    ]


def _conditions(row: Row) -> Hashable:
    trial = row.result.trial
    return (
        trial.harness,
        trial.builder,
        trial.layout,
        trial.further,
        trial.environment_fingerprint,
    )


def _turns(keys: Iterable[Hashable]) -> Iterator[int]:
    """How often each key was there before."""
    seen: Counter[Hashable] = Counter()
    for key in keys:
        yield seen[key]
        seen[key] += 1


def constants(rows: Sequence[Row]) -> list[str]:
    """What names leave out because it is the same in every row: ``precision fp32``."""
    names = (name for name in _IF_NEEDED if name not in _NO_CONSTANTS)
    same = {
        name: rows[0].text(name) for name in names if len({getattr(r, name) for r in rows}) == 1
    }
    return [f"{COLUMNS[name].title} {text}" for name, text in same.items() if text != NONE]
