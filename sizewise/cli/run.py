"""``sizewise run``: train → export → build and sweep → report, each skipped where it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise.cli import console
from sizewise.cli.bench import command_line, say_reasons, sweep_models
from sizewise.cli.export import export_source
from sizewise.cli.options import Json
from sizewise.cli.precision_tables import show_made
from sizewise.cli.report import say_findings
from sizewise.cli.train import train_checkpoint
from sizewise.core.files import output_folder
from sizewise.pipeline.convert import Made, convert_all

if TYPE_CHECKING:
    from sizewise.core.specs import ExportedModel
    from sizewise.pipeline.config import LineSettings


def run(
    config: Annotated[Path, typer.Argument(help="A TOML file; see examples/.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder of all results (default: its own).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train, export, build, sweep and report; what is done already is skipped."""
    from reports.markdown import write_report
    from sizewise.pipeline.config import read_line

    line = read_line(config)
    line.check()
    folder = output_folder(out or line.out)
    checkpoints = [train_checkpoint(one, line.data, folder) for one in line.train.each()]
    all_made = [made for checkpoint in checkpoints for made in _export(line, checkpoint, folder)]
    for made in () if as_json else all_made:
        show_made(made)
    models = [made.model for made in all_made]
    outcome = sweep_models(models, line.sweep, folder, command=command_line())
    written = write_report(outcome.results, folder / "report", {m.sha256 for m in models})
    if as_json:
        console.show_json({"report": str(written.path), "findings": list(written.findings)})
    else:
        say_reasons(outcome)
        say_findings(written.path, written.findings)
        console.next_step(f"read {written.path}, then try your own data: see examples/digits.toml")
    raise typer.Exit(outcome.exit_code)


def _export(line: LineSettings, checkpoint: Path, out: Path) -> tuple[Made, ...]:
    from sizewise.pipeline.sources import SourceOptions

    path = checkpoint.with_suffix(".onnx")
    parent = _exported_already(path, checkpoint) or export_source(
        str(checkpoint), SourceOptions(), line.export.size, out
    )
    return convert_all(parent, line.export.options(line.data), out)


def _exported_already(path: Path, checkpoint: Path) -> ExportedModel | None:
    from sizewise.core.onnxfile import read_model, sha256_of

    if not path.exists():
        return None
    model = read_model(path)
    if model.card.checkpoint_sha256 != sha256_of(checkpoint) or not model.program_path.exists():
        return None
    console.remark(f"{path} is of this checkpoint already: not exported again.")
    return model
