"""What numbers of this machine are worth: the harness, given what is known beforehand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.core import codec
from sizewise.core.options.declared import option
from sizewise.core.options.reading import number
from sizewise.core.progress import SILENT, Reporter

if TYPE_CHECKING:
    from bench.audit.audited import Audit, Skipped
    from bench.audit.null import Overhead
    from bench.audit.parity import Parity
    from bench.audit.plan import Plan
    from bench.audit.sight import Sight
    from bench.audit.turns import PairedWave
    from sizewise.core.specs import EngineArtifact

RECORD = "audit.json"
_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """How long an audit takes."""

    minutes: float = option(
        number(above=0),
        3.0,
        help="About how long to measure, in minutes: the longer, the more exact. Building engines "
        "comes on top. From 6 on, PyTorch is measured beside its library too, which takes seconds "
        "to start.",
        group="Measurement",
    )


def audit(options: AuditOptions, *, out: Path, reporter: Reporter = SILENT) -> tuple[Audit, Path]:
    """Audit this machine: what was measured, and the folder below ``out`` that keeps it.

    Raises BackendUnavailableError where no back end runs here, EngineError where an engine of its
    own fails, and OutputError.
    """
    from bench.audit.audited import Audit
    from bench.audit.cells import affordable, usable_backends
    from bench.audit.plan import plan_of
    from bench.audit.twins import measure_twins
    from sizewise.core.files import output_folder
    from sizewise.core.machine.cores import default_threads

    names, plan = usable_backends(), plan_of(options.minutes)
    started = datetime.now(UTC)
    folder = output_folder(out / started.strftime("%Y-%m-%dT%H-%M-%SZ"))
    threads = min(2, default_threads())
    overhead = _overhead(plan, reporter)
    twins = measure_twins(
        names[0],
        threads,
        folder,
        waves=plan.twin_waves,
        minutes=plan.twin_minutes,
        progress=reporter,
    )
    taken, left_out = affordable(names, plan.with_torch)
    parity, skipped, engine = _beside(taken, threads, out, plan, reporter)
    found = Audit(
        started=started.isoformat(timespec="seconds"),
        threads=threads,
        overhead=overhead,
        twins=twins,
        parity=parity,
        skipped=skipped,
        left_out=left_out,
        inputs=_inputs(engine, plan, reporter),
        sight=_sight(engine, plan, reporter),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _keep(found, folder / RECORD)
    return found, folder


def document(found: Audit) -> dict[str, Any]:
    """The audit as plain values: the environment, the checks and the verdict, and all that was
    measured."""
    from bench.audit.checks import checks
    from bench.audit.words import verdict
    from sizewise.core.machine.environment import read_environment

    return {
        "environment": codec.to_plain(read_environment()),
        "checks": codec.to_plain(checks(found)),
        "verdict": list(verdict(found)),
        "measured": codec.to_plain(found),
    }


def _keep(found: Audit, path: Path) -> None:
    from sizewise.core.files import written_whole

    with written_whole(path) as draft:
        draft.write_text(codec.to_json(document(found)) + "\n", encoding="utf-8")


def _overhead(plan: Plan, reporter: Reporter) -> Overhead:
    from bench.audit.null import Overhead
    from sizewise.core.children.child import run_in_child

    with reporter.stage("Calls of nothing", 1) as stage:
        given = run_in_child(
            "bench.audit.null:time_nothing", {"calls": plan.calls}, timeout_s=_TIMEOUT_S
        )
        stage.advance(note=f"{plan.calls:,} calls")
    return codec.from_plain(given, Overhead)


def _beside(
    names: tuple[str, ...], threads: int, out: Path, plan: Plan, reporter: Reporter
) -> tuple[tuple[Parity, ...], tuple[Skipped, ...], EngineArtifact]:
    """What was measured beside the libraries, what was not, and an engine for what follows."""
    from bench.audit.audited import Skipped
    from bench.audit.cells import engine_of, measure_cells, obtain_cells
    from bench.audit.models import LARGE, write_pyramid
    from bench.waves.launch import Limits

    model = write_pyramid(out / "pyramid.onnx")
    obtained = list(obtain_cells(model, names, threads, out / "engines", reporter))
    cells = [one for one in obtained if not isinstance(one, Skipped)]
    runs, failed = measure_cells(
        cells,
        Limits(timeout_s=_TIMEOUT_S),
        plan.shape,
        reporter,
        waves=plan.cell_waves,
        seconds=plan.cell_s,
    )
    unbuilt = tuple(one for one in obtained if isinstance(one, Skipped))
    engine = engine_of(model, names[0], LARGE, threads, out / "engines")
    return tuple(run.parity for run in runs), (*unbuilt, *failed), engine


def _inputs(engine: EngineArtifact, plan: Plan, reporter: Reporter) -> tuple[PairedWave, ...]:
    from bench.audit.inputs import measure_inputs
    from bench.audit.models import LARGE

    found: list[PairedWave] = []
    end_s = time.monotonic() + plan.input_s
    with reporter.stage("Other images", plan.input_waves) as stage:
        while not found or (len(found) < plan.input_waves and time.monotonic() < end_s):
            wave = measure_inputs(engine, LARGE, plan.shape, len(found), timeout_s=_TIMEOUT_S)
            found.append(wave)
            stage.advance(note=f"wave {len(found)}")
        stage.extend(len(found) - plan.input_waves)
    return tuple(found)


def _sight(engine: EngineArtifact, plan: Plan, reporter: Reporter) -> Sight:
    from bench.audit.models import LARGE
    from bench.audit.sight import BURNT_ROUNDS, QUIET_ROUNDS, look
    from bench.waves.launch import Limits
    from bench.waves.watching import watching

    limits = Limits(timeout_s=_TIMEOUT_S)
    with (
        watching(limits) as watch,
        reporter.stage("The gate", QUIET_ROUNDS + BURNT_ROUNDS) as stage,
    ):
        return look(engine, LARGE, limits, watch, plan.shape, stage=stage)
