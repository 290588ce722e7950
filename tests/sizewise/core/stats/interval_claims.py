"""What the method claims of its intervals: that they hold the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from sizewise.core.stats import FALSE_DISCOVERIES, RIGORS
from tests.sizewise.core.stats import coverage
from tests.sizewise.core.stats.calls import FIGURES, covered_figures
from tests.sizewise.core.stats.claim import DRIFTING, MACHINES, MANY, Claim
from tests.sizewise.core.stats.drift import Schedule
from tests.sizewise.core.stats.groups import SWEEP
from tests.sizewise.core.stats.simulated import Machine

UNLIKE = {"noisy": (2.0, 0.5, 0.5, 0.5), "calm": (0.5, 0.5, 0.5, 2.0)}
"""Noise of the engines of a group, of whose first two the ratio is."""


def _ratios() -> Iterable[Claim]:
    for waves in (8, 12):
        for name, machine in DRIFTING.items():
            for kind, noise in {"2": None, "4": None, **UNLIKE}.items():
                engines = 2 if kind == "2" else 4
                alike = f", the pair {kind} among unlike ones" if noise else ""
                yield Claim(
                    name=f"covered-ratio-{name}-{kind}-{waves}",
                    says=f"95 % intervals of ratios that hold the truth; {name} machine with drift,"
                    f" {waves} waves, {engines} engines{alike}",
                    run=partial(
                        coverage.covered_ratios,
                        machine=machine,
                        schedule=Schedule(waves=waves),
                        engines=engines,
                        noise=noise,
                    ),
                    groups=MANY // 2,
                    low=0.92,
                    high=0.98,
                )


def _latencies() -> Iterable[Claim]:
    schedules = {
        "one after another": Schedule(wave_s=6.0),
        "every 30 s": SWEEP,
        "every 2 min": Schedule(wave_s=120.0),
        "of which 5 with 3 rounds fill 11 s of 300 s": Schedule(
            waves=5, rounds=3, wave_s=2.2, after_s=289.0
        ),
    }
    for name, schedule in schedules.items():
        yield Claim(
            name=f"covered-latency-{schedule.wave_s:g}-s",
            says="95 % intervals of latencies that hold the mean over the sweep; quiet machine with"
            f" drift, waves {name}",
            run=partial(coverage.covered_latencies, machine=DRIFTING["quiet"], schedule=schedule),
            groups=MANY // 4,
            low=0.92,
            # As it was before waves were spread over the sweep: shown for what spreading them does.
            required=not schedule.after_s,
            comparison=bool(schedule.after_s),
        )


def _stopped() -> Iterable[Claim]:
    for rigor in RIGORS.values():
        for name in ("quiet", "shared"):
            machine = MACHINES[name]
            yield Claim(
                name=f"stopped-covered-{name}-{rigor.name}",
                says="95 % intervals of ratios that hold the truth when measuring stops by itself; "
                f"{name} machine, {rigor.name}",
                run=partial(coverage.covered_when_stopped, machine=machine, rigor=rigor),
                groups=MANY // 10,
                low=0.92,
                high=0.98,
            )
            # Seeds follow names: those of this one are none that the level was chosen on.
            yield Claim(
                name=f"ended-false-{name}-{rigor.name}",
                says="pairs of 2 identical engines that get a verdict of FASTER or SLOWER when "
                f"measuring stops by itself; {name} machine with drift, {rigor.name}",
                run=partial(coverage.false_when_stopped, machine=DRIFTING[name], rigor=rigor),
                groups=2 * MANY,
                # More than with a fixed number of waves: a target that is met by chance makes a
                # pair that stands alone look certain. So the goal is missed here.
                high=FALSE_DISCOVERIES,
                required=False,
            )
            yield Claim(
                name=f"stopped-reached-{name}-{rigor.name}",
                says="groups of 4 engines that reach their width before their waves are used up; "
                f"{name} machine, {rigor.name}",
                run=partial(coverage.stopped_in_time, machine=machine, rigor=rigor),
                groups=MANY // 10,
                required=False,
            )


def _figures() -> Iterable[Claim]:
    quiet = Machine(wave=(0, 0), round=(0.015,) * 2, process=(0.01,) * 2, block=(0.02,) * 2)
    shared = Machine(wave=(0.06,) * 2, round=(0.055,) * 2, process=(0.02,) * 2, block=(0.115,) * 2)
    machines = {"quiet": quiet, "shared": shared, "drifting": replace(quiet, drift=0.1)}
    for name, machine in machines.items():
        for figure in FIGURES:
            yield Claim(
                name=f"covered-{figure}-{name}",
                says=f"95 % intervals of the {figure} of calls that hold the truth; {name} machine",
                run=partial(covered_figures, machine=machine, figure=figure),
                groups=MANY // 20,
                low=0.92,
            )
    yield Claim(
        name="covered-p99-shared-30",
        says="95 % intervals of the p99 of calls that hold the truth; shared machine, 30 calls a "
        "turn",
        run=partial(covered_figures, machine=shared, figure="p99", calls=30),
        groups=MANY // 20,
        low=0.92,
        # A figure for the limits of it: one slow turn in a hundred is all that there is to see.
        required=False,
    )


INTERVAL_CLAIMS = (*_ratios(), *_latencies(), *_stopped(), *_figures())
