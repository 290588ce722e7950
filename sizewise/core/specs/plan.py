"""A plan: which engines to keep loaded for the sizes that come, and which size goes to which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sizewise.core.specs.cards import TaskName
from sizewise.core.specs.engines import EngineSpec
from sizewise.core.specs.sizes import Size

_SUM = 1e-6
"""By so much, shares may add up to another number than 1: they are rounded."""


@dataclass(frozen=True, kw_only=True)
class InputRule:
    """The input size that a picture asks for: its long side is scaled down to ``side_px`` where it
    is longer, and both are rounded up to the ``stride``. ``letterbox`` says that the picture keeps
    its shape in there; else it is stretched."""

    side_px: int
    stride: int = 1
    smallest_px: int = 1
    letterbox: bool = True

    def __post_init__(self) -> None:
        if min(self.side_px, self.stride, self.smallest_px) < 1:
            raise ValueError("a side or a stride is below 1 pixel")

    def size_for(self, picture: Size) -> Size:
        return Size(self._side(picture.height, picture), self._side(picture.width, picture))

    def _side(self, side: int, picture: Size) -> int:
        longest = max(picture.height, picture.width)
        # In whole numbers: 640 × (416 / 640) is above 416 in floats, and would be rounded up.
        scaled, by = (side * self.side_px, longest) if longest > self.side_px else (side, 1)
        return max(-(-scaled // (by * self.stride)), -(-self.smallest_px // self.stride)) * (
            self.stride
        )


@dataclass(frozen=True, kw_only=True)
class PlannedModel:
    """An ONNX file by its hash (SHA-256, in hexadecimal). ``path`` is relative to the plan's folder
    where the file lies below it."""

    sha256: str
    path: str
    network: str
    task: TaskName
    precision: str


@dataclass(frozen=True, kw_only=True)
class PlannedEngine:
    """An engine that is kept loaded, of the model with the hash ``model_sha256``.

    ``sizes`` are the input sizes that it serves. ``artifact`` is its folder, relative to the plan's
    where it lies below that, and ``sha256`` the hash of its files; both are empty where it was not
    built. ``spec`` has the options that all back ends have; ``options`` are those of its own that
    are not at their defaults, as text. ``memory_mib`` is what it adds to the process, and
    ``switch_ms`` what a picture takes longer where the one before it ran at another input or in
    another engine.
    """

    name: str
    model_sha256: str
    spec: EngineSpec
    sizes: tuple[Size, ...]
    memory_mib: float
    switch_ms: float = 0.0
    options: str = ""
    artifact: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if not (self.name and self.sizes):
            raise ValueError("an engine has no name, or serves no size")
        if beyond := [size for size in self.sizes if not self.spec.admits(size)]:
            raise ValueError(f"the engine {self.name} does not take {beyond[0]}")
        if not (math.isfinite(self.memory_mib) and self.memory_mib >= 0):
            raise ValueError(f"the memory of the engine {self.name} is no number from 0")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a picture is run: at the ``input`` size, by the ``engine`` of this name."""

    engine: str
    input: Size


