"""How the rows were measured: turns and waves, threads, what watched them, what figures mean."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.planning.protocol import Protocol
from reports.columns import Row
from reports.findings.reliance import how_it_stood
from reports.load import Records
from reports.method.ends import ends
from reports.method.inputs import further, given, pictures
from reports.method.judging import (
    accuracies,
    disturbed_rows,
    intervals,
    judged_together,
    left_out,
)
from reports.method.watched import anchor, frequency, gate
from reports.rows.configured import limits_of, protocols_of
from reports.rows.grouping import grouped, latest, measured_of
from reports.rows.labels import constants
from reports.text.grid import plain
from reports.text.words import counted, listed, number

EARLIER = (
    "Rows of the earlier harness were measured without pauses, with the cold calls of each turn "
    "among the others, and with OMP_WAIT_POLICY=PASSIVE and no spinning, which slowed PyTorch and "
    "ONNX Runtime down. They are compared with each other only."
)


def method(records: Records) -> str:
    """Paragraphs, each without Markdown of its own."""
    rows = measured_of(records.rows)
    today = [row for row in latest(rows) if not row.harness]
    protocols = dict.fromkeys(one for run in records.runs for one in protocols_of(run))
    parts = [
        *(_protocol(one) for one in protocols if today),
        ends(today, tuple(protocols), limits_of(records.runs)) if today else "",
        EARLIER if any(row.harness for row in rows) else "",
        _calls(rows),
        given(rows),
        pictures(rows),
        further(rows),
        _threads(rows),
        anchor(today),
        gate(today),
        frequency(today) if today else "",
        *((intervals(), judged_together(records.verdicts)) if rows else ()),
        f"{disturbed_rows()} {left_out(rows)}".rstrip() if rows else "",
        how_it_stood(rows),
        accuracies(rows),
        f"The same in every row: {listed(constants(records.rows))}.",
    ]
    return "\n\n".join(plain(part) for part in dict.fromkeys(parts) if part)


def _protocol(protocol: Protocol) -> str:
    return (
        "Each engine ran in a process of its own in every wave, together with the other engines of "
        "its size. Sizes took turns wave by wave, so the processes of a row are spread over the "
        f"sweep. A wave had {counted(protocol.rounds, 'round')}; in each round every engine had "
        f"its turn, in random order: a pause of {1e3 * protocol.pause_s:g} ms, "
        f"{counted(protocol.cold_calls, 'cold call')} that count in no figure, then at least "
        f"{counted(protocol.block_calls, 'call')} and {1e3 * protocol.block_s:g} ms; one where "
        f"a call took longer than a second. {counted(protocol.warmup_calls, 'warm-up call')} came "
        "before the first turn."
    )


def _calls(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    blocks = [block for row in rows for block in row.result.blocks]
    calls, cold = sum(len(block.warm_ns) for block in blocks), sum(block.cold for block in blocks)
    text = (
        f"That made {counted(calls, 'warm call')} in {counted(len(blocks), 'turn')} for "
        f"{counted(len(rows), 'row')}, and {counted(cold, 'cold call')}."
    )
    slower = _first_cold(rows)
    if slower:
        text += f" The first of a turn took {listed(slower)} times its warm median."
    return (
        f"{text} A latency is what a monotonic clock in the engine's own process shows around one "
        "call."
    )


def _first_cold(rows: Iterable[Row]) -> list[str]:
    """``1.23 (onnxruntime)``, by back end: the median over rows."""
    cold = (row for row in rows if row.cold_calls)
    return [
        f"{number(statistics.median(row.first_cold_ratio for row in group))} ({backend})"
        for backend, group in grouped(cold, lambda row: row.backend).items()
    ]


def _threads(rows: Iterable[Row]) -> str:
    said = (row for row in rows if row.thread_policy)
    policies = dict.fromkeys(f"{row.backend}: {row.thread_policy}" for row in said)
    return f"Threads, as each library runs by default: {'; '.join(policies)}." if policies else ""
