"""What a result of schema 2 says twice. Its rows have no sums, so damage that leaves a row readable
shows only where two places differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SPECIFIED = ("backend", "strategy", "batch_size", "graph_fusion")
"""Fields of a trial's cell that its engine's specification has as well."""


def disagreement(trial: str, configuration: str) -> str:
    """Where a trial differs from itself, or from the settings of the run that measured it; empty
    where it does not. Both are JSON, and what is none is left to whoever reads it."""
    told, run = _object(trial), _object(configuration)
    cell, spec = _part(told, "cell"), _part(told, "spec")
    for name in _SPECIFIED:
        if name in cell and name in spec and cell[name] != spec[name]:
            return f"its {name} is {cell[name]} in one place and {spec[name]} in another"
    for name, value in _part(told, "protocol").items():
        allowed = _settings(run, name)
        if allowed and value not in allowed:
            return f"its {name} is {value}, and its run's {' or '.join(map(str, allowed))}"
    return ""


def _settings(run: Mapping[str, Any], name: str) -> list[Any]:
    """The values that a setting has in a run and in the tables of its sweep."""
    settings = _part(run, "settings")
    tables = [settings, *(one for one in settings.get("sweep") or () if isinstance(one, dict))]
    return [table[name] for table in tables if table.get(name) is not None]


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
