"""A sweep while it is measured: wave by wave, each stored when it is done, then the accuracies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.accuracy.evaluations import Data, Evaluation, evaluate, missing
from bench.builds import Builds
from bench.journal.store import Store
from bench.outcome import SweepOutcome
from bench.planning.plan import Group, Planned
from bench.planning.schedule import Due, Schedule
from bench.planning.settings import SweepSettings
from bench.planning.trying import Trying
from bench.timing.end_to_end import why_not
from bench.timing.flushing import Twin, remark_on, share_of, twin_of
from bench.waves.footprint import Room, expected_bytes
from bench.waves.launch import Launch, Limits
from bench.waves.measured import State
from bench.waves.member import APART_WAVES, LiveMember
from bench.waves.watching import Watching
from bench.waves.wave import Setup, Watch, WaveRun, steps
from engines.store.manifest import remark_on_earlier
from sizewise.core.errors import EngineError, InputError
from sizewise.core.further.resolving import further_of, why_unknown
from sizewise.core.progress import Reporter
from sizewise.core.specs import Size
from sizewise.core.stats import RIGORS
from sizewise.core.trials import Result

ENGINES = "engines"
PICTURES = 12
"""Pictures that each engine is timed on end to end, in each wave."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a sweep works with, whatever it measures."""

    store: Store
    folder: Path
    progress: Reporter
    launch: Launch
    watch: Watching


