"""A plan of many engines with long names, for tests."""

from __future__ import annotations

from dataclasses import replace

from sizewise.core.specs import Profile, Size
from sizewise.core.specs.plan import Alternative, Place, Plan, Route
from tests.sizewise.core.planned import planned

LONG = "_a network of 2$^2$ names that are alike in the beginning and {:03} at the end of eighty"
"""80 letters, with what Matplotlib reads as mathematics, and hides."""
_STEP = 32


def many(engines: int, name: str = LONG) -> Plan:
    """Each engine serves three sizes of its own; no two of seven serve as many pictures."""
    plan, inputs = planned(), [Size(_STEP * (n + 2), _STEP * (n + 2)) for n in range(engines)]
    one = plan.engines[0]
    weights = {
        (place, turn): (place % 7 + 1) * (turn + 1) for place in range(engines) for turn in range(3)
    }
    total = sum(weights.values())
    sets = [
        Alternative(name=f"{n} engines", engines=n, mean_ms=9 - n, memory_mib=60.0 + 9 * n)
        for n in range(1, 7)
    ]
    return replace(
        plan,
        traffic="a folder of " + "pictures " * 20,
        rule=replace(plan.rule, side_px=_STEP * (engines + 2)),
        engines=tuple(
            replace(
                one,
                name=name.format(place),
                sizes=(size,),
                spec=replace(one.spec, profiles=(Profile.fixed(size),)),
            )
            for place, size in enumerate(inputs)
        ),
        routes=tuple(
            Route(
                picture=Size(inputs[place].height - turn * 9, inputs[place].width - turn * 5),
                place=Place(engine=name.format(place), input=inputs[place]),
                share=weight / total,
                ms=2 + place,
            )
            for (place, turn), weight in weights.items()
        ),
        decision=replace(plan.decision, by_engines=tuple(sets), baselines=tuple(sets[:2])),
    )
