"""What numbers of this machine are worth: the harness, given what is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.core import codec
from sizewise.core.options import option
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.reading import number

if TYPE_CHECKING:
    from bench.audit.audited import Audit, Skipped
    from bench.audit.null import Overhead
    from bench.audit.parity import Parity
    from bench.audit.sight import Sight
    from bench.audit.turns import PairedWave
    from sizewise.core.specs import EngineArtifact

RECORD = "audit.json"
_TIMEOUT_S = 600.0
_TWINS, _PARITY = 0.40, 0.45
"""Shares of the time; the rest is for inputs and for the gate."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """How long an audit takes."""

    minutes: float = option(
        number(above=0),
        3.0,
        help="About how long to measure, in minutes: the longer, the more exact. Building engines "
        "comes on top.",
        group="Measurement",
    )

    def waves(self, in_a_minute: float, most: int) -> int:
        """So many waves in a minute, three at least."""
        return max(3, min(round(in_a_minute * self.minutes), most))


def audit(options: AuditOptions, *, out: Path, reporter: Reporter = SILENT) -> tuple[Audit, Path]:
    """Audit this machine: what was measured, and the folder below ``out`` that keeps it.

    Raises BackendUnavailableError where no back end runs here, EngineError where an engine of its
    own fails, and OutputError.
    """
    from bench.audit.audited import Audit
    from bench.audit.cells import usable_backends
    from bench.audit.twins import measure_twins
    from sizewise.core.files import output_folder
    from sizewise.core.machine.cores import default_threads

    names = usable_backends()
    started = datetime.now(UTC)
    folder = output_folder(out / started.strftime("%Y-%m-%dT%H-%M-%SZ"))
    threads = min(2, default_threads())
    overhead = _overhead(reporter)
    twins = measure_twins(
        names[0],
        threads,
        folder,
        waves=options.waves(8 / 3, 48),
        minutes=_TWINS * options.minutes,
        progress=reporter,
    )
    parity, skipped, engine = _beside(names, threads, out, options, reporter)
    found = Audit(
        started=started.isoformat(timespec="seconds"),
        threads=threads,
        overhead=overhead,
        twins=twins,
        parity=parity,
        skipped=skipped,
        inputs=_inputs(engine, options, reporter),
        sight=_sight(engine, reporter),
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


def _overhead(reporter: Reporter) -> Overhead:
    from bench.audit.null import CALLS, Overhead
    from sizewise.core.child import run_in_child

    with reporter.stage("Calls of nothing", 1) as stage:
        given = run_in_child(
            "bench.audit.null:time_nothing", {"calls": CALLS}, timeout_s=_TIMEOUT_S
        )
        stage.advance(note=f"{CALLS:,} calls")
    return codec.from_plain(given, Overhead)


def _beside(
    names: tuple[str, ...], threads: int, out: Path, options: AuditOptions, reporter: Reporter
) -> tuple[tuple[Parity, ...], tuple[Skipped, ...], EngineArtifact]:
    """What was measured beside the libraries, what was not, and an engine for what follows."""
    from bench.audit.audited import Skipped
    from bench.audit.cells import engine_of, measure_cells, obtain_cells
    from bench.audit.models import LARGE, write_pyramid
    from bench.audit.turns import Shape
    from bench.launch import Limits

    model = write_pyramid(out / "pyramid.onnx")
    obtained = list(obtain_cells(model, names, threads, out / "engines", reporter))
    cells = [one for one in obtained if not isinstance(one, Skipped)]
    runs, failed = measure_cells(
        cells,
        Limits(timeout_s=_TIMEOUT_S),
        Shape(),
        reporter,
        waves=options.waves(2, 24),
        seconds=60 * _PARITY * options.minutes,
    )
    unbuilt = tuple(one for one in obtained if isinstance(one, Skipped))
    engine = engine_of(model, names[0], LARGE, threads, out / "engines")
    return tuple(run.parity for run in runs), (*unbuilt, *failed), engine


def _inputs(
    engine: EngineArtifact, options: AuditOptions, reporter: Reporter
) -> tuple[PairedWave, ...]:
    from bench.audit.inputs import measure_inputs
    from bench.audit.models import LARGE
    from bench.audit.turns import Shape

    waves = options.waves(4 / 3, 12)
    found = []
    with reporter.stage("Other images", waves) as stage:
        for wave in range(waves):
            found.append(measure_inputs(engine, LARGE, Shape(), wave, timeout_s=_TIMEOUT_S))
            stage.advance(note=f"wave {wave + 1}")
    return tuple(found)


def _sight(engine: EngineArtifact, reporter: Reporter) -> Sight:
    from bench.audit.models import LARGE
    from bench.audit.sight import BURNT_ROUNDS, QUIET_ROUNDS, look
    from bench.audit.turns import Shape
    from bench.launch import Limits
    from bench.watching import watching

    limits = Limits(timeout_s=_TIMEOUT_S)
    with (
        watching(limits) as watch,
        reporter.stage("The gate", QUIET_ROUNDS + BURNT_ROUNDS) as stage,
    ):
        return look(engine, LARGE, limits, watch, Shape(), stage=stage)
