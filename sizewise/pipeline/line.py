"""The whole line: train → export → build and sweep → report; finished steps are skipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.training.loop.ranks import processes_told
from sizewise.core.errors import UsageError
from sizewise.core.files import output_folder
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.bench import bench
from sizewise.pipeline.config import LineSettings, words_of_bench
from sizewise.pipeline.convert import Converted, convert_all
from sizewise.pipeline.export import ExportOptions, export_source
from sizewise.pipeline.train import train_checkpoints

if TYPE_CHECKING:
    from bench.sweep import SweepOutcome
    from reports.markdown import Report
    from sizewise.core.specs import ExportedModel


@dataclass(frozen=True, kw_only=True)
class Line:
    """The results of a line."""

    converted: tuple[Converted, ...]
    outcome: SweepOutcome
    report: Report


def export_line(
    line: LineSettings, out: Path | None = None, reporter: Reporter = SILENT
) -> tuple[Converted, ...]:
    """Train and export. Raises as ``train`` and ``export`` do, UsageError before that."""
    _demand_one_process()
    line.check()
    folder = output_folder(out or line.out)
    checkpoints = train_checkpoints(line.training, line.data, folder, reporter, line.images)
    return tuple(
        one for checkpoint in checkpoints for one in _export(line, checkpoint, folder, reporter)
    )


def _demand_one_process() -> None:
    """Raises UsageError under ``torchrun``: engines are measured by one process at a time."""
    if processes_told() > 1:
        raise UsageError(
            f"sizewise run can't be shared by {processes_told()} processes",
            "only a training can",
            "Run torchrun with sizewise train, then export its checkpoint and measure that.",
        )


def measure_line(
    line: LineSettings,
    converted: tuple[Converted, ...],
    out: Path | None = None,
    *,
    command: str = "",
    reporter: Reporter = SILENT,
) -> Line:
    """Build, sweep and report the models of :func:`export_line`."""
    from reports.markdown import write_report

    folder = output_folder(out or line.out)
    models = [one.model for one in converted]
    with words_of_bench(line.path):
        outcome = bench(models, line.sweep, out=folder, command=command, reporter=reporter)
    report = write_report(outcome.results, folder / "report", {m.sha256 for m in models})
    return Line(converted=converted, outcome=outcome, report=report)


def _export(
    line: LineSettings, checkpoint: Path, out: Path, reporter: Reporter
) -> tuple[Converted, ...]:
    path = checkpoint.with_suffix(".onnx")
    parent = _exported_already(path, checkpoint, reporter) or export_source(
        str(checkpoint), ExportOptions(size=line.export.size), out, reporter
    )
    return convert_all(parent, line.precisions, out, reporter)


def _exported_already(path: Path, checkpoint: Path, reporter: Reporter) -> ExportedModel | None:
    from sizewise.core.onnxfiles.model import read_model, sha256_of

    if not path.exists():
        return None
    model = read_model(path)
    card, program = model.card, model.program_path
    if card.checkpoint_sha256 != sha256_of(checkpoint):
        return None
    # Both get their names one after the other: between the two, the program may be an earlier one.
    if not program.exists() or card.program_sha256 not in ("", sha256_of(program)):
        return None
    reporter.remark(f"{path} is up to date with its checkpoint: not exported again.")
    return model
