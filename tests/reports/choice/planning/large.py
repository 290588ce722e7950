"""Made-up plans as large as people ask for: 60 sizes, four precisions, three back ends.

Every engine was measured at each of the sizes, and at some squares for the accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from reports.choice.planning.curves import curves_of
from reports.choice.planning.demand import Demand
from reports.choice.planning.kinds import Group, groups_of
from reports.choice.planning.limits import PlanLimits
from reports.choice.planning.setting import Setting
from reports.load import select_records
from sizewise.core.specs import Size, Strategy
from sizewise.core.specs.plan import InputRule
from sizewise.core.specs.traffic import Traffic
from sizewise.core.trials import Memory, Result
from tests.reports.conftest import Lab
from tests.reports.scripted import steady

SIDE, STRIDE, SIZES = 640, 32, 60
PICTURES = 3000
_MIB = 2**20
_BEFORE = {"onnxruntime": 90, "openvino": 120, "tensorrt": 240}
"""MiB of a process with the library."""
_SPEED = {
    "onnxruntime": (0.6, 4e-3, 9e-5),
    "openvino": (0.9, 1e-3, 8e-5),
    "tensorrt": (2.0, 0, 7e-5),
}
"""``a + b·√(H·W) + c·H·W`` in milliseconds, of FP32."""
_PRECISIONS = {
    "fp32": (1.0, 1.0, 0.0),
    "bf16": (0.7, 0.6, 0.002),
    "fp16": (0.8, 0.6, 0.001),
    "int8": (0.45, 0.35, 0.015),
}
"""Time and memory against FP32, and the AP that is lost."""
_WEIGHTS_MIB, _MIB_OF_PIXEL = 35.0, 2.2e-4
_DYNAMIC = {"onnxruntime": 1.06, "openvino": 1.25, "tensorrt": 1.35}
_SQUARES = tuple(Size(side, side) for side in range(320, SIDE + 1, 64))


@dataclass(frozen=True, kw_only=True)
class Case:
    """``engines`` of the middle size have room; latencies differ by ``noise`` from a formula."""

    seed: int
    engines: float
    noise: float
    floor: bool
    changes: bool
    objective: str = "mean"

    @property
    def name(self) -> str:
        said = [f"{self.objective}, room for {self.engines:.0f}, noise {self.noise:.0%}"]
        said += ["accuracy"] if self.floor else []
        said += ["changes"] if self.changes else []
        return ", ".join(said)

    def setting(self) -> Setting:
        rng = np.random.default_rng(self.seed)
        sizes = _sizes(rng)
        groups = _groups(rng, sizes, self.noise)
        limits = PlanLimits(
            max_memory_mib=float(np.mean(list(_BEFORE.values())))
            + self.engines * _middle_mib(sizes),
            max_loss_points=1.0 if self.floor else 100.0,
            objective=self.objective,
        )
        setting = Setting(
            demand=Demand.of(_traffic(rng, sizes), InputRule(side_px=SIDE, stride=STRIDE)),
            groups=groups,
            curves=curves_of(groups if self.floor else ()),
            limits=limits if self.floor else replace(limits, max_loss_points=None),
        )
        if not self.changes:
            return setting
        names = {use.candidate.loads: use.group.is_static for use in setting.uses(None)}
        costs = {n: rng.uniform(0.05, 0.5) if s else rng.uniform(0.5, 2) for n, s in names.items()}
        return replace(setting, switch_ms=costs)


def cases() -> tuple[Case, ...]:
    """With and without each difficulty, the second half with engines of sizes in between."""
    rooms = np.random.default_rng(0).uniform(5, 12, 17)
    found = [
        Case(
            seed=n,
            engines=rooms[n],
            noise=(0.05, 0.01)[n // 8],
            floor=n % 2 == 1,
            changes=n % 4 > 1,
        )
        for n in range(16)
    ]
    return (*found, replace(found[1], seed=16, objective="p99"))


def _sizes(rng: Generator) -> list[Size]:
    """Half of them have one side as long as can be, as pictures that are scaled down."""
    found: dict[Size, None] = {}
    while len(found) < SIZES:
        sides = rng.integers(6, SIDE // STRIDE + 1, 2) * STRIDE
        if rng.random() < 0.5:
            sides[rng.integers(2)] = SIDE
        found[Size(int(sides[0]), int(sides[1]))] = None
    return list(found)


def _traffic(rng: Generator, sizes: list[Size]) -> Traffic:
    """A few sizes are most of it; half of the pictures are as the one before."""
    shares = 1 / np.arange(1, len(sizes) + 1) ** 1.1
    stream = list(sizes)
    while len(stream) < PICTURES:
        again = rng.random() < 0.5
        stream.append(
            stream[-1] if again else sizes[rng.choice(len(sizes), p=shares / shares.sum())]
        )
    return Traffic.of(stream, name="made", made="Drawn at random.")


def _middle_mib(sizes: list[Size]) -> float:
    pixels = float(np.median([size.pixels for size in sizes]))
    return 0.6 * (_WEIGHTS_MIB + _MIB_OF_PIXEL * pixels)


def _groups(rng: Generator, sizes: list[Size], noise: float) -> tuple[Group, ...]:
    lab = Lab(processes=1, rounds=1)
    results = [
        _result(lab, rng, backend, precision, strategy, size, noise)
        for backend in _SPEED
        for precision in _PRECISIONS
        for strategy in ("static", "dynamic")
        for size in dict.fromkeys((*sizes, *_SQUARES))
    ]
    return groups_of(select_records([lab.run(results)], "x").rows)


def _result(  # noqa: PLR0917 - the parts of one engine
    lab: Lab,
    rng: Generator,
    backend: str,
    precision: str,
    strategy: Strategy,
    size: Size,
    noise: float,
) -> Result:
    slow, heavy, lost = _PRECISIONS[precision]
    a, b, c = _SPEED[backend]
    ms = slow * (a + b * size.pixels**0.5 + c * size.pixels)
    mib = heavy * (_WEIGHTS_MIB + _MIB_OF_PIXEL * size.pixels)
    if strategy == "dynamic":
        ms, mib = ms * _DYNAMIC[backend], heavy * (_WEIGHTS_MIB + 1.3 * _MIB_OF_PIXEL * SIDE**2)
    sha256 = f"{list(_PRECISIONS).index(precision)}" * 64
    trial = lab.trial(
        backend,
        strategy,
        size,
        precision=precision,
        model_sha256=sha256,
        sizes=(Size(192, 192), Size(SIDE, SIDE)),
    )
    after = int((_BEFORE[backend] + mib) * _MIB)
    held = Memory(peak_bytes=after, before_bytes=_BEFORE[backend] * _MIB, rest_bytes=after)
    ap = 0.5 - lost - 0.12 * (1 - (size.pixels**0.5 / SIDE)) ** 1.5
    made = lab.ok(trial, ap=ap)
    return replace(steady(made, ms * rng.lognormal(0, noise)), memory=(held,))