class RunningSweep:
    """A sweep that goes on with what is on file."""

    def __init__(
        self, groups: Sequence[Group], settings: SweepSettings, data: Data, tools: Tools
    ) -> None:
        self._groups, self._settings, self._data = groups, settings, data
        self._store, self._progress = tools.store, tools.progress
        self._launch, self._watch = tools.launch, tools.watch
        self._limits = Limits(
            timeout_s=settings.timeout_s, memory_bytes=settings.memory_limit_bytes
        )
        self._engines = tools.folder / ENGINES
        self._builds = Builds(self._engines, self._limits, self._progress.remark)
        self._planned = tuple(planned for group in groups for planned in group.members)
        on_file = tools.store.results()
        self._trying = Trying(groups, on_file, tools.store.quarantined(), settings)
        self._schedule = Schedule(groups, on_file, self._trying.left_out, blocks=tools.store.blocks)
        self._on_file = {name: replace(one, blocks=()) for name, one in on_file.items()}
        self._unrated = tools.store.quarantined_accuracies() if not settings.retry else frozenset()
        """Accuracies that failed twice in the same way."""
        self._runs: Mapping[str, int] = {}
        self._touched: set[str] = set()
        self._lost: set[str] = set()
        """Trials whose process ended while something was measured beside its rounds."""
        self._room = Room(tools.progress.remark)

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to measure."""
        return any(self._schedule.due()) or bool(self._unevaluated())

    def measure(self, runs: Mapping[str, int]) -> None:
        """Build, time and evaluate what is due. ``runs`` are the numbers of a run for each
        interpreter: that of trials under this one is of the empty name, and waves are its, too."""
        self._runs = runs
        if again := self._schedule.again:
            self._progress.remark(
                f"Something disturbed {again} {'trial' if again == 1 else 'trials'} on file: more "
                f"processes are measured of {'it' if again == 1 else 'them'} now."
            )
        self._build()
        if any(self._schedule.due()):
            self._measure_waves()
        self._on_file = dict(self._store.results(samples=False))
        todo = self._unevaluated()
        setup = Evaluation(
            data=self._data,
            obtain=self._builds.obtain,
            launch=self._launch,
            limits=self._limits,
            progress=self._progress,
        )
        evaluate(setup, todo, self._store, runs[""])
        self._touched |= {planned.trial.identity for planned in todo}

    def outcome(self, path: Path) -> SweepOutcome:
        """What stands on file now of the planned trials."""
        found = self._store.results(samples=False) if self._touched else self._on_file
        planned = {p.trial.identity for p in self._planned}
        results = [result for identity, result in found.items() if identity in planned]
        left = {p.trial.identity for due in self._schedule.due() for p in due.wanted}
        return SweepOutcome(
            results=path,
            measured=len(self._touched),
            skipped=len(planned - self._touched - left),
            statuses=Counter(result.status for result in results),
            not_all_well=tuple(one for one in results if one.status != "ok" or one.reason),
            unfinished=len(left),
            quarantined=len(self._trying.quarantined | self._not_rated(found)),
        )

    def _build(self) -> None:
        """Build the engines that waves are due of; a failure is stored at once."""
        due = [planned for one in self._schedule.due() for planned in one.members]
        if not due:
            return
        remark_on_earlier(self._engines, self._progress.remark)
        with self._progress.stage("Building engines", len(due)) as stage:
            for planned in due:
                self._obtain(planned, 0)
                stage.advance(note=planned.label)

    def _obtain(self, planned: Planned, rebuild: int) -> LiveMember | None:
        """The engine of a trial, to be measured; None where it can't be built, or is not worth a
        try, which is stored."""
        expected = self._trying.expected_of(planned.trial)
        if expected and not self._schedule.waves(planned):
            self._note(planned, expected)
            return None
        try:
            artifact = self._builds.obtain(planned, rebuild)
            return LiveMember(
                planned,
                artifact,
                sizes=self._sizes(planned),
                measured_apart=self._is_measured_apart(planned),
                twin=self._twin(planned),
            )
        except (EngineError, InputError) as error:
            self._note(planned, State.of(error))
            self._touched.add(planned.trial.identity)
            return None

    def _note(self, planned: Planned, state: State) -> None:
        self._store.note(self._runs[planned.python], planned.trial, state, self._builds.of(planned))
        self._schedule.note(planned.trial, state)
        self._trying.note(planned.trial, state)

    def _measure_waves(self) -> None:
        least = {due.group: self._schedule.to_come(due)[0] for due in self._schedule.due()}
        total = sum(count * steps(group.protocol) for group, count in least.items())
        with ExitStack() as opened:
            watch = opened.enter_context(self._watch(self._limits, self._progress.remark))
            stage = opened.enter_context(self._progress.stage("Measuring", total))
            stage.limit(60 * self._minutes())
            setup = Setup(
                launch=self._launch,
                watch=watch,
                limits=self._limits,
                stage=stage,
                pictures=self._pictures,
            )
            for due in self._in_time(watch):
                left = least[due.group] = least.get(due.group, 0) - 1
                if left < 0:
                    stage.extend(steps(due.group.protocol))
                self._measure_wave(setup, due)

    def _in_time(self, watch: Watch) -> Iterator[Due]:
        """The waves that are due, one of each size after another, while there is time. Time in
        which the sweep was stopped does not count."""
        end_s = time.monotonic() + 60 * self._minutes()
        while waves := list(self._schedule.due()):
            for due in waves:
                if time.monotonic() - watch.stopped_s > end_s:
                    return
                yield due

    def _measure_wave(self, setup: Setup, due: Due) -> None:
        members = [self._obtain(planned, due.rebuild) for planned in due.members]
        running = self._fitting([member for member in members if member is not None])
        if not running:
            setup.stage.advance(steps(due.group.protocol))
            return
        wave = WaveRun(
            setup,
            due.group.protocol,
            due.group.size,
            running,
            number=due.number,
            rebuild=due.rebuild,
        ).measure(lambda member: self._builds.of(member.planned))
        run = self._runs[""]
        runs = {one.planned.trial.identity: self._runs[one.planned.python] for one in running}
        number = self._store.add_wave(run, wave, runs)
        self._schedule.take(wave, number, run)
        for one in wave.members:
            self._trying.note(one.trial, one.state)
            found = one.first_call.flushing if one.first_call else None
            if said := remark_on(one.trial, found):
                self._progress.remark(said)
        wanted = {planned.trial.identity for planned in due.wanted}
        self._touched |= {member.planned.trial.identity for member in running} & wanted
        self._lost |= {member.planned.trial.identity for member in running if member.lost}

    def _is_measured_apart(self, planned: Planned) -> bool:
        """Not again where that ended its process: each time may cost the limit of a call."""
        is_lost = planned.trial.identity in self._lost
        return self._schedule.waves(planned) < APART_WAVES and not is_lost

    def _twin(self, planned: Planned) -> Twin | EngineError | InputError | None:
        """What a trial is compared with in its first wave, where its weights hold subnormal
        numbers; or why that can't be built."""
        known = self._schedule.result(planned.trial).first_calls
        if self._schedule.waves(planned) or any(one.flushing for one in known):
            return None
        try:
            twin = twin_of(planned)
            if twin is None:
                return None
            return Twin(engine=self._builds.obtain(twin), share=share_of(planned))
        except (EngineError, InputError) as error:
            return error

    def _sizes(self, planned: Planned) -> tuple[Size, ...]:
        """All sizes at which the engine of a trial is measured."""
        engine = (planned.model.sha256, planned.trial.spec)
        of_engine = (p for p in self._planned if (p.model.sha256, p.trial.spec) == engine)
        sizes = dict.fromkeys(p.trial.cell.size for p in of_engine if self._schedule.runs(p))
        return tuple(size for size in sizes if planned.trial.spec.admits(size))

    def _fitting(self, members: Sequence[LiveMember]) -> list[LiveMember]:
        """Those that fit into memory together. Who was in fewer waves comes first, so that the next
        wave is of the others."""
        ordered = sorted(members, key=lambda member: self._schedule.waves(member.planned))
        together = ordered[: self._room.count([self._needed_bytes(one) for one in ordered])]
        return [member for member in members if member in together]

    def _needed_bytes(self, member: LiveMember) -> int:
        planned = member.planned
        return expected_bytes(self._schedule.result(planned.trial), self._builds.of(planned))

    def _minutes(self) -> float:
        """The limit of time: of the most rigorous group, unless it was given."""
        by_rigor = (RIGORS[group.protocol.rigor].minutes for group in self._groups)
        return self._settings.max_minutes or max(by_rigor)

    def _pictures(self, member: LiveMember) -> Sequence[Path]:
        planned, model = member.planned, member.planned.model
        data = self._data.get(planned.key)
        unreadable = data is None or why_not(model.card, model.image, data)
        if data is None or unreadable or why_unknown(further_of(model)):
            return ()
        return [image.path for image in data.images[:PICTURES]]

    def _unevaluated(self) -> tuple[Planned, ...]:
        return missing(self._planned, self._on_file, self._data, self._unrated)

    def _not_rated(self, found: Mapping[str, Result]) -> set[str]:
        """Trials that have no accuracy, because that failed twice in the same way."""
        lacking, tried = (
            missing(self._planned, found, self._data, left) for left in ((), self._unrated)
        )
        return {one.trial.identity for one in lacking} - {one.trial.identity for one in tried}
