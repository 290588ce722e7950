"""The matrix of what runs: one table of what holds for every network, one of what differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from docs.make.engines.pages import MISSING, Notes, read_record
from reports.text.grid import grid

Column = tuple[str, str]
"""Precision and back end."""
_RUNS, _DIFFERS = "yes", "see below"


def matrix() -> list[str]:
    record = read_record("matrix")
    if record is None:
        return [MISSING]
    notes = Notes()
    columns = _columns(record, notes)
    same = {key: _common(cells) for key, cells in columns.items()}
    lines = [_overview(same), "", *_differing(columns, same), "", *notes.lines(), ""]
    return [*lines, *_left_out(record)]


def _columns(record: Mapping[str, Any], notes: Notes) -> dict[Column, dict[str, str]]:
    """A cell for each network in each column; both strategies in one where they agree."""
    found: defaultdict[Column, defaultdict[str, dict[str, str]]]
    found = defaultdict(lambda: defaultdict(dict))
    for cell in record["cells"]:
        text = _text(cell, record["reasons"], notes)
        found[cell["precision"], cell["backend"]][cell["network"]][cell["strategy"]] = text
    return {
        column: {network: _joined(by_strategy) for network, by_strategy in cells.items()}
        for column, cells in found.items()
    }


def _text(cell: Mapping[str, Any], reasons: list[str], notes: Notes) -> str:
    if "runs_in" not in cell:
        return notes.mark(f"`{cell['reason_code']}` {reasons[cell['reason']]}")
    return _RUNS if cell["runs_in"] == cell["precision"] else f"{_RUNS}: {cell['runs_in']}"


def _joined(by_strategy: Mapping[str, str]) -> str:
    if len(set(by_strategy.values())) == 1:
        return next(iter(by_strategy.values()))
    return ", ".join(f"{strategy} {text}" for strategy, text in by_strategy.items())


def _common(cells: Mapping[str, str]) -> str:
    """What all networks have; empty where they differ."""
    texts = set(cells.values())
    return texts.pop() if len(texts) == 1 else ""


def _overview(same: Mapping[Column, str]) -> str:
    precisions = list(dict.fromkeys(precision for precision, _ in same))
    backends = list(dict.fromkeys(backend for _, backend in same))
    rows = [
        [backend, *(same[precision, backend] or _DIFFERS for precision in precisions)]
        for backend in backends
    ]
    return grid(["back end", *precisions], rows, texts=len(precisions) + 1)


def _differing(
    columns: Mapping[Column, Mapping[str, str]], same: Mapping[Column, str]
) -> list[str]:
    chosen = {column: cells for column, cells in columns.items() if not same[column]}
    if not chosen:
        return []
    networks = list(dict.fromkeys(network for cells in chosen.values() for network in cells))
    rows = [[name, *(cells.get(name, "–") for cells in chosen.values())] for name in networks]
    headers = ["network", *(f"{precision}, {backend}" for precision, backend in chosen)]
    return [grid(headers, rows, texts=len(headers))]


def _left_out(record: Mapping[str, Any]) -> list[str]:
    left_out = "; ".join(f"{name}: {why}" for name, why in record["left_out"].items())
    slow = record["slow"]
    tried = ", ".join(slow["networks"]) or "none"
    return [
        f"Networks tried: {', '.join(dict.fromkeys(c['network'] for c in record['cells']))}. "
        f"Left out: {left_out}. {slow['backend']}, which takes long to build, was tried only with "
        f"{tried}."
    ]
