"""The steps of a plan: decide, build, measure together, decide again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reports.choice.planning.assembling import assembled, inputs_by_engine
from reports.choice.planning.deciding import Decided, Setting
from reports.choice.planning.telling import Unknown
from reports.page.plan.text import Told
from reports.page.plan.writing import write_plan_page
from reports.page.shell import why_no_page
from reports.plots.plan import plan_figure
from reports.plots.saved import save
from reports.text.words import counted, listed
from sizewise.core.errors import RecordError
from sizewise.core.files import output_folder
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs.plan import Plan
from sizewise.core.specs.stored_plan import NAME, write_plan
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.records.planning.doubting import unknown
from sizewise.pipeline.records.planning.engines import built, folders, planned_models
from sizewise.pipeline.records.planning.measuring import hoped_for, measure_sizes, without_model
from sizewise.pipeline.records.planning.options import Planned, PlanOptions
from sizewise.pipeline.records.planning.refusing import decided_or_refused
from sizewise.pipeline.records.planning.setting import read_sources, setting_of
from sizewise.pipeline.records.planning.streaming import Replayed, replayed

_TRIES = 3
"""A plan is made anew where its engines together take other memory than was expected."""
_TURNS = 8
"""Of measuring sizes: each may show that others are worth it."""
_SHOWN = 8
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

    def planned(self) -> Planned:
        """The plan, written. Raises as ``sizewise.pipeline.records.plan.plan`` does."""
        decided, plan, found = self.made()
        return self._written(
            plan,
            tuple(unknown(decided.setting, decided, self._sources, measure=self._options.measure)),
            found,
        )

    def made(self) -> tuple[Decided, Plan, Replayed | None]:
        """The decision, its plan with the engines, and how these were measured together."""
        setting = self._measured_sizes() if self._options.measure else self._setting()
        self._demand_served(setting)
        decided = self._decided(setting)
        plan, found = self.built(decided), None
        for _ in range(_TRIES if self._options.measure else 0):
            found = replayed(plan, self._traffic, self._out, None)
            better = self._decided(_measured(decided, found))
            same = inputs_by_engine(better) == inputs_by_engine(decided)
            decided, plan = better, self.built(better)
            if same:
                break
        return decided, plan, found

    def _measured_sizes(self) -> Setting:
        """The setting, once each size is measured that may make the plan better."""
        setting = self._setting()
        wanted = without_model(setting) or hoped_for(setting)
        for _ in range(_TURNS):
            if not wanted:
                break
            measure_sizes(self._sources, wanted, self._reporter)
            self._sources = read_sources(self._sources.results, self._options.batch)
            setting = self._setting()
            wanted = hoped_for(setting)
        return setting

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
        return setting_of(self._sources, self._traffic, options, options.side)

    def built(self, decided: Decided) -> Plan:
        """The plan of a decision, and its engines in their folders."""
        metric = decided.setting.curves.metric
        models = planned_models(self._sources, self._out, metric.task if metric else "unknown")
        artifacts = built(decided, self._sources, self._out, self._reporter)
        environment = self._sources.records.environment.fingerprint
        return assembled(decided, self._traffic, models, folders(artifacts, self._out), environment)

    def _demand_served(self, setting: Setting) -> None:
        """Raises RecordError where a size that comes was not measured in any engine."""
        served = {n for use in setting.uses(None) for n in use.candidate.serves}
        sizes = [size for n, size in enumerate(setting.demand.sizes) if n not in served]
        if sizes:
            command = self._sources.bench_command(setting.groups, sizes)
            raise RecordError(
                f"No engine can serve {counted(len(sizes), 'size')} of {self._traffic.name}",
                f"{listed(map(str, sizes), most=_SHOWN)} and nothing larger was measured",
                f"Measure, or add {spelled('measure')}: {command}",
            )

    def _decided(self, setting: Setting) -> Decided:
        return decided_or_refused(setting, self._traffic.name)


def _measured(decided: Decided, found: Replayed) -> Setting:
    """The setting with the memory of all engines together, what a picture takes at each place of
    theirs, and what their changes cost."""
    before = decided.setting
    place_ms = {(one.place.engine, one.place.input): one.ms for one in found.alone}
    return replace(
        before,
        together=decided.together(found.measured.memory_mib),
        switch_ms={**before.switch_ms, **found.switch_ms},
        place_ms={**before.place_ms, **place_ms},
        pace=decided.pace(place_ms),
    )
