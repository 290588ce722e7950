"""Settings of a sweep: the options of ``sizewise bench`` and the table ``[bench]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from bench.accuracy.plan import AccuracyPlan
from bench.planning.protocol import Protocol
from engines.planning.axes import EngineAxes
from engines.planning.batches import Batch
from netzoo.tasks.reading import NMS_FIELDS, NamesOption, SuppressionOptions
from sizewise.core.errors import UsageError
from sizewise.core.machine.memory import SHARE_IN_WORDS
from sizewise.core.options.declared import fill, option, options_of, spelled, spelling
from sizewise.core.options.limits import CALLS, LIST_LENGTH, PROCESSES, REPLICAS, ROUNDS
from sizewise.core.options.reading import (
    PATH,
    SWITCH,
    TEXT,
    WORDS,
    Reader,
    choice,
    number,
    optional,
    whole,
)
from sizewise.core.specs import Sizes
from sizewise.core.trials.rigor import RigorName

_DEFAULT = Protocol()
_MODELS, _MEASURING, _LIMITS = "Models and data", "Measurement", "Limits"
_FAILED = "Trials that fail"


def _images(given: object) -> int | Path:
    """A number of images, or the folder that they lie in. Raises ValueError where it may be
    both."""
    if isinstance(given, str) and given.isdigit() and Path(given).is_dir():
        raise ValueError(
            f"There is a folder of this name: give ./{given}, or the number as "
            f"{spelled('image_count')}."
        )
    if isinstance(given, int) or (isinstance(given, str) and given.lstrip("-").isdigit()):
        number: int = whole(0).read(given)
        return number
    folder: Path = PATH.read(given)
    return folder


@dataclass(frozen=True, kw_only=True)
class Axes(SuppressionOptions, NamesOption, EngineAxes):
    """One cross product: models × engines × replicas.

    ``fusion`` and ``precision`` select models (empty: all). ``data`` is a source that
    ``open_dataset`` takes, or empty for no accuracy; ``images``, names and NMS say how that is
    measured (``bench.accuracy.plan``). The fields from ``processes`` on say how each trial is
    measured (``bench.planning.protocol.Protocol``).
    """

    fusion: tuple[str, ...] = option(
        WORDS,
        (),
        help="Measure only models with these fusions of their scales (comma list).",
        group=_MODELS,
        shown="all models",
    )
    precision: tuple[str, ...] = option(
        WORDS,
        (),
        help="Measure only models in these precisions (comma list).",
        group=_MODELS,
        shown="all models",
    )
    data: str = option(
        TEXT,
        "",
        help="Annotated images to measure accuracy on: a data set's name, a COCO JSON file, or a "
        "folder with train.json and val.json.",
        group=_MODELS,
        shown="no accuracy",
    )
    images: int | Path = option(
        Reader(_images, "FOLDER"),
        0,
        help="Folder that the pictures of --data lie in, where its annotations lie elsewhere. A "
        "whole number is taken as --image-count.",
        group=_MODELS,
        shown="beside the annotations",
    )
    image_count: int = option(
        whole(0),
        0,
        help="Measure accuracy on so many images, a fixed random choice; 0: all.",
        group=_MODELS,
    )
    replicas: int = option(
        whole(1, REPLICAS),
        1,
        help="Independent repetitions of each trial. As many engines are open at a time as fit "
        "into memory.",
        group=_MEASURING,
    )
    rigor: RigorName = option(
        choice("quick", "standard", "paper"),
        _DEFAULT.rigor,
        help="Measure until the ratio of each engine to the fastest is known to +-5 % (quick), "
        "2 % (standard) or 1 % (paper, with three builds of each engine).",
        group=_MEASURING,
    )
    processes: int = option(
        whole(0, PROCESSES),
        _DEFAULT.processes,
        help="Measure in exactly so many processes per trial; 0: as many as --rigor needs, 8 or "
        "more.",
        group=_MEASURING,
    )
    rounds: int = option(
        whole(1, ROUNDS),
        _DEFAULT.rounds,
        help="Turns of each engine in a process.",
        group=_MEASURING,
    )
    block_calls: int = option(
        whole(1, CALLS),
        _DEFAULT.block_calls,
        help="Least number of warm calls in a turn.",
        group=_MEASURING,
    )
    block_s: float = option(
        number(0, most=3600),
        _DEFAULT.block_s,
        help="Least duration of the warm calls of a turn, in s.",
        group=_MEASURING,
    )
    warmup_calls: int = option(
        whole(0, CALLS),
        _DEFAULT.warmup_calls,
        help="Calls before the first turn; there is one at least, whose time is recorded.",
        group=_MEASURING,
    )
    seed: int = option(
        whole(), _DEFAULT.seed, help="Random seed of the order of turns.", group=_MEASURING
    )

    @property
    def accuracy(self) -> AccuracyPlan:
        """How accuracy is measured. Raises UsageError where the number of images is said twice."""
        number = 0 if isinstance(self.images, Path) else self.images
        if number and self.image_count:
            raise UsageError(
                f"{spelled('images')} and {spelled('image_count')} can't both be numbers",
                "both say how many images accuracy is measured on",
                f"Give {spelled('images')} the folder of the pictures, or leave one of them out.",
            )
        return AccuracyPlan(
            data=self.data,
            folder=self.images if isinstance(self.images, Path) else None,
            images=number or self.image_count,
            names=self.names,
            **{name: getattr(self, name) for name in NMS_FIELDS},
        )

    @property
    def protocol(self) -> Protocol:
        names = (f.name for f in fields(Protocol) if f.name in options_of(Axes))
        return Protocol(**{name: getattr(self, name) for name in names})

    def plain(self) -> dict[str, Any]:
        """The values that a results file keeps, with sizes as the user wrote them."""
        return _plain({name: getattr(self, name) for name in options_of(type(self))})


def _tables(given: object) -> tuple[Mapping[str, Any], ...]:
    """The values that each table gives, without defaults."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError("Give a list of tables: [[bench.sweep]].")
    if why := LIST_LENGTH.excess(len(given)):
        raise ValueError(f"{why}. {LIST_LENGTH.todo}")
    outer = spelled("sweep")
    return tuple(_table(table, f"{outer}[{number}]") for number, table in enumerate(given))


