"""``sizewise bench``: a sweep into ``results.sqlite``."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import (
    AllowFallback,
    BackendOptionList,
    Backends,
    Batches,
    Data,
    Fusions,
    GraphFusions,
    Json,
    Out,
    Profiles,
    SizeList,
    Strategies,
    Threads,
    comma_list,
)
from sizewise.core.errors import UsageError
from sizewise.pipeline.models import read_as

if TYPE_CHECKING:
    from bench.settings import SweepSettings
    from bench.sweep import Outcome
    from sizewise.core.specs import ExportedModel


def bench(
    context: typer.Context,
    models: Annotated[
        list[Path], typer.Argument(help="ONNX files, or one TOML file that names them.")
    ],
    *,
    backend: Backends = "onnxruntime,openvino",
    strategy: Strategies = "static,dynamic",
    sizes: SizeList = "320:640:160",
    fusion: Fusions = "",
    graph_fusion: GraphFusions = "",
    batch: Batches = "1",
    profiles: Profiles = "",
    backend_option: BackendOptionList = None,
    threads: Threads = 0,
    allow_fallback: AllowFallback = False,
    data: Data = "",
    layout: Annotated[str, typer.Option(help="How a foreign detector's outputs are read.")] = "",
    replicas: Annotated[int, typer.Option(help="How often each trial is measured anew.")] = 1,
    processes: Annotated[int, typer.Option(help="Processes per trial (5 or more: narrow).")] = 5,
    rounds: Annotated[int, typer.Option(help="Blocks of calls in each process.")] = 6,
    out: Out = Path("runs/bench"),
    as_json: Json = False,
) -> None:
    """Measure latency, memory and accuracy of every engine; a killed sweep goes on where it was."""
    if [path.suffix for path in models] == [".toml"]:
        from sizewise.pipeline.config import read_bench_file

        _demand_no_axes(context)
        file = read_bench_file(models[0])
        paths: Sequence[Path] = file.models
        settings = file.bench
    else:
        paths = models
        settings = settings_from(
            backends=comma_list(backend),
            strategies=comma_list(strategy),
            sizes=sizes,
            fusion=comma_list(fusion),
            graph_fusion=comma_list(graph_fusion),
            batch=comma_list(batch),
            profiles=profiles,
            options=backend_option or (),
            threads=threads,
            allow_fallback=allow_fallback,
            data=data,
            replicas=replicas,
            processes=processes,
            rounds=rounds,
        )
    exported = [read_as(path, layout) for path in paths]
    outcome = sweep_models(exported, settings, out, command=command_line())
    _say(outcome, as_json=as_json)
    if not outcome.statuses.get("ok"):
        console.remark("No trial could be measured: the table says why.")
    raise typer.Exit(outcome.exit_code)


def _demand_no_axes(context: typer.Context) -> None:
    """Raises UsageError for options that a TOML file says itself."""
    beside = ("models", "out", "as_json")
    given = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in beside and str(context.get_parameter_source(name)).endswith("COMMANDLINE")
    ]
    if given:
        raise UsageError(
            f"{', '.join(given)} can't be given beside a TOML file",
            "the file says what is measured",
            "Write it into the table [bench] of the file, or name the models instead.",
        )


def command_line() -> str:
    """What was typed, to be typed again."""
    return shlex.join(["sizewise", *sys.argv[1:]])


def settings_from(**options: Any) -> SweepSettings:
    """Options as settings. Raises UsageError that names the option."""
    from bench.settings import SweepSettings
    from sizewise.pipeline.config import validated

    return validated(SweepSettings, options, "the options")


def sweep_models(
    models: Sequence[ExportedModel], settings: SweepSettings, out: Path, *, command: str
) -> Outcome:
    """Measure with a bar."""
    from bench.sweep import sweep

    return sweep(models, settings, out, command=command, progress=console.progress())


def _say(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        console.show_json(
            {
                "results": str(outcome.results),
                "measured": outcome.measured,
                "skipped": outcome.skipped,
                "statuses": dict(outcome.statuses),
            }
        )
        return
    counts = ", ".join(f"{count} {status}" for status, count in outcome.statuses.items())
    typer.echo(
        f"{outcome.results}: {outcome.measured} trials measured, "
        f"{outcome.skipped} on file before ({counts})"
    )
    say_reasons(outcome)
    console.next_step(f"sizewise report {outcome.results}")


def say_reasons(outcome: Outcome) -> None:
    """A table of the trials without figures, if there are any: how many, and why."""
    counts = Counter(
        (r.trial.cell.backend, r.trial.cell.strategy, r.status, r.reason_code, r.reason)
        for r in outcome.without_figures
    )
    if counts:
        columns = ("back end", "strategy", "status", "code", "why", "trials")
        rows = [(*key, count) for key, count in counts.items()]
        console.show_table("Not measured", columns, rows)
