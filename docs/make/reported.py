"""Reports of examples in docs, each from a record of its runs in reports/measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.make.pages import HOUSE
from docs.make.recorded import plain_runs, read_record, runs_of, stored_runs, write_record
from reports.load import Records, select_records
from reports.markdown import write_records
from reports.rows.grouping import grouped

STAGES = {"Building engines": "building", "Measuring": "measuring", "Accuracy": "accuracy"}
"""What is timed for the record: neither installation nor training."""

_DONE = re.compile(rf"^({'|'.join(STAGES)}): done in ([\d.]+) s$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A configuration in examples, the ``results`` of its run, and the folder ``out`` of its
    report. Its record has the same name."""

    name: str
    configuration: str
    results: Path
    out: Path

    def main(self) -> tuple[Mapping[str, Any], Records]:
        """Write the record, unless --page is given, and render the report from it: the record and
        what a report reads of it. Raises SystemExit where there is none."""
        if sys.argv[1:] != ["--page"]:
            if not self.results.exists():
                write_notes(self.notes, seconds_of(run(self.configuration)))
            runs = plain_runs(stored_runs(self.results))
            write_record(self.name, {"seconds": read_notes(self.notes), "runs": runs})
        record = read_record(self.name)
        if record is None:
            raise SystemExit(f"There is no record yet: run python -m docs.make.{self.name}")
        records = self.records_of(record)
        write_records(records, self.out)
        return record, records

    @property
    def notes(self) -> Path:
        """Seconds of the stages, beside the results of the run that they are of."""
        return self.results.with_name("seconds.json")

    def records_of(self, record: Mapping[str, Any]) -> Records:
        """The runs of the record as a report takes them."""
        return select_records(runs_of(record["runs"]), self.results.name)


def seconds_of(printed: str) -> dict[str, float]:
    """Seconds of each stage, from what ``sizewise run`` printed."""
    return {name: float(seconds) for name, seconds in _DONE.findall(printed)}


def write_notes(path: Path, seconds: Mapping[str, float]) -> None:
    """Keep them for records that are written later from the same results."""
    path.write_text(json.dumps(seconds), encoding="utf-8")


def read_notes(path: Path) -> dict[str, float]:
    """Empty where somebody else ran the example."""
    found: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def took(seconds: Mapping[str, float], records: Records) -> str:
    """``building 19 s, measuring 305 s``; where stages were not timed, what turns say of it."""
    told = (f"{word} {seconds[stage]:.0f} s" for stage, word in STAGES.items() if stage in seconds)
    return ", ".join(told) or f"measuring {turns_s(records):.0f} s from the first turn to the last"


def turns_s(records: Records) -> float:
    """Seconds from the beginning of the first turn to that of the last, run by run."""
    blocks = [block for row in records.rows for block in row.result.blocks]
    runs = grouped(blocks, lambda block: block.session).values()
    spans = ([block.started_ns for block in run] for run in runs)
    return sum(max(span) - min(span) for span in spans) / 1e9


def run(configuration: str) -> str:
    """What ``sizewise run`` prints on stderr, which is shown as well. Raises SystemExit where it
    fails."""
    command = (str(Path(sys.executable).parent / "sizewise"), "run", configuration)
    printed = []
    with subprocess.Popen(command, cwd=HOUSE, stderr=subprocess.PIPE, text=True) as running:
        for line in running.stderr or ():
            sys.stderr.write(line)
            printed.append(line)
    if running.returncode not in (0, 3, 4):
        sys.exit(f"{' '.join(command[1:])} ended with {running.returncode}")
    return "".join(printed)
