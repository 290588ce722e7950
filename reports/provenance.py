"""The origin of the figures: machine, method, models and how to reproduce them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict

from reports.analysis.tradeoffs import TOLERANCE
from reports.columns import Row
from reports.grouping import grouped
from reports.labels import constants
from reports.load import Records
from reports.text.grid import grid, plain
from reports.text.words import (
    command_without_folders,
    counted,
    listed,
    percent,
    plain_without_folders,
    spelled,
    without_folders,
)
from sizewise.core.environment import Environment
from sizewise.core.stats import BUSY, CONFIDENCE, FEW_PROCESSES, WIDE
from sizewise.core.trials import Protocol, Run


def environment_table(records: Records) -> str:
    """The machine, the software and the time as a table."""
    where = records.environment
    packages = ", ".join(f"{name} {version}" for name, version in sorted(where.packages.items()))
    rows = {
        "CPU": where.cpu,
        "instruction sets": ", ".join(where.cpu_flags) or "none of those that matter for inference",
        "usable cores": str(where.cores),
        "memory": f"{where.memory_bytes / 2**30:.1f} GiB",
        "accelerators": "; ".join(where.devices) or "none",
        "system": f"{where.system}, kernel {where.kernel}",
        "runs started": listed(dict.fromkeys(run.started for run in records.runs)),
        "software": f"sizewise {where.sizewise}, Python {where.python}, {packages}",
    }
    return grid(["what", "value"], [[key, plain(text)] for key, text in rows.items()], texts=2)


def left_out(records: Records) -> str:
    """The other environments in the file and what sets each apart; nothing where there is none."""
    others: dict[str, list[Run]] = {}
    for run in records.left_out:
        others.setdefault(run.environment.fingerprint, []).append(run)
    return "\n\n".join(_stranger(records.environment, runs) for runs in others.values())


def _stranger(ours: Environment, runs: list[Run]) -> str:
    mine, theirs = asdict(ours), asdict(runs[-1].environment)
    different = [
        key for key in mine if key not in ("kernel", "sizewise") and mine[key] != theirs[key]
    ]
    differences = listed(f"{spelled(key)} {_short(theirs[key])}" for key in different)
    results = counted(sum(len(run.results) for run in runs), "result")
    return plain(
        f"Left out: {results} of another environment ({differences}), measured until "
        f"{runs[-1].started}. Figures of different environments are never mixed."
    )


def _short(value: object) -> str:
    if isinstance(value, dict):
        return listed(f"{name} {version}" for name, version in value.items())
    return listed(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def method(records: Records) -> str:
    """How the rows were measured, with the numbers of the records."""
    results, rows = [row.result for row in records.rows], records.rows
    protocols = dict.fromkeys(r.trial.protocol for r in results)
    blocks = [block for result in results for block in result.blocks]
    calls = sum(len(block.latency_ns) for block in blocks)
    parts = [
        *map(_protocol, protocols),
        f"That made {counted(calls, 'call')} in {counted(len(blocks), 'block')} for "
        f"{counted(len(rows), 'row')}. A latency is what a monotonic clock in the engine's own "
        "process shows around one call. A median is the exponential of the mean, over processes, "
        f"of log block medians. Its {percent(CONFIDENCE)} interval (CI) is Student's t over the "
        "processes.",
        f"A row is unreliable if fewer than {FEW_PROCESSES} processes were measured, if its "
        f"interval is wider than ±{percent(WIDE)}, or if other programs were busy during more than "
        f"{percent(BUSY)} of its blocks.",
        _accuracy(rows),
        f"The same in every row: {listed(constants(rows))}.",
    ]
    return "\n\n".join(plain(part) for part in parts if part)


def _protocol(protocol: Protocol) -> str:
    return (
        f"Each engine ran in {counted(protocol.processes, 'child process')} of its own, one wave "
        f"after another. In each wave there were {counted(protocol.rounds, 'round')}; in each "
        "round every engine of a size had its turn, in random order, for at least "
        f"{counted(protocol.block_calls, 'call')} and {protocol.block_s:g} s, after "
        f"{counted(protocol.warmup_calls, 'warm-up call')}."
    )


def _accuracy(rows: Iterable[Row]) -> str:
    scored = (row for row in rows if row.accuracy_images)
    sets = [
        f"{max(row.accuracy_images for row in group)} images of the data set {sha256[:12]}"
        for sha256, group in grouped(scored, lambda row: row.data_sha256).items()
    ]
    if not sets:
        return ""
    return (
        f"Accuracy is that of the timed engine itself, on {listed(sets)}. The recommended engine "
        f"is the fastest reliable one whose accuracy is at most {100 * TOLERANCE:g} points below "
        "the best. Tied engines are not shown to be slower."
    )


def model_table(rows: Iterable[Row]) -> str:
    """The models by their bytes."""
    models = [group[0] for group in grouped(rows, lambda row: row.model_sha256).values()]
    cells = [[row.network, row.fusion, row.precision, row.model_sha256] for row in models]
    texts = [[plain(text) for text in line] for line in cells]
    return grid(["network", "fusion", "precision", "SHA-256"], texts, texts=4)


def reproduction(runs: Iterable[Run]) -> str:
    """Commands and configurations, each once, without the folders of the machine."""
    requested = dict.fromkeys((run.command, run.configuration) for run in runs)
    return "\n\n".join(
        f"{_fenced(command_without_folders(command), 'sh')}\n\n{_configuration(configuration)}"
        for command, configuration in requested
    )


def _configuration(text: str) -> str:
    try:
        tidy = json.dumps(plain_without_folders(json.loads(text)), indent=2, ensure_ascii=False)
    except ValueError:
        return _fenced(without_folders(text), "")
    return _fenced(tidy, "json")


def _fenced(text: str, language: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
