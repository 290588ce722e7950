"""The steps of a plan: decide, build, measure together, decide again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from reports.choice.planning.assembling import assembled
from reports.choice.planning.correcting import corrected, keeps_floor
from reports.choice.planning.decided import Decided
from reports.choice.planning.setting import Setting
from reports.choice.planning.telling import Unknown
from reports.page.plan.text import Told
from reports.page.plan.writing import write_plan_page
from reports.page.shell import why_no_page
from reports.plots.plan import plan_figure
from reports.plots.saved import save
from sizewise.core.files import output_folder
from sizewise.core.progress import Reporter
from sizewise.core.specs.plan import MeasuredAccuracy, Plan
from sizewise.core.specs.stored_plan import NAME, write_plan
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.records.planning.contest import SETS, Contest, best_single, is_among, near
from sizewise.pipeline.records.planning.data import (
    PlanData,
    demand_squares,
    measure_squares,
    open_data,
)
from sizewise.pipeline.records.planning.doubting import unknown
from sizewise.pipeline.records.planning.engines import built, folders, planned_models
from sizewise.pipeline.records.planning.keeping import Rated, kept
from sizewise.pipeline.records.planning.measuring import (
    hoped_for,
    measure_sizes,
    model_of,
    without_model,
)
from sizewise.pipeline.records.planning.options import Planned, PlanOptions
from sizewise.pipeline.records.planning.profiling import (
    COUNTS,
    measure_profiles,
    missing_profiles,
)
from sizewise.pipeline.records.planning.rating import Rating
from sizewise.pipeline.records.planning.refusing import decided_or_refused, demand_served
from sizewise.pipeline.records.planning.setting import read_sources, setting_of
from sizewise.pipeline.records.planning.streaming import Replayed, bounded, by_turns

_PICTURES = 400
"""Of the traffic, in each process in which engines run together, at the most."""
_TURNS = 8
"""Of measuring sizes: each may show that others are worth it."""
PLOT, PAGE = "plan.png", "plan.html"


class Making:
    """One call of ``sizewise plan``."""

    def __init__(
        self, results: Path, options: PlanOptions, traffic: Traffic, out: Path, reporter: Reporter
    ) -> None:
        self._options = options
        self._traffic = traffic
        self._out = out
        self._reporter = reporter
        self._sources = read_sources(results, options.batch)
        self._data: PlanData | None = None

    def planned(self) -> Planned:
        """The plan, written. Raises as ``sizewise.pipeline.records.plan.plan`` does."""
        decided, found, measured = self.made()
        plan = replace(self.built(decided), measured=measured)
        return self._written(plan, tuple(self._unknown(decided)), found)

    def made(self) -> tuple[Decided, Replayed | None, MeasuredAccuracy | None]:
        """The decision, how its engines were measured together, and their accuracy on the data."""
        self._data = self._opened()
        setting = self._measured_sizes() if self._options.measure else self._setting()
        demand_served(setting, self._sources, self._traffic.name, measure=self._options.measure)
        decided = decided_or_refused(setting, self._traffic.name)
        if self._data is not None:
            rated = kept(decided, self._rated, self._reporter, self._compared)
            return rated.decided, rated.replayed, rated.measured
        if not self._options.measure:
            return decided, None, None
        best = self._contest.best(decided)
        return best.decided, best.replayed, None

    @property
    def _contest(self) -> Contest:
        return Contest(run=self._run, fits=self._fits, traffic=self._traffic.name)

    def _measured_sizes(self) -> Setting:
        """The setting, once each size is measured that may make the plan better."""
        setting = self._setting()
        if profiled := missing_profiles(setting, COUNTS):
            measure_profiles(self._sources, profiled, self._reporter)
            self._sources = read_sources(self._sources.results, self._options.batch)
            setting = self._setting()
        wanted, tried = without_model(setting) or hoped_for(setting), frozenset[str]()
        for _ in range(_TURNS):
            if not wanted:
                break
            measure_sizes(self._sources, wanted, self._reporter)
            tried |= {group.engine_at(one) for group, sizes in wanted.items() for one in sizes}
            self._sources = read_sources(self._sources.results, self._options.batch)
            setting = self._setting()
            wanted = hoped_for(setting, tried)  # what failed is not tried again
        return setting

    def _unknown(self, decided: Decided) -> Iterator[Unknown]:
        measure, is_rated = self._options.measure, self._data is not None
        return unknown(decided, self._sources, measure=measure, is_rated=is_rated)

    def _fits(self, decided: Decided) -> bool:
        """Whether it keeps to the limits; to that on accuracy, where it is not measured later."""
        if self._data is None:
            return decided.fits
        without = replace(decided.problem, min_accuracy=None)
        return without.fits(decided.solution.served)

    def _run(self, sets: Sequence[Decided], processes: int) -> Sequence[Replayed]:
        """Each set over the traffic, by turns."""
        plans = [self.built(one, is_draft=True) for one in sets]
        with self._reporter.stage("Engines together", len(plans) * processes) as stage:
            return by_turns(
                plans,
                self._traffic,
                self._out,
                min(bounded(one, processes, _PICTURES) for one in plans),
                timeout_s=self._options.timeout_s,
                processes=processes,
                on_turn=stage.advance,
            )

    def _rated(self, decided: Decided, may_change: bool) -> Rated:
        """The engines with their accuracy on the data; what is faster as measured in their place,
        where they ``may_change``."""
        if self._options.measure:
            looked = self._contest.looked(decided, sets=SETS if may_change else 1)
            decided = min(looked, key=lambda one: one.objective_ms)
        return self._with_accuracy(decided)

    def _with_accuracy(self, decided: Decided) -> Rated:
        assert self._data is not None  # noqa: S101 - nothing else calls it
        rating = Rating(
            data=self._data,
            out=self._out,
            timeout_s=self._options.timeout_s,
            reporter=self._reporter,
        )
        model = model_of(decided.served[0].group, self._sources)
        measured = rating.of(self.built(decided, is_draft=True), decided, model)
        return Rated(decided=corrected(decided, measured), measured=measured)

    def _compared(self, rated: Sequence[Rated]) -> Sequence[Rated]:
        """Those that may win and the best single engine, measured by turns: they ran at different
        times, and the machine's speed wanders. Raises UsageError."""
        if not self._options.measure:
            return rated
        sets = near([one.decided for one in rated])
        known = {id(one.decided): one for one in rated}
        single = best_single(rated[-1].decided.setting)
        if single is not None and not is_among(single, sets):
            one = self._with_accuracy(single)
            if keeps_floor(one.decided):
                known[id(one.decided)] = one
                sets.append(one.decided)
        return [
            replace(known[id(then.before)], decided=then.decided, replayed=then.replayed)
            for then in self._contest.by_turns(sets)
        ]

    def _opened(self) -> PlanData | None:
        """The data of a plan, and the accuracy of square inputs on them in the results."""
        options, reporter = self._options, self._reporter
        if not options.data:
            return None
        data = open_data(self._sources, options, reporter)
        if measure_squares(self._sources, data, options.side, reporter):
            self._sources = read_sources(self._sources.results, options.batch)
            demand_squares(self._sources, data)
        return data

    def _written(self, plan: Plan, doubts: tuple[Unknown, ...], found: Replayed | None) -> Planned:
        path, no_page = output_folder(self._out) / NAME, why_no_page(PAGE)
        write_plan(plan, path)
        save(plan_figure(plan), self._out / PLOT)
        if not no_page:
            told = Told(
                plan=plan,
                machine=self._sources.records.environment,
                unknown=doubts,
                together=found.measured if found else None,
            )
            write_plan_page(told, self._out / PAGE)
        return Planned(
            plan=plan,
            path=path,
            plot=self._out / PLOT,
            page=None if no_page else self._out / PAGE,
            no_page=no_page,
            missing=tuple(map(str, doubts)),
            replayed=found,
        )

    def _setting(self) -> Setting:
        options = self._options
        images = self._data.images if self._data else None
        return setting_of(self._sources, self._traffic, options, options.side, images)

    def built(self, decided: Decided, *, is_draft: bool = False) -> Plan:
        """The plan of a decision, and its engines in their folders."""
        metric = decided.setting.curves.metric
        models = planned_models(self._sources, self._out, metric.task if metric else "unknown")
        artifacts = built(decided, self._sources, self._out, self._reporter)
        return assembled(
            decided,
            self._traffic,
            models,
            folders(artifacts, self._out),
            self._sources.records.environment.fingerprint,
            is_draft=is_draft,
        )
