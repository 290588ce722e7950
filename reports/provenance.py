"""The origin of the figures: machine, models and how to reproduce them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from reports.columns import Row
from reports.load import Records
from reports.rows.grouping import grouped
from reports.text.grid import grid, plain
from reports.text.words import (
    command_without_folders,
    counted,
    listed,
    plain_without_folders,
    spelled,
    without_folders,
)
from sizewise.core.machine.environment import Environment
from sizewise.core.printable import printable
from sizewise.core.trials import Run

_NOT_TELLING = ("kernel", "sizewise", "boot", "microcode")
"""Fields that set no environment apart."""


def environment_table(records: Records) -> str:
    """The machine, the software and the time as a table."""
    where = records.environment
    packages = ", ".join(f"{name} {version}" for name, version in sorted(where.packages.items()))
    variables = ", ".join(f"{name}={value}" for name, value in sorted(where.variables.items()))
    boots = dict.fromkeys(run.environment.boot[:8] for run in records.runs if run.environment.boot)
    rows = {
        "CPU": ", ".join(filter(None, (where.cpu, where.cpu_model))),
        "instruction sets": ", ".join(where.cpu_flags) or "none of those that matter for inference",
        "usable cores": _cores(where),
        "memory": f"{where.memory_bytes / 2**30:.1f} GiB",
        "accelerators": "; ".join(where.devices) or "none",
        "system": f"{where.system}, kernel {where.kernel}",
        "microcode": where.microcode or "not reported",
        "boots": ", ".join(boots) or "not reported",
        "variables of libraries": without_folders(variables) or "none",
        "runs started": listed(dict.fromkeys(_started(run, records) for run in records.runs)),
        "software": f"sizewise {where.sizewise}, Python {where.python}, {packages}",
    }
    return grid(["what", "value"], [[key, plain(text)] for key, text in rows.items()], texts=2)


def _started(run: Run, records: Records) -> str:
    """When, and that nothing which was measured is of it, where that is so."""
    if run.results:
        return run.started
    begins = [_epoch(one) for one in records.runs]
    begin = _epoch(run)
    end = min((epoch for epoch in begins if epoch > begin), default=math.inf)
    turns = (block.started_ns / 1e9 for row in records.rows for block in row.result.blocks)
    if math.isnan(begin) or any(begin <= started < end for started in turns):
        return run.started
    return f"{run.started} (it left no turn on file)"


def _epoch(run: Run) -> float:
    """Seconds since 1970; NaN where a file has another's words."""
    try:
        return datetime.fromisoformat(run.started).timestamp()
    except ValueError:
        return math.nan


def _cores(where: Environment) -> str:
    """``4 (8 with hyper-threads), quota 2``, as far as the system told."""
    quota = "" if where.quota is None else f", quota of {where.quota:g}"
    if where.physical_cores in (0, where.cores):
        return f"{where.cores}{quota}"
    return f"{where.physical_cores} ({where.cores} with hyper-threads){quota}"


def left_out(records: Records) -> str:
    """The other environments in the file and what sets each apart; nothing where there is none."""
    others: dict[str, list[Run]] = {}
    for run in records.left_out:
        others.setdefault(run.environment.fingerprint, []).append(run)
    return "\n\n".join(_stranger(records.environment, runs) for runs in others.values())


def _stranger(ours: Environment, runs: list[Run]) -> str:
    mine, theirs = asdict(ours), asdict(runs[-1].environment)
    different = [key for key in mine if key not in _NOT_TELLING and mine[key] != theirs[key]]
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


def model_table(rows: Iterable[Row]) -> str:
    """The models by their bytes."""
    models = [group[0] for group in grouped(rows, lambda row: row.model_sha256).values()]
    cells = [[row.network, row.fusion, row.precision, row.model_sha256] for row in models]
    texts = [[plain(text) for text in line] for line in cells]
    return grid(["network", "fusion", "precision", "SHA-256"], texts, texts=4)


def reproduction(runs: Iterable[Run]) -> str:
    """Commands and configurations, each once, without the folders of the machine."""
    requested = dict.fromkeys((run.command, run.configuration) for run in runs)
    parts = (
        part
        for command, configuration in requested
        for part in (
            _fenced(command_without_folders(command), "sh"),
            _folded(_configuration(configuration)),
        )
    )
    return "\n\n".join(parts)


def _folded(text: str) -> str:
    """A block that opens with a click: a configuration is long."""
    return f"<details>\n<summary>its configuration</summary>\n\n{text}\n\n</details>"


def _configuration(text: str) -> str:
    try:
        tidy = json.dumps(plain_without_folders(json.loads(text)), indent=2, ensure_ascii=False)
    except ValueError:
        return _fenced(without_folders(text), "")
    return _fenced(tidy, "json")


def _fenced(text: str, language: str) -> str:
    text = printable(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
