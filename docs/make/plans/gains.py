"""Plans beside plain choices of engines, for real (python -m docs.make.plans.gains).

For each network and each traffic that is made up, a plan is made as ``sizewise plan`` makes it with
``--measure`` and ``--data``. It, the best single engine and the plain choices run the same pictures
by turns, each in a process of its own. It needs a quiet machine, and goes on where it was stopped.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docs.make.method.records import now, origin, write_record
from docs.make.plans.networks import NETWORKS, OUT, RESULTS, with_accuracy
from docs.make.plans.pictures import save_pictures, traffic_at
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide
from reports.choice.planning.plain import Choice, best_of, plain_choices
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.errors import UsageError
from sizewise.core.files import written_whole
from sizewise.core.specs.plan import MeasuredAccuracy, Place, Plan
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
ROUNDS = 6
"""Turns of each choice."""
PICTURES = 300
"""Of the traffic, in a turn."""
ROOM = 1.1
"""The memory of a plan: so many times what the best dynamic engine takes over the traffic."""
LOSSES = (1.0, 2.0, 3.0)
"""Points of accuracy that a plan may lose: the more where none was found that loses less."""
PLAN, ONE = "the plan", "the best one engine"
RATED = (PLAN, ONE)
"""Whose accuracy is measured: they may scale pictures down."""
_ANY_MIB = 100_000.0
_TIMEOUT_S = 600.0


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

    def making(self, max_memory_mib: float, out: Path, points: float = LOSSES[0]) -> Making:
        options = PlanOptions(
            max_memory_mib=max_memory_mib,
            max_loss_points=points,
            side=SIDE,
            measure=True,
            data=str(self.data),
        )
        return Making(self.results, options, self.traffic, out, console.reporter())


def main() -> None:
    before, rows = origin(), list[dict[str, Any]]()
    for case in tuple(_cases()):
        row = _row(case, before)
        rows.append({name: value for name, value in row.items() if name != "code"})
        times = {"started": rows[0]["started"], "ended": row["ended"], "rounds": ROUNDS}
        write_record(RECORD, before | times | {"rows": rows})


def _cases() -> Iterable[Case]:
    for network in NETWORKS:
        for name in TRAFFICS:
            case = Case(network=network, traffic=traffic_at(name, SIDE))
            save_pictures(case.traffic, case.data)
            with_accuracy(network, case.data, case.out / "results")
            yield case


def _row(case: Case, origin: Mapping[str, Any]) -> dict[str, Any]:
    """As it was measured before by the same code, or now."""
    path = case.out / "gains.json"
    code = {name: origin[name] for name in ("commit", "changed_files")}
    of = {"code": code, "rounds": ROUNDS, "pictures": PICTURES}
    if path.exists():
        known = codec.from_json(path.read_bytes(), dict[str, Any])
        if of.items() <= known.items():
            return known
    row = {"network": case.network, "traffic": case.traffic.name, "started": now()}
    row |= _planned(case, ROOM * _dynamic_mib(case)) | {"ended": now()} | of
    with written_whole(path) as draft:
        draft.write_text(codec.to_json(row), encoding="utf-8")
    return codec.from_json(codec.to_json(row).encode(), dict[str, Any])


def _dynamic_mib(case: Case) -> float:
    """What the best dynamic engine takes over the traffic, with its process."""
    out = case.out / "dynamic"
    making = case.making(_ANY_MIB, out)
    free = PlanOptions(max_memory_mib=_ANY_MIB, side=SIDE)
    found = decide(setting_of(read_sources(case.results, None), case.traffic, free, SIDE))
    if found is None:
        raise SystemExit(f"There is no plan for {case.traffic.name}")
    dynamic = next(one for one in plain_choices(found) if "dynamic" in one.name)
    plan = making.built(dynamic.decided())
    ran = replayed(plan, case.traffic, out, PICTURES, timeout_s=_TIMEOUT_S)
    return ran.measured.memory_mib


def _planned(case: Case, max_memory_mib: float) -> dict[str, Any]:
    out = case.out / "plan"
    shutil.rmtree(out, ignore_errors=True)
    points, making, (decided, _, accuracy) = _made(case, max_memory_mib, out)
    plan = making.built(decided)
    write_plan(plan, out / "plan.json")
    others = {one.name: one for one in (_best_one(decided), *plain_choices(decided)) if one.served}
    plans = {PLAN: plan} | {name: making.built(one.decided()) for name, one in others.items()}
    fits = {PLAN: True} | {name: one.fits for name, one in others.items()}
    turns = _by_turns(plans, case.traffic, out)
    accuracies = {
        name: _replayed_accuracy(plan, case, out) for name, plan in plans.items() if name in RATED
    }
    return {
        "max_memory_mib": max_memory_mib,
        "max_loss_points": points,
        "sizes": len(decided.setting.demand.sizes),
        "floor": decided.setting.floor,
        "choices": {
            name: {"fits": fits[name], "accuracy": accuracies.get(name)}
            | _told(plans[name], turns[name])
            for name in plans
        },
        "accuracy": _accuracy(accuracy),
    }


def _made(case: Case, max_memory_mib: float, out: Path) -> tuple[float, Making, Any]:
    for points in LOSSES:
        making = case.making(max_memory_mib, out, points)
        try:
            return points, making, making.made()
        except UsageError as error:
            console.remark(str(error))
    raise SystemExit(f"There is no plan for {case.network} and {case.traffic.name}")


def _best_one(decided: Decided) -> Choice:
    """It may scale pictures down as the plan does."""
    return best_of(ONE, decided.uses, replace(decided.problem, max_engines=1), decided)


def _accuracy(known: MeasuredAccuracy | None) -> dict[str, Any]:
    """What was expected before the pictures ran, and what was measured."""
    if known is None:
        return {"images": 0, "expected": None, "measured": None}
    return {"images": known.images, "expected": known.expected, "measured": known.accuracy}


def _replayed_accuracy(plan: Plan, case: Case, folder: Path) -> dict[str, Any]:
    """What ``sizewise replay --data`` says of it."""
    path = folder / "rated.json"
    write_plan(plan, path)
    options = ReplayOptions(pictures=1, processes=1, data=str(case.data))
    found = replay(path, case.traffic, options)
    return {"expected": found.expected.accuracy, "measured": found.measured.accuracy}


def _by_turns(
    plans: Mapping[str, Plan], traffic: Traffic, folder: Path
) -> dict[str, list[Replayed]]:
    """Choices that run all sizes at the same places are one, and run once."""
    same = {name: _places(plan) for name, plan in plans.items()}
    first = {places: name for name, places in reversed(same.items())}
    found: dict[str, list[Replayed]] = {name: [] for name in first.values()}
    order = list(found)
    for turn in range(ROUNDS):
        random.Random(turn).shuffle(order)  # noqa: S311 - no secret
        for name in order:
            found[name].append(
                replayed(plans[name], traffic, folder, PICTURES, timeout_s=_TIMEOUT_S)
            )
            console.remark(f"{name}: {found[name][-1].measured}")
    return {name: found[first[places]] for name, places in same.items()}


def _places(plan: Plan) -> tuple[Place, ...]:
    return tuple(route.place for route in plan.routes)


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
        "measured": [codec.to_plain(one.measured) | {"pace": one.pace} for one in turns],
    }


if __name__ == "__main__":
    main()
