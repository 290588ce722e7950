"""The sizes that come, read from where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.discover import Registry
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.reading import TEXT
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.preparation.traffic.made._entry import COUNT, SEED, MadeTraffic
from sizewise.pipeline.preparation.traffic.sources import folder, log, table

if TYPE_CHECKING:
    from sizewise.core.specs import Size

_MADE: Registry[MadeTraffic] = Registry(
    "traffic", "sizewise.pipeline.preparation.traffic.made", "TRAFFIC"
)
made_traffic = _MADE.all
"""Those that are made up, by name."""
STORED, PLOT = "traffic.json", "traffic.png"


@dataclass(frozen=True, kw_only=True)
class TrafficOptions:
    """The options of ``sizewise traffic`` beside the source."""

    pattern: str = option(
        TEXT,
        "",
        help="Regular expression with the groups width and height, for a log.",
        group="Log",
        shown="1920x1080 anywhere in the line",
    )


@dataclass(frozen=True, kw_only=True)
class TrafficSource:
    """The option of the commands that take a traffic beside something else."""

    traffic: str = option(
        TEXT,
        help="Sizes that come: traffic.json, or what sizewise traffic takes.",
        group="Traffic",
    )


@dataclass(frozen=True, kw_only=True)
class TrafficFiles:
    """A traffic, and the files that hold and show it: traffic.json and a plot."""

    traffic: Traffic
    stored: Path
    plot: Path


def traffic(
    source: Traffic | str, options: TrafficOptions, *, out: Path, reporter: Reporter = SILENT
) -> TrafficFiles:
    """Read the sizes of a source, and write ``traffic.json`` and a plot into ``out``.

    Raises UsageError, InputError and OutputError.
    """
    from reports.plots.saved import save
    from reports.plots.traffic import traffic_figure
    from sizewise.core.files import output_folder
    from sizewise.pipeline.preparation.traffic.stored import save_traffic

    found = open_traffic(source, options, reporter)
    files = output_folder(out)
    save_traffic(found, files / STORED)
    save(traffic_figure(found), files / PLOT)
    return TrafficFiles(traffic=found, stored=files / STORED, plot=files / PLOT)


def open_traffic(
    source: Traffic | str, options: TrafficOptions, reporter: Reporter = SILENT
) -> Traffic:
    """A folder of pictures, a CSV, a log, a ``traffic.json``, or one that is made up, by its name;
    what is a traffic is returned as it is.

    Raises UsageError and InputError.
    """
    if isinstance(source, Traffic):
        _refuse_pattern(options, source.name)
        return source
    path = Path(source)
    if path.suffix == ".json":
        from sizewise.pipeline.preparation.traffic.stored import read_traffic

        _refuse_pattern(options, source)
        return read_traffic(path)
    if made := made_traffic().get(source):
        _refuse_pattern(options, source)
        return _made_up(made)
    name = path.name or path.resolve().name
    return Traffic.of(_sizes(path, options, reporter), name=name, made=_said(path))


def _made_up(made: MadeTraffic) -> Traffic:
    import numpy as np

    drawn = islice(made.sizes(np.random.default_rng(SEED)), COUNT)
    return Traffic.of(drawn, name=made.name, made=made.description)


def _sizes(path: Path, options: TrafficOptions, reporter: Reporter) -> Iterator[Size]:
    if not path.exists():
        raise InputError(
            f"There is no {path}",
            "it is neither a folder, nor a file, nor a traffic that is made up",
            f"Give a path, or one of {', '.join(made_traffic())}.",
        )
    if path.is_dir():
        _refuse_pattern(options, str(path))
        return folder.sizes_in(path, reporter)
    if path.suffix.lower() in table.SUFFIXES:
        _refuse_pattern(options, str(path))
        return table.sizes_in(path)
    return log.sizes_in(path, options.pattern or log.PATTERN, reporter)


def _said(path: Path) -> str:
    if path.is_dir():
        return "The pictures of a folder, in the order of their names."
    if path.suffix.lower() in table.SUFFIXES:
        return "The lines of a CSV."
    return "The lines of a log."


def _refuse_pattern(options: TrafficOptions, source: str) -> None:
    if options.pattern:
        raise UsageError(
            f"{spelled('pattern')} can't be given for {source}",
            "it finds sizes in the lines of a log, and this is none",
            "Leave it out.",
        )
