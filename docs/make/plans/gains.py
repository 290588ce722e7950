"""Plans beside plain choices of engines, for real (python -m docs.make.plans.gains).

For each network and each traffic that is made up, a plan is made as ``sizewise plan`` makes it with
``--measure`` and ``--data``. It and the plain choices run the same pictures by turns, each in a
process of its own. It needs a quiet machine.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.make.method.records import now, origin, write_record
from docs.make.plans.networks import NETWORKS, OUT, RESULTS, with_accuracy
from docs.make.plans.pictures import save_pictures, traffic_at
from reports.choice.planning.deciding import decide
from reports.choice.planning.plain import plain_choices
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.specs.plan import Plan
from sizewise.core.specs.stored_plan import write_plan
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.records.planning.making import Making
from sizewise.pipeline.records.planning.options import PlanOptions
from sizewise.pipeline.records.planning.setting import read_sources, setting_of
from sizewise.pipeline.records.planning.streaming import Replayed, replayed
from sizewise.pipeline.records.replay import ReplayOptions, replay

RECORD = "planning-gains"
TRAFFICS = ("photographs", "documents", "video-crops")
SIDE = 416
ROUNDS = 4
"""Turns of each choice."""
PICTURES = 400
"""Of the traffic, in a turn."""
ROOM = 1.1
"""The memory of a plan: so many times what the best dynamic engine was measured to take."""
_ANY_MIB = 100_000.0
PLAN = "the plan"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network and a traffic, and what they leave below ``out``."""

    network: str
    traffic: Traffic

    @property
    def out(self) -> Path:
        return OUT / self.network / self.traffic.name

    @property
    def data(self) -> Path:
        """The annotated pictures."""
        return self.out / "pictures" / "val.json"

    @property
    def results(self) -> Path:
        return self.out / "results" / RESULTS

    def making(self, max_memory_mib: float, out: Path) -> Making:
        options = PlanOptions(
            max_memory_mib=max_memory_mib,
            side=SIDE,
            measure=True,
            data=str(self.data),
        )
        return Making(self.results, options, self.traffic, out, console.reporter())


def main() -> None:
    started, before, rows = now(), origin(), list[dict[str, Any]]()
    for case in tuple(_cases()):
        rows.append(_measured(case))
        record = {"started": started, "ended": now(), "rounds": ROUNDS, "rows": rows}
        write_record(RECORD, before | record)


def _cases() -> Iterable[Case]:
    for network in NETWORKS:
        for name in TRAFFICS:
            case = Case(network=network, traffic=traffic_at(name, SIDE))
            save_pictures(case.traffic, case.data)
            with_accuracy(network, case.data, case.out / "results")
            yield case


def _measured(case: Case) -> dict[str, Any]:
    known = {"network": case.network, "traffic": case.traffic.name}
    return known | _planned(case, ROOM * _dynamic_mib(case))


def _dynamic_mib(case: Case) -> float:
    """What the best dynamic engine takes, with its process."""
    free = PlanOptions(max_memory_mib=_ANY_MIB, side=SIDE)
    found = decide(setting_of(read_sources(case.results, None), case.traffic, free, SIDE))
    if found is None:
        raise SystemExit(f"There is no plan for {case.traffic.name}")
    dynamic = next(one for one in plain_choices(found) if "dynamic" in one.name)
    return dynamic.prediction.memory_mib


def _planned(case: Case, max_memory_mib: float) -> dict[str, Any]:
    out = case.out / f"{max_memory_mib:.0f}-mib"
    shutil.rmtree(out, ignore_errors=True)
    making = case.making(max_memory_mib, out)
    decided, _, _ = making.made()
    plan = making.built(decided)
    write_plan(plan, out / "plan.json")
    plain = {one.name: one for one in plain_choices(decided) if one.served}
    plans = {PLAN: plan} | {name: making.built(one.decided()) for name, one in plain.items()}
    fits = {PLAN: True} | {name: one.fits for name, one in plain.items()}
    turns = _by_turns(plans, case.traffic, out)
    accuracy = replay(out, case.traffic, ReplayOptions(data=str(case.data), pictures=1))
    return {
        "max_memory_mib": max_memory_mib,
        "sizes": len(decided.setting.demand.sizes),
        "floor": decided.setting.floor,
        "choices": {name: {"fits": fits[name]} | _told(plans[name], turns[name]) for name in plans},
        "accuracy": {
            "images": accuracy.images,
            "expected": accuracy.expected.accuracy,
            "measured": accuracy.measured.accuracy,
        },
    }


def _by_turns(
    plans: Mapping[str, Plan], traffic: Traffic, folder: Path
) -> dict[str, list[Replayed]]:
    found: dict[str, list[Replayed]] = {name: [] for name in plans}
    order = list(plans)
    for turn in range(ROUNDS):
        random.Random(turn).shuffle(order)  # noqa: S311 - no secret
        for name in order:
            found[name].append(replayed(plans[name], traffic, folder, PICTURES, timeout_s=600))
            console.remark(f"{name}: {found[name][-1].measured}")
    return found


def _told(plan: Plan, turns: list[Replayed]) -> dict[str, Any]:
    return {
        "engines": [
            {"name": one.name, "sizes": list(map(str, one.sizes)), "switch_ms": one.switch_ms}
            for one in plan.engines
        ],
        "predicted": codec.to_plain(plan.predicted),
        "gap": plan.decision.gap,
        "expected": codec.to_plain(turns[0].expected),
        "pictures": turns[0].pictures,
        "measured": [codec.to_plain(one.measured) for one in turns],
    }


if __name__ == "__main__":
    main()
