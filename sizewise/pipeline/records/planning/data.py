"""The images that a plan's accuracy is measured on, and what square inputs get on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.choice.planning.curves import CurveKey, Images, curve_key, images_of, is_square
from reports.choice.planning.kinds import Group
from sizewise.core.errors import RecordError
from sizewise.core.progress import Reporter
from sizewise.core.specs import Size
from sizewise.pipeline.records.planning.measuring import model_of, settings_of
from sizewise.pipeline.records.planning.options import PlanOptions
from sizewise.pipeline.records.planning.setting import Sources, rule_of


@dataclass(frozen=True, kw_only=True)
class PlanData:
    """So many images of a ``source`` (0: all); results know them as ``images``."""

    source: str
    image_count: int
    images: Images


def open_data(sources: Sources, options: PlanOptions, reporter: Reporter) -> PlanData:
    """Raises InputError where the data can't be read or do not fit a model, or a model is gone;
    UsageError where nothing says what its outputs mean."""
    from bench.accuracy.engine import demand_fit, demand_meaning
    from bench.accuracy.plan import AccuracyPlan
    from netzoo.data.choosing import chosen

    plan = AccuracyPlan(data=options.data, images=options.image_count)
    models = {group.any.model_sha256: model_of(group, sources) for group in sources.groups}
    first = next(iter(models.values()))
    for model in models.values():
        demand_meaning(model, plan.data)
    data = chosen(plan.open(first.card, reporter), plan.images)
    for model in models.values():
        demand_fit(model, data, plan)
    return PlanData(
        source=options.data,
        image_count=options.image_count,
        images=plan.nothing(first, data).measured_on,
    )


def measure_squares(
    sources: Sources, data: PlanData, side_px: int | None, reporter: Reporter
) -> bool:
    """Measure what is not known of the accuracy of square inputs on ``data``, into the results;
    whether there was any such. Raises RecordError where no input is square, and as a sweep does."""
    from sizewise.pipeline.bench import bench

    side = rule_of(sources, side_px).side_px
    if not any(True for group in sources.groups for _ in _squares(group, side)):
        command = sources.bench_command(sources.groups, [Size(side, side)])
        raise RecordError(
            f"The accuracy of engines in {sources.results.name} can't be compared",
            "no square input was measured, from which that of others follows",
            f"Measure one: {command}",
        )
    todo = _unrated(sources, data.images, side)
    for group, sizes in todo.items():
        settings = replace(
            settings_of(group, sizes, sources),
            data=data.source,
            image_count=data.image_count,
            processes=1,
        )
        model = model_of(group, sources)
        bench((model,), settings, out=sources.results.parent, reporter=reporter)
    return bool(todo)


def demand_squares(sources: Sources, data: PlanData) -> None:
    """Raises RecordError where the accuracy on ``data`` could not be measured at any size."""
    rows = [row for group in sources.groups for row in group.rows.values()]
    if not any(images_of(row) == data.images for row in rows):
        why = next((row.result.accuracy_reason for row in rows if row.result.accuracy_reason), "")
        raise RecordError(
            f"The accuracy of engines in {sources.results.name} could not be measured",
            why or f"none was measured on {data.source}",
            "See what sizewise bench with --data says of them.",
        )


def _unrated(sources: Sources, images: Images, side_px: int) -> Mapping[Group, Sequence[Size]]:
    """The sizes to measure accuracy at, by group: each square once of a model in a back end, in a
    static engine where there is one. An engine of several sizes is that of all of them."""
    wanted: dict[tuple[CurveKey, Size], Group] = {}
    known = set()
    for group in sorted(sources.groups, key=lambda one: not one.is_static):
        for size in _squares(group, side_px):
            key = curve_key(group.any), size
            wanted.setdefault(key, group)
            if images_of(group.rows[size]) == images:
                known.add(key)
    found: dict[Group, list[Size]] = {}
    for key, group in wanted.items():
        if key not in known:
            found.setdefault(group, []).append(key[1])
    return {g: sizes if g.is_static else list(g.rows) for g, sizes in found.items()}


def _squares(group: Group, side_px: int) -> Iterator[Size]:
    """Those up to a side, and one above where that side itself was not measured."""
    squares = sorted(filter(is_square, group.rows), key=lambda size: size.pixels)
    for size in squares:
        yield size
        if size.height >= side_px:
            return
