"""``sizewise replay``: a plan's engines over a traffic, for real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import EngineMismatchError
from sizewise.core.options.declared import option
from sizewise.core.options.reading import TEXT, number, optional, whole
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs.plan import Plan
from sizewise.core.specs.traffic import Traffic

if TYPE_CHECKING:
    from sizewise.pipeline.records.planning.streaming import Replayed


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """The options of ``sizewise replay`` beside the plan and the traffic."""

    pictures: int | None = option(
        optional(whole(1)),
        None,
        help="Pictures of the traffic to run, from its beginning.",
        group="Traffic",
        shown="1000, or what takes a minute",
    )
    processes: int = option(
        whole(1),
        3,
        help="Processes that run the pictures, one after another; one is faster or slower than "
        "another by several per cent.",
        group="Traffic",
    )
    data: str = option(
        TEXT,
        "",
        help="Annotated images to measure accuracy on, each at the place of its own size: a data "
        "set's name, a COCO JSON file, or a folder with train.json and val.json.",
        group="Accuracy",
        shown="no accuracy",
    )
    image_count: int = option(
        whole(0),
        0,
        help="Measure accuracy on so many images, a fixed random choice; 0: all.",
        group="Accuracy",
    )
    timeout_s: float = option(
        number(above=0),
        3600.0,
        help="Time limit of each process, and of the accuracy, in s.",
        group="Limits",
    )


def replay(
    path: Path,
    traffic: Traffic | str,
    options: ReplayOptions,
    *,
    reporter: Reporter = SILENT,
) -> Replayed:
    """Run the engines of a plan over the first pictures of a traffic, which is opened as
    ``sizewise traffic`` does where it is text.

    Raises UsageError, InputError and SchemaVersionError where the plan or the traffic can't be
    read, EngineError where an engine is gone, is not the plan's or fails.
    """
    from netzoo.data.sources import demand_source
    from sizewise.core.specs.stored_plan import read_plan
    from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, open_traffic
    from sizewise.pipeline.records.planning.streaming import replayed

    plan = read_plan(path)
    came = open_traffic(traffic, TrafficOptions(), reporter)
    folder = path if path.is_dir() else path.parent
    if options.data:
        demand_source(options.data)
    _demand_engines(plan, folder)
    found = replayed(
        plan,
        came,
        folder,
        options.pictures,
        timeout_s=options.timeout_s,
        processes=options.processes,
    )
    return _with_accuracy(found, options, folder, path) if options.data else found


def _with_accuracy(found: Replayed, options: ReplayOptions, folder: Path, path: Path) -> Replayed:
    """``found`` with the accuracy on the data: expected and measured."""
    from bench.planned import evaluate
    from sizewise.core.specs.stored_plan import NAME
    from sizewise.core.trials import METRICS
    from sizewise.pipeline.accuracy.nothing import main_score

    file = path / NAME if path.is_dir() else path
    known = evaluate(folder, file, options.data, options.image_count, timeout_s=options.timeout_s)
    scores = {metric.name: getattr(known.accuracy, metric.name) for metric in METRICS}
    return replace(
        found,
        expected=replace(found.expected, accuracy=known.expected),
        measured=replace(found.measured, accuracy=main_score(scores)),
        images=known.accuracy.images,
    )


def _demand_engines(plan: Plan, folder: Path) -> None:
    """Raises EngineMismatchError where an engine is not the one that was planned."""
    from engines.store.contents import MANIFEST
    from engines.store.manifest import read_manifest

    for engine in plan.engines:
        home = folder / engine.artifact
        why = ""
        if not engine.artifact or not (home / MANIFEST).is_file():
            why = f"it is not in {home}"
        elif read_manifest(home).sha256 != engine.sha256:
            why = f"that in {home} is another build"
        if why:
            raise EngineMismatchError(
                f"The plan's engine {engine.name} can't be run",
                why,
                "Make the plan again with sizewise plan.",
                reason_code="environment",
            )
