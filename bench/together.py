"""A sweep over two models, whose engines take turns, so that verdicts are of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.interpreter import Interpreter
from bench.outcome import SweepOutcome
from bench.planning.settings import SweepSettings
from bench.planning.sides import plan_sides
from bench.running import RunningSweep
from bench.sweep import RESULTS, measuring, run_of
from bench.waves.launch import Launch, launch_child
from bench.waves.watching import Watching, watching
from engines.planning.specs import engine_specs
from sizewise.core.machine.environment import read_environment
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel


@dataclass(frozen=True, kw_only=True)
class Together:
    """What came of both sides, and the identities of the trials of each."""

    outcome: SweepOutcome
    base: frozenset[str]
    new: frozenset[str]


def sweep_together(
    base: ExportedModel,
    new: ExportedModel,
    settings: SweepSettings,
    out: Path,
    *,
    interpreter: Interpreter | None = None,
    command: str = "",
    progress: Reporter = SILENT,
    launch: Launch = launch_child,
    watch: Watching = watching,
) -> Together:
    """Measure what is not yet on file in ``out`` of both models' latencies; engines of ``base``
    live under ``interpreter``, where there is one.

    Resumes, and raises, as :func:`bench.sweep.sweep` does.
    """
    engine_specs(settings.products())  # wrong names are reported first
    environment = read_environment()
    sides = plan_sides(
        base,
        new,
        settings,
        environment_fingerprint=environment.fingerprint,
        interpreter=interpreter,
    )
    # The newest run on file is that of this interpreter: a report is about its environment.
    places = [(interpreter.path, interpreter.environment)] if interpreter else []
    places.append(("", environment))
    with measuring(out, progress, launch, watch) as tools:
        running = RunningSweep(sides.groups, settings, {}, tools)
        if running.is_needed:
            running.measure(
                {
                    path: tools.store.begin_run(run_of((base, new), settings, there, command))
                    for path, there in places
                }
            )
        outcome = running.outcome(tools.folder / RESULTS)
    return Together(outcome=outcome, base=sides.base, new=sides.new)
