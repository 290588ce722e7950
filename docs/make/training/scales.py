"""What many sizes in training are worth (python -m docs.make.training.scales [--record]).

One network and as many pixels seen in each training; three seeds; COCO's figures at ten sizes:
reports/measured/training-scales.json, from which docs/training.md is made
(python -m docs.make.training.tables). --record trains nothing, and takes what is done.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docs.make.method.records import now, origin, write_record
from docs.make.pages import HOUSE
from docs.make.training.figures import Run, runs_of
from docs.make.training.running import Asked, done, outcomes
from netzoo.training.loading.draws import images_at
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Size, Sizes

NAME = "training-scales"
SIZES = (96, 128, 160, 192, 224, 256, 320, 384, 448, 512)
SEEDS = (0, 1, 2)
STEPS, BATCH, SIDE = 500, 8, 320
_LAST_STEPS, _IMAGES = 75, 1200
"""The steps at the largest size and without mosaic; the images of an epoch."""
_NARROW = ("--width", "0.25", "--depth", "0.34", "--data", "digits")
BACKBONE = Asked(
    name="backbone",
    arguments=(
        *("darknet53", *_NARROW, "--sizes", "64:128:32", "--batch", "32", "--steps", "500"),
        *("--augment", "light", "--flip", "0", "--validate-every", "0.5"),
    ),
)
"""A classifier of single digits. All trainings begin with its layers, as the papers' do with those
of ImageNet: without, 500 steps at many sizes do not get to the classes."""
_BEGIN = str((BACKBONE.folder / "darknet53.best.safetensors").relative_to(HOUSE))
COMMON = (
    *("yolov3", *_NARROW, "--weights", _BEGIN, "--steps", str(STEPS), "--validate-every", "0"),
    *("--augment", "mosaic", "--flip", "0"),
)
"""Digits are not mirrored: a 2 would be no 2."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One way to train. ``sizes`` are those of its steps, ``batch`` the images of the mean size:
    those of :data:`BATCH` images of :data:`SIDE` pixels square in every plan."""

    name: str
    title: str
    sizes: str
    batch: int = BATCH
    changes: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Those that the other plans do not have."""
        last = f"{_LAST_STEPS * self.batch / _IMAGES:g}"
        many = ("--sizes", self.sizes, "--batch", str(self.batch), "--final-epochs", last)
        return (*self.changes, *many)

    def asked(self, seed: int) -> Asked:
        return Asked(
            name=f"{self.name}-{seed}",
            arguments=(*COMMON, *self.options, "--seed", str(seed)),
            sizes={"coco": ",".join(map(str, SIZES))},
        )

    def images_seen(self, sizes: Sequence[Size]) -> list[tuple[Size, int]]:
        """The size of each step, and its images."""
        settings = TrainingSettings(
            batch_size=self.batch, level=True, sizes=Sizes.parse(self.sizes)
        )
        return [(size, images_at(size, settings)) for size in sizes]


MANY_PLAN, ALONE_PLAN, MANY = "many", "only-320", "160:448:32"
"""Their mean number of pixels is that of 317 pixels square."""
PLANS = (
    Plan(name=ALONE_PLAN, title="(a) 320 alone", sizes="320"),
    Plan(name=MANY_PLAN, title="(b) 160 to 448", sizes=MANY),
    Plan(name="only-160", title="(c) 160 alone", sizes="160", batch=BATCH * 4),
    Plan(name="only-224", title="(c) 224 alone", sizes="224", batch=BATCH * 2),
    Plan(name="only-448", title="(c) 448 alone", sizes="448", batch=BATCH // 2),
    Plan(
        name="no-mosaic",
        title="(d) 160 to 448 without mosaic",
        sizes=MANY,
        changes=("--mosaic", "0"),
    ),
)


def asked() -> Iterator[Asked]:
    """Seed by seed, so that what is there after a while compares."""
    for seed in SEEDS:
        for plan in PLANS:
            yield plan.asked(seed)


def plans_of(record: Mapping[str, Any]) -> dict[str, list[Run]]:
    """The trainings of each plan, by its name and in the order of the seeds: of those seeds that
    all plans have."""
    runs = {run.name: run for run in runs_of(record)}
    seeds = [seed for seed in SEEDS if all(plan.asked(seed).name in runs for plan in PLANS)]
    return {plan.name: [runs[plan.asked(seed).name] for seed in seeds] for plan in PLANS}


def main() -> None:
    started, before = now(), origin()
    if "--record" in sys.argv:
        (backbone,), runs = done([BACKBONE]), done(asked())
    else:
        (backbone,), runs = outcomes([BACKBONE]), outcomes(asked())
    record = {"started": started, "ended": now(), "origin": before, "backbone": backbone}
    write_record(NAME, record | {"runs": runs})


if __name__ == "__main__":
    main()
