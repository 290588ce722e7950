"""Where the figures come from: machine, method, models and the way to get them again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict

import pandas as pd

from reports.labels import constants
from reports.load import Records
from reports.text.grid import grid, plain
from reports.text.words import (
    command_without_folders,
    counted,
    listed,
    plain_without_folders,
    without_folders,
)
from sizewise.core.environment import Environment
from sizewise.core.stats import BUSY, CONFIDENCE, FEW_PROCESSES, WIDE
from sizewise.core.trials import Protocol, Run


def environment_table(records: Records) -> str:
    """The machine, the software and the time."""
    where = records.environment
    packages = ", ".join(f"{name} {version}" for name, version in sorted(where.packages.items()))
    rows = {
        "CPU": where.cpu,
        "instruction sets": ", ".join(where.cpu_flags) or "none of those that matter here",
        "cores that could be used": str(where.cores),
        "memory": f"{where.memory_bytes / 2**30:.1f} GiB",
        "accelerators": "; ".join(where.devices) or "none",
        "system": f"{where.system}, kernel {where.kernel}",
        "runs started": listed(dict.fromkeys(run.started for run in records.runs)),
        "software": f"sizewise {where.sizewise}, Python {where.python}, {packages}",
    }
    return grid(["what", "is"], [[key, plain(text)] for key, text in rows.items()], texts=2)


def left_out(records: Records) -> str:
    """The other environments in the file and what sets each apart; nothing where there is none."""
    others: dict[str, list[Run]] = {}
    for run in records.left_out:
        others.setdefault(run.environment.fingerprint, []).append(run)
    return "\n\n".join(_stranger(records.environment, runs) for runs in others.values())


def _stranger(ours: Environment, runs: list[Run]) -> str:
    mine, theirs = asdict(ours), asdict(runs[-1].environment)
    told_by = [
        key for key in mine if key not in ("kernel", "sizewise") and mine[key] != theirs[key]
    ]
    differences = listed(f"{key.replace('_', ' ')} {_short(theirs[key])}" for key in told_by)
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
    results, frame = records.results, records.frame
    protocols = dict.fromkeys(r.trial.protocol for r in results)
    blocks = [block for result in results for block in result.blocks]
    calls = sum(len(block.latency_ns) for block in blocks)
    parts = [
        *map(_protocol, protocols),
        f"That made {counted(calls, 'call')} in {counted(len(blocks), 'block')} for "
        f"{counted(len(frame), 'row')}. A latency is what a monotonic clock in the engine's own "
        "process shows around one call. A median is the exponential of the mean, over processes, "
        f"of log block medians; its {CONFIDENCE:.0%} interval is Student's t over the processes.",
        f"A row is not to be trusted where fewer than {FEW_PROCESSES} processes stand behind it, "
        f"where its interval is wider than ±{WIDE:.0%}, or where other programs were busy during "
        f"more than {BUSY:.0%} of its blocks.",
        _accuracy(frame),
        f"The same in every row: {listed(constants(frame))}.",
    ]
    return "\n\n".join(plain(part) for part in parts if part)


def _protocol(protocol: Protocol) -> str:
    return (
        f"Each engine ran in {counted(protocol.processes, 'child process')} of its own, one wave "
        f"after another. In each wave there were {counted(protocol.rounds, 'round')}; in each "
        "round every engine of a size had its turn, in random order, for at least "
        f"{counted(protocol.block_calls, 'call')} and {protocol.block_s:g} s, after "
        f"{counted(protocol.warmup_calls, 'call')} to warm up."
    )


def _accuracy(frame: pd.DataFrame) -> str:
    scored = frame[frame["images"] > 0].groupby("data", sort=False)["images"].max()
    sets = [f"{count} images of the data set {str(sha)[:12]}" for sha, count in scored.items()]
    return f"Accuracy is that of the timed engine itself, on {listed(sets)}." if sets else ""


def model_table(frame: pd.DataFrame) -> str:
    """The models by their bytes."""
    models = frame.drop_duplicates("model")[["network", "fusion", "precision", "model"]]
    rows = [[plain(str(text)) for text in row] for row in models.itertuples(index=False)]
    return grid(["network", "fusion", "precision", "SHA-256"], rows, texts=4)


def reproduction(runs: Iterable[Run]) -> str:
    """Commands and configurations, each once, without the folders of the machine."""
    asked = dict.fromkeys((run.command, run.configuration) for run in runs)
    return "\n\n".join(
        f"{_fenced(command_without_folders(command), 'sh')}\n\n{_configuration(configuration)}"
        for command, configuration in asked
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
