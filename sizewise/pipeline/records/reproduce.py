"""Measure a published table's cells with what this machine has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.options.declared import option
from sizewise.core.options.reading import PATH, TEXT, choice, optional, several, whole
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.stats import RIGORS

if TYPE_CHECKING:
    from reports.published.reproduced import Found, Reproduced
    from reports.published.table import PublishedTable
    from sizewise.pipeline.records.reproducing.timed import Measuring

_FIRST = ("tensorrt", "openvino", "onnxruntime")
"""The back end that a table is measured in: the first that can run here."""
COUNTED = "counted"
DATA = "digits"
"""What checkpoints are evaluated on."""
_WAITING = {
    "accuracy": "it takes a trained network: --trained CHECKPOINT",
    "gain": "it takes many trainings; docs/training-measured.md has ours",
    "loss": "it takes a training of each; docs/multiscale.md has ours",
    "complexity": "a formula; docs/multiscale.md has what was measured",
}


@dataclass(frozen=True, kw_only=True)
class ReproduceOptions:
    """The options of ``sizewise reproduce`` beside the table."""

    backend: str = option(
        TEXT,
        "",
        help="Back end that measures the table.",
        group="Measurement",
        shown="the first of tensorrt, openvino and onnxruntime that runs here",
    )
    threads: int | None = option(
        optional(whole(1)), None, help="CPU threads.", group="Measurement", shown="all cores"
    )
    rigor: str = option(
        choice(*RIGORS), "quick", help="How exact ratios have to be.", group="Measurement"
    )
    processes: int | None = option(
        optional(whole(1)),
        None,
        help="Processes for each engine, instead of as many as the rigor takes.",
        group="Measurement",
        shown="by rigor",
    )
    rounds: int | None = option(
        optional(whole(1)),
        None,
        help="Rounds in each process; large networks take seconds for a call.",
        group="Measurement",
        shown="12",
    )

    trained: tuple[Path, ...] = option(
        several(PATH),
        (),
        help="Checkpoints of the table's networks, for its columns of accuracy on digits (comma "
        "list).",
        group="Accuracy",
        shown="none",
    )

    @property
    def settings(self) -> dict[str, object]:
        """Those of a sweep that were given."""
        given = {
            "threads": self.threads,
            "rigor": self.rigor,
            "processes": self.processes,
            "rounds": self.rounds,
        }
        return {name: value for name, value in given.items() if value is not None}


def reproduce(
    name: str, options: ReproduceOptions, *, out: Path, reporter: Reporter = SILENT
) -> Reproduced:
    """Count and measure the cells of a table; what is on file in ``out`` is not measured again.

    Writes ``table.md`` into ``out``. Raises UsageError for a table that is not there or a
    checkpoint that is of none of its rows, and EngineError where no back end can run.
    """
    from reports.published.markdown import markdown
    from reports.published.table import read_published
    from sizewise.core.files import output_folder, written_whole
    from sizewise.pipeline.records.reproducing.timed import timed_cells
    from sizewise.pipeline.records.reproducing.trained import trained_cells

    table = read_published(name)
    cells = dict(trained_cells(table, options.trained, DATA, reporter))
    ways = [f"accuracy of {one.name} on {DATA}" for one in options.trained]
    if takes_measuring(table):
        measuring = measuring_of(options, out=out, reporter=reporter)
        cells |= timed_cells(table, measuring)
        ways.insert(0, described(measuring.backend))
    found = reproduced(table, cells, "; ".join(ways) or COUNTED)
    with written_whole(output_folder(out) / "table.md") as draft:
        draft.write_text(markdown(found), encoding="utf-8")
    return found


def takes_measuring(table: PublishedTable) -> bool:
    """Whether any of its columns is measured, and not counted."""
    from sizewise.pipeline.records.reproducing.timed import KINDS

    return any(column.kind in KINDS for column in table.columns.values())


def measuring_of(options: ReproduceOptions, *, out: Path, reporter: Reporter = SILENT) -> Measuring:
    """How the rows of a table are measured. Raises EngineError where no back end can run."""
    from sizewise.core.files import output_folder
    from sizewise.pipeline.records.reproducing.timed import Measuring

    return Measuring(
        backend=options.backend or _first_backend(),
        settings=options.settings,
        out=output_folder(out),
        reporter=reporter,
    )


def described(backend: str) -> str:
    """What measures here, in words."""
    return f"{backend} on {_device()}, random weights"


def reproduced(
    table: PublishedTable, measured: Mapping[tuple[int, str], Found], how: str
) -> Reproduced:
    """The table with what was ``measured``, what is counted, and why the rest is not there."""
    from reports.published.reproduced import Reproduced, with_ratios
    from sizewise.pipeline.records.reproducing.counted import counted_cells

    cells = {**counted_cells(table), **_waiting(table), **measured}
    return Reproduced(table=table, cells=with_ratios(table, cells), how=how)


def _waiting(table: PublishedTable) -> dict[tuple[int, str], Found]:
    from reports.published.reproduced import Found

    return {
        (place, name): Found(why=why)
        for place, row in enumerate(table.rows)
        for name in row.values
        if (why := _WAITING.get(table.columns[name].kind))
    }


def _first_backend() -> str:
    """Raises EngineError where none can run."""
    from engines.registry import find_backend

    for name in _FIRST[:-1]:
        if find_backend(name).can_run().ok:
            return name
    find_backend(_FIRST[-1]).demand_run()
    return _FIRST[-1]


def _device() -> str:
    from sizewise.core.machine.environment import read_environment

    environment = read_environment()
    devices = [device for device in map(str, environment.devices) if device]
    return ", ".join(devices) or f"{environment.cpu}, {environment.cores} cores"
