"""The shortest names that tell the engines of a file apart."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

_WORDS: dict[str, Callable[[object], str]] = {
    "network": str,
    "fusion": str,
    "backend": str,
    "precision": str,
    "strategy": str,
    "span": str,
    "graph_fusion": lambda level: f"graph fusion {level}",
    "batch": lambda size: f"batch {size}",
    "batches": lambda several: f"batches {several}" if several else "",
    "options": str,
    "threads": lambda count: f"threads {count}",
    "streams": lambda count: f"streams {count}",
    "model": lambda sha256: f"model {str(sha256)[:8]}",
    "replica": lambda number: f"replica {number}",
    "variant": lambda number: f"#{number}",
}
"""What may stand in a name, in the order of its words."""

_OF_MODEL = ("network", "fusion", "model")
_ALWAYS = ("backend", "strategy")
_IF_NEEDED = (
    "network",
    "fusion",
    "precision",
    "graph_fusion",
    "batch",
    "batches",
    "options",
    "threads",
    "streams",
    "model",
    "replica",
    "span",
    "variant",
)
"""Asked in this order: what an earlier one tells apart needs no later one."""

PAIRED_BY = tuple(name for name in _WORDS if name not in ("strategy", "span"))
"""Equal in two engines that differ in their strategy alone."""


def label_engines(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with ``variant``, ``engine`` (its name), and parts of that name: ``family``
    (without the strategy), ``mode`` (which network) and ``setting`` (what runs it).

    ``variant`` numbers engines that differ in nothing but how they were measured, so that no
    engine has two rows at one size.
    """
    named = frame.assign(variant=_variants(frame))
    used = _telling(named)
    spoken = [name for name in _WORDS if name in used]
    family = [name for name in spoken if name not in ("strategy", "span")]
    return named.assign(
        engine=_joined(named, spoken),
        family=_joined(named, family),
        mode=_joined(named, [name for name in spoken if name in _OF_MODEL]),
        setting=_joined(named, [name for name in spoken if name not in _OF_MODEL]),
    )


def _telling(frame: pd.DataFrame) -> list[str]:
    used = list(_ALWAYS)
    for name in _IF_NEEDED:
        if frame.groupby([*used, name]).ngroups > frame.groupby(used).ngroups:
            used.append(name)
    return used


def _joined(frame: pd.DataFrame, columns: list[str]) -> list[str]:
    rows = frame[columns].to_dict("records")
    return [" ".join(filter(None, (_WORDS[str(k)](v) for k, v in row.items()))) for row in rows]


def _variants(frame: pd.DataFrame) -> pd.Series[int]:
    """1, 2, … in the order of filing, by ``conditions`` and, where that is not enough, by turn.

    Numbered across strategies, so that engines measured alike have the same number.
    """
    alike = [name for name in PAIRED_BY if name != "variant"]
    conditions = frame.groupby(alike)["conditions"]
    numbers: pd.Series[int] = conditions.transform(lambda group: pd.factorize(group)[0]) + 1
    one_row = [*alike, "strategy", "span", "variant", "size"]
    turns = frame.assign(variant=numbers).groupby(one_row).cumcount()
    return numbers + turns * numbers.max()


def constants(frame: pd.DataFrame) -> list[str]:
    """What names leave out because it is the same in every row: ``precision fp32``."""
    names = (name for name in _IF_NEEDED if name not in ("model", "replica", "span", "variant"))
    same = {name: frame[name].iloc[0] for name in names if frame[name].nunique() == 1}
    return [f"{name.replace('_', ' ')} {value}" for name, value in same.items() if value != ""]