def _table(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError("Give a list of tables: [[bench.sweep]].")
    with spelling(lambda name: f"{where}.{name}"):
        read = fill(Axes, given)
    return {name: getattr(read, name) for name in given}


@dataclass(frozen=True, kw_only=True)
class SweepSettings(Axes):
    """The table ``[bench]`` and its tables ``[[bench.sweep]]``.

    Each of these is a cross product of its own, which takes what it does not say from ``[bench]``.
    ``timeout_s`` bounds every build and every call to a child process, ``memory_limit_mb`` (MiB)
    its resident memory (None: ``default_limit_bytes``). ``retry`` and ``force`` are of one call,
    and not on file.
    """

    timeout_s: float = option(
        number(above=0),
        600.0,
        help="Time limit for each build and each call to a child process, in s.",
        group=_LIMITS,
    )
    memory_limit_mb: int | None = option(
        optional(whole(1)),
        None,
        help="Memory limit of each build and each engine that is measured, in MiB.",
        group=_LIMITS,
        shown=SHARE_IN_WORDS,
    )
    max_minutes: float = option(
        number(0),
        0.0,
        help="Stop measuring after so many minutes; the same command goes on. 0: as --rigor has "
        "it (10, 60 or 480).",
        group=_LIMITS,
    )
    retry: bool = option(
        SWITCH,
        False,
        help="Try trials again that failed twice in the same way.",
        group=_FAILED,
    )
    force: bool = option(
        SWITCH,
        False,
        help="Try sizes at which an engine is expected to run out of memory, as it did at a "
        "smaller one.",
        group=_FAILED,
    )
    sweep: tuple[Mapping[str, Any], ...] = option(
        Reader(_tables, "TABLES"), (), help="Tables, each a cross product of its own."
    )

    @property
    def memory_limit_bytes(self) -> int | None:
        return None if self.memory_limit_mb is None else self.memory_limit_mb * 2**20

    def products(self) -> tuple[Axes, ...]:
        """The cross products, each with all its values."""
        common = Axes(**{name: getattr(self, name) for name in options_of(Axes)})
        return tuple(_product(common, given) for given in self.sweep or ({},))

    def plain(self) -> dict[str, Any]:
        return super().plain() | {"sweep": [_plain(given) for given in self.sweep]}


def _product(common: Axes, given: Mapping[str, Any]) -> Axes:
    """``common`` with what a table says. A folder of pictures is of the data beside it."""
    images = given.get("images")
    if isinstance(common.images, Path) and "data" in given:
        common = replace(common, images=0)
    elif isinstance(common.images, Path) and isinstance(images, int):
        given = {**given, "images": common.images, "image_count": images}
    return replace(common, **given)


_ON_FILE = (
    *("fusion", "precision", "sizes", "backends", "strategies", "graph_fusion", "profiles"),
    *("batch", "options", "threads", "allow_fallback", "data", "images", "replicas", "rigor"),
    *("processes", "rounds", "block_calls", "block_s", "warmup_calls", "seed", "timeout_s"),
    *("memory_limit_mb", "max_minutes"),
)
"""The order of the keys, since the first results files."""
_LATER: Mapping[str, Any] = {"image_count": 0, "names": (), **dict.fromkeys(NMS_FIELDS)}
"""Keys that came later: left out at their defaults."""


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    later = [name for name, default in _LATER.items() if values.get(name, default) != default]
    return {name: _plain_value(values[name]) for name in (*_ON_FILE, *later) if name in values}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Sizes):
        return value.text
    if isinstance(value, Batch):
        return value.plain
    if isinstance(value, Path):
        return str(value)
    return [_plain_value(one) for one in value] if isinstance(value, tuple) else value
