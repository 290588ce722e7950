"""``sizewise build``: ONNX → engines, and a table of what they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from netzoo.tasks.showing import PictureOptions
from sizewise.cli import console
from sizewise.cli.failures import all_failed, end_with, with_error
from sizewise.cli.options import Json, Out, spell, typed
from sizewise.cli.tables.engines import show_engines, show_refusals, show_remarks
from sizewise.core import codec
from sizewise.core.options.declared import options_of
from sizewise.core.progress import SILENT
from sizewise.pipeline.build import BuildOptions, Builds, ComparedEngine, Refusal


def build(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Any ONNX file that takes images.")
    ],
    options: BuildOptions,
    *,
    out: Out = Path("runs/engines"),
    as_json: Json = False,
) -> None:
    """Build engines and compare each with the FP32 file.

    One engine per size (static), or one for all sizes (dynamic, profiles). Errors are against the
    FP32 file in ONNX Runtime without optimisation.
    """
    from sizewise.core.onnxfiles.model import read_model
    from sizewise.pipeline.build import build
    from sizewise.pipeline.models.fixed import as_files_take_it

    read = read_model(model)
    builds = build(read, options, out=out, reporter=console.reporter())
    taken = as_files_take_it(options, (read,), SILENT)
    pictures = typed(context, options_of(PictureOptions))
    _say(builds, next_step=_next_step(builds, model, taken, pictures), as_json=as_json)


def _next_step(builds: Builds, model: Path, options: BuildOptions, pictures: Sequence[str]) -> str:
    """The next step: measure the engines, or find out why they can't run here."""
    from engines.registry import find_backend

    if not any(find_backend(b.artifact.spec.backend).can_run().ok for b in builds.built):
        return "sizewise doctor says what is missing here to run these engines"
    axes = {
        "backends": ",".join(options.backends),
        "strategies": ",".join(options.strategies),
        "sizes": options.sizes.text,
        "batch": ",".join(map(str, options.batch)),
        "profiles": options.profiles,
    }
    words = [word for name, text in axes.items() if text for word in (spell(name), text)]
    words += [word for option in options.options for word in (spell("options"), option)]
    return console.command("bench", model, *words, *pictures)


def _say(builds: Builds, *, next_step: str, as_json: bool) -> None:
    built, refused = builds.built, builds.refused
    nothing = None if built else all_failed("No engine was built", [one.error for one in refused])
    reasons = {str(refusal.error) for refusal in refused}
    if as_json:
        refusals = list(map(_refusal, refused))
        failed = list(map(_refusal, builds.failed))
        engines = {"engines": list(map(_engine, built)), "refused": refusals, "failed": failed}
        console.show_json(engines | with_error(nothing))
    elif built or len(reasons) > 1:
        show_engines(built)
        show_refusals(refused)
        show_remarks(built)
    if built and not as_json:
        console.next_step(next_step)
    if nothing:
        if as_json:
            end_with(nothing)
        raise nothing
    _remark_on(builds, as_json=as_json)
    if builds.exit_code:
        raise typer.Exit(builds.exit_code)


def _remark_on(builds: Builds, *, as_json: bool) -> None:
    total = len(builds.built) + len(builds.refused)
    for count, what, where in (
        (len(builds.refused), "were not built", "refused"),
        (len(builds.failed), "failed when they were compared", "failed"),
    ):
        if count:
            place = where if as_json else "the table"
            console.remark(f"{count} of {total} engines {what}: {place} says why.")


def _engine(one: ComparedEngine) -> dict[str, Any]:
    plain: dict[str, Any] = codec.to_plain(one.artifact)
    return plain | {"compared": codec.to_plain(one.comparison)}


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {"spec": codec.to_plain(refusal.spec)} | refusal.error.to_json()