@dataclass(frozen=True, kw_only=True)
class Route:
    """``share`` of the traffic's pictures (0–1) have the size ``picture``, and one takes ``ms`` at
    its place. ``accuracy`` is 0–1, None where it is not known."""

    picture: Size
    place: Place
    share: float
    ms: float
    accuracy: float | None = None

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 + _SUM and math.isfinite(self.ms) and self.ms >= 0):
            raise ValueError(f"a share or the time of pictures of {self.picture} is no such number")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Of the traffic's pictures one after another, changes of the engine included: milliseconds of
    a picture, memory of the process with all engines, and the mean accuracy (0–1; None: not known).
    """

    mean_ms: float
    p50_ms: float
    p99_ms: float
    memory_mib: float
    accuracy: float | None = None


@dataclass(frozen=True, kw_only=True)
class MeasuredAccuracy:
    """The accuracy (0–1) of a plan's engines on ``images`` of the data set ``data``, each at the
    place of its own size, and what was ``expected`` of them before. ``data_sha256`` is the hash of
    the data; ``chosen`` says which of its images were taken, empty for all. Their sizes are those
    of the share ``covered`` of the traffic's pictures (0–1).
    """

    data: str
    data_sha256: str
    images: int
    accuracy: float
    expected: float
    covered: float
    chosen: str = ""

    def __post_init__(self) -> None:
        if self.images < 1 or not all(
            map(math.isfinite, (self.accuracy, self.expected, self.covered))
        ):
            raise ValueError("a measured accuracy is of no image, or is no number")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a plan had to keep to; None is no limit. ``max_ms`` is for the ``percentile`` of the
    pictures (0–1)."""

    max_memory_mib: float | None = None
    max_engines: int | None = None
    min_accuracy: float | None = None
    max_ms: float | None = None
    percentile: float = 0.99


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another set of engines: the names of those that are ``loaded``, what it gives, and
    ``why_not``, where it breaks a limit or there is none."""

    name: str
    engines: int = 0
    loaded: tuple[str, ...] = ()
    mean_ms: float | None = None
    memory_mib: float | None = None
    accuracy: float | None = None
    why_not: str = ""

    def __post_init__(self) -> None:
        if self.mean_ms is None and not self.why_not:
            raise ValueError(f"{self.name} needs a latency, or why there is none")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Why these engines. No set takes less than ``bound`` in the unit of the ``objective``, and the
    plan's less the share ``gap`` is that.

    ``baselines`` are plain choices under the same limits; ``more`` is what a looser limit would
    buy, ``by_engines`` the best set of one engine, of two, and so on.
    """

    objective: str
    limits: Limits
    bound: float
    gap: float
    metric: str = ""
    baselines: tuple[Alternative, ...] = ()
    more: tuple[Alternative, ...] = ()
    by_engines: tuple[Alternative, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The engines to keep loaded for a ``traffic``, and where each of its sizes is run.

    ``process_mib`` is the memory of the process without engines. Figures hold for the machine with
    this ``environment`` (its fingerprint). Accuracies of a plan with a ``measured`` one are
    corrected by it; without it, they are expected.
    """

    traffic: str
    pictures: int
    rule: InputRule
    models: tuple[PlannedModel, ...]
    engines: tuple[PlannedEngine, ...]
    routes: tuple[Route, ...]
    process_mib: float
    predicted: Prediction
    decision: Decision
    environment: str = ""
    measured: MeasuredAccuracy | None = None

    def __post_init__(self) -> None:
        names = [engine.name for engine in self.engines]
        if not names or len(set(names)) < len(names):
            raise ValueError("there is no engine, or two have one name")
        known = {model.sha256 for model in self.models}
        if missing := [one.name for one in self.engines if one.model_sha256 not in known]:
            raise ValueError(f"the model of the engine {missing[0]} is not there")
        if len({engine.spec.batch_size for engine in self.engines}) > 1:
            raise ValueError("its engines take batches of different sizes")
        self._check_routes()

    def _check_routes(self) -> None:
        if not self.routes or len({one.picture for one in self.routes}) < len(self.routes):
            raise ValueError("there is no size of a picture, or one stands there twice")
        if abs(sum(one.share for one in self.routes) - 1) > _SUM:
            raise ValueError("the shares of its sizes don't add up to 1")
        served = {engine.name: engine.sizes for engine in self.engines}
        for route in self.routes:
            if route.place.input not in served.get(route.place.engine, ()):
                raise ValueError(f"no engine serves pictures of {route.picture} as it says")

    @property
    def batch_size(self) -> int:
        return self.engines[0].spec.batch_size

    @cached_property
    def by_name(self) -> Mapping[str, PlannedEngine]:
        return {engine.name: engine for engine in self.engines}

    @cached_property
    def _places(self) -> Mapping[Size, Place]:
        return {route.picture: route.place for route in self.routes}

    def place_of(self, picture: Size) -> Place:
        """Where a picture of this size is run, whether or not the traffic had it.

        A size that the traffic did not have goes to an engine that takes the input size it asks
        for; else to the smallest input of the plan that is as high and as wide; else to the one
        that leaves it largest.
        """
        return self._places.get(picture) or self._new_place(picture)

    def _new_place(self, picture: Size) -> Place:
        asked = self.rule.size_for(picture)
        places = list(self._inputs())
        for engine in self.engines:
            if engine.spec.admits(asked):
                return Place(engine=engine.name, input=asked)
        holding = [place for place in places if _holds(place.input, asked)]
        if holding:
            return min(holding, key=lambda place: place.input.pixels)
        return max(places, key=lambda place: (_scale(picture, place.input), -place.input.pixels))

    def _inputs(self) -> Iterable[Place]:
        for engine in self.engines:
            for size in engine.sizes:
                yield Place(engine=engine.name, input=size)


def _holds(size: Size, other: Size) -> bool:
    return size.height >= other.height and size.width >= other.width


def _scale(picture: Size, size: Size) -> float:
    return min(size.height / picture.height, size.width / picture.width)
