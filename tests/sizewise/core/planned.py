"""A plan of two engines, for tests."""

from __future__ import annotations

from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.core.specs.plan import (
    Alternative,
    Decision,
    InputRule,
    Limits,
    MeasuredAccuracy,
    Place,
    Plan,
    PlannedEngine,
    PlannedModel,
    Prediction,
    Route,
)

SMALL, LARGE = Size(64, 96), Size(96, 96)
_FIXED = EngineSpec(backend="fake", strategy="static", profiles=(Profile.fixed(SMALL),))
_DYNAMIC = EngineSpec(
    backend="fake",
    strategy="dynamic",
    profiles=(Profile(min=Size(64, 64), opt=LARGE, max=Size(96, 96)),),
)


MEASURED = MeasuredAccuracy(
    data="made val",
    data_sha256="d",
    images=7,
    accuracy=0.5,
    expected=0.625,
    covered=0.75,
    chosen="7 of 9",
)


def planned() -> Plan:
    return Plan(
        traffic="made",
        pictures=4,
        rule=InputRule(side_px=96, stride=32),
        models=(
            PlannedModel(
                sha256="m", path="model.onnx", network="n", task="detection", precision="fp32"
            ),
        ),
        engines=(
            PlannedEngine(
                name="small", model_sha256="m", spec=_FIXED, sizes=(SMALL,), memory_mib=10.0
            ),
            PlannedEngine(
                name="large", model_sha256="m", spec=_DYNAMIC, sizes=(LARGE,), memory_mib=20.0
            ),
        ),
        routes=(
            Route(picture=Size(48, 96), place=Place(engine="small", input=SMALL), share=0.75, ms=2),
            Route(
                picture=Size(200, 200), place=Place(engine="large", input=LARGE), share=0.25, ms=6
            ),
        ),
        process_mib=50.0,
        predicted=Prediction(mean_ms=3.25, p50_ms=2.0, p99_ms=6.0, memory_mib=80.0),
        decision=Decision(
            objective="mean",
            limits=Limits(max_memory_mib=100.0),
            bound=3.25,
            gap=0.0,
            baselines=(Alternative(name="one dynamic", why_not="it takes 120 MiB"),),
        ),
        environment="here",
    )
