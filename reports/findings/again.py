"""How to measure again where nothing is decided."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from reports.columns import Row
from reports.load import Records
from reports.rows.configured import protocols_of, rigor_of
from reports.rows.grouping import measured_of
from reports.text.words import command_without_folders
from sizewise.core.stats import RIGORS, RigorName

_MEASURE = (["sizewise", "bench"], ["sizewise", "compare"])
"""Commands that measure, and take these options."""
_RIGOR, _PROCESSES, _BACKEND = "--rigor", "--processes", "--backend"
_NEXT: dict[RigorName, RigorName] = dict(zip(RIGORS, [*RIGORS][1:], strict=False))


def measure_again(records: Records) -> str:
    """A sentence with what adds waves to these results: the last command, at the next rigor. Before
    the least number of waves is reached, at its own; and where no rigor has more waves than are on
    file, with their number as well."""
    run = records.runs[-1]
    name = rigor_of(records.runs).name
    waves = [row.processes + row.left_out for row in measured_of(records.rows)] or [0]
    wanted = name if min(waves) < RIGORS[name].min_waves else _NEXT.get(name, name)
    more = 0 if max(waves) < RIGORS[wanted].max_waves else 2 * max(waves)
    words = _words(run.command)
    if words[:2] in _MEASURE and not any(word.endswith(".toml") for word in words):
        asked = [_RIGOR, wanted, *([_PROCESSES, str(more)] if more else [])]
        together = _with_all(
            list(dict.fromkeys(_backend(row) for row in measured_of(records.rows))), words
        )
        left = [*_without((_RIGOR, _PROCESSES), together), *asked]
        return f"Measure again, like this: “{command_without_folders(shlex.join(left))}”."
    fixed = any(protocol.processes for protocol in protocols_of(run))
    processes = " and no number of processes" if fixed else ""
    settings = f'rigor = "{wanted}"' + (f" and processes = {more}" if more else processes)
    command = f"“{command_without_folders(run.command)}”" if words else "the same call"
    return f"Measure again, like this: {command}, with {settings} in its settings."


def _backend(row: Row) -> str:
    return row.result.trial.spec.backend


def _with_all(backends: Sequence[str], words: Sequence[str]) -> list[str]:
    """``words`` with each of ``backends``: what was measured by several commands is compared once
    it is measured together."""
    found = list(words)
    for place, word in enumerate(found[:-1]):
        if word == _BACKEND:
            given = found[place + 1].split(",")
            found[place + 1] = ",".join(dict.fromkeys((*given, *backends)))
    return found


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # an unbalanced quote: it was not written by shlex.join
        return [command]


def _without(options: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    """``words`` without these options and their values."""
    value = False
    for word in words:
        if not value and not word.startswith(tuple(f"{option}=" for option in options)):
            value = word in options
            if not value:
                yield word
        else:
            value = False
