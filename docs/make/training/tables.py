"""Fill docs/training-measured.md, and draw its picture, from the records of trainings
(python -m docs.make.training.tables).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t as student

from docs.make.method.records import MISSING, read_record
from docs.make.pages import HOUSE, fill, grid
from docs.make.training import joint, recipes, scales
from docs.make.training.figures import Run, runs_of
from docs.make.training.picture import draw_scales

PAGE = HOUSE / "docs" / "training-measured.md"
PICTURE = "training-scales.png"
_SURE = 0.95
Lines = Sequence[str]


def main() -> None:
    fill(PAGE, TABLES)
    if record := read_record(scales.NAME):
        draw_scales(_titled(record), PAGE.parent / PICTURE)


def _titled(record: Mapping[str, Any]) -> dict[str, list[Run]]:
    """The trainings of each plan, by its title."""
    plans = scales.plans_of(record)
    return {plan.title: plans[plan.name] for plan in scales.PLANS}


def _of(name: str, table: Callable[[Mapping[str, Any]], Lines]) -> Callable[[], Lines]:
    """The table of a record, or that there is none."""

    def lines() -> Lines:
        record = read_record(name)
        return table(record) if record else MISSING

    return lines


def _scales(figure: str) -> Callable[[Mapping[str, Any]], Lines]:
    """A row for each plan: the mean over the seeds, and their standard deviation."""

    def table(record: Mapping[str, Any]) -> Lines:
        rows = [
            [title, *(_mean(run.figure(side, figure) for run in runs) for side in scales.SIZES)]
            for title, runs in _titled(record).items()
        ]
        return grid(["trained at", *map(str, scales.SIZES)], rows)

    return table


def _mean(values: Iterable[float]) -> str:
    points = [100 * value for value in values]
    return f"{fmean(points):.1f} ± {stdev(points):.1f}" if len(points) > 1 else f"{points[0]:.1f}"


def _differences(record: Mapping[str, Any]) -> Lines:
    """AP of (b) less that of each other plan, seed by seed, with an interval of Student's t."""
    plans = _titled(record)
    (many,) = (plan.title for plan in scales.PLANS if plan.name == scales.MANY_PLAN)
    rows = [
        [
            f"{many} − {title}",
            *(_difference(plans[many], runs, side) for side in scales.SIZES),
        ]
        for title, runs in plans.items()
        if title != many
    ]
    return grid(["points of AP", *map(str, scales.SIZES)], rows)


def _difference(ours: Sequence[Run], others: Sequence[Run], side: int) -> str:
    """Bold where the interval leaves 0 out."""
    found = [
        100 * (one.figure(side, "ap") - other.figure(side, "ap"))
        for one, other in zip(ours, others, strict=True)
    ]
    if len(found) == 1:
        return f"{found[0]:+.1f}"
    half = student.ppf((1 + _SURE) / 2, len(found) - 1) * stdev(found) / sqrt(len(found))
    words = f"{fmean(found):+.1f} ± {half:.1f}"
    return f"**{words}**" if abs(fmean(found)) > half else words


def _pixels(record: Mapping[str, Any]) -> Lines:
    plans, rows = scales.plans_of(record), []
    for plan in scales.PLANS:
        run = plans[plan.name][0]
        seen = plan.images_seen(run.sizes_seen)
        pixels = sum(count * size.pixels for size, count in seen)
        images = sum(count for _, count in seen)
        own = f"`{' '.join(plan.options)}`"
        rows.append([plan.title, f"{images:,}", f"{pixels / 1e6:.1f}", own])
    command = plans[scales.ALONE_PLAN][0].command
    table = grid(["trained at", "images", "megapixels", "options in place of those of (a)"], rows)
    return ["The first training of (a):", "", "```", command, "```", "", *table]


def _recipes(record: Mapping[str, Any]) -> Lines:
    rows = [
        [
            f"[{run.name}](../examples/recipes/{run.name}.toml)",
            *(
                f"{100 * run.figure(side, name):.1f}"
                for name in ("ap", "ap50")
                for side in recipes.SIZES
            ),
            f"{100 * run.figure(max(recipes.SIZES), 'ap_small'):.1f}",
            f"{100 * run.figure(max(recipes.SIZES), 'ap_medium'):.1f}",
            f"{run.plain['train_s'] / 60:.0f}",
        ]
        for run in runs_of(record)
    ]
    scored = [f"{name} at {side}" for name in ("AP", "AP50") for side in recipes.SIZES]
    last = [f"AP {what} at {max(recipes.SIZES)}" for what in ("small", "medium")]
    return grid(["recipe", *scored, *last, "minutes"], rows)


def _joint(record: Mapping[str, Any]) -> Lines:
    unboxed = record["unboxed"]
    rows = []
    for run in runs_of(record):
        for side in joint.SIDES:
            words = joint.STAGES[run.name]
            shares = [
                f"{100 * fmean(joint.of_classes(run, side, metric, unboxed, without=without)):.1f}"
                for metric in ("coco", "voc")
                for without in (False, True)
            ]
            each = ", ".join(
                f"{name}: {100 * run.ap_by_class(side, 'voc')[name]:.1f}" for name in unboxed
            )
            rows.append([words, side, *shares, each])
    headers = [
        f"{name}, classes {which}" for name in ("AP", "AP50") for which in ("with", "without boxes")
    ]
    return grid(["trained with", "size", *headers, "AP50 of each without"], rows)


def _seeds(record: Mapping[str, Any]) -> Lines:
    count = len(scales.plans_of(record)[scales.MANY_PLAN])
    return [f"Trained with {count} seeds: mean ± standard deviation, in points."]


def _picture(_: Mapping[str, Any]) -> Lines:
    return [f"![AP at each input size]({PICTURE})"]


TABLES: Mapping[str, Callable[[], Lines]] = {
    "plans": _of(scales.NAME, _pixels),
    "seeds": _of(scales.NAME, _seeds),
    "picture": _of(scales.NAME, _picture),
    "ap": _of(scales.NAME, _scales("ap")),
    "ap50": _of(scales.NAME, _scales("ap50")),
    "ap-small": _of(scales.NAME, _scales("ap_small")),
    "ap-medium": _of(scales.NAME, _scales("ap_medium")),
    "differences": _of(scales.NAME, _differences),
    "recipes": _of(recipes.NAME, _recipes),
    "joint": _of(joint.NAME, _joint),
}


if __name__ == "__main__":
    main()
