"""Several engines behind one call: the right one runs each picture."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.core.errors import EngineError, InferenceError, InputError, UsageError
from sizewise.core.holding.closing import Closing
from sizewise.core.options.declared import filled
from sizewise.core.progress import SILENT, Reporter, Stage
from sizewise.core.specs import EngineArtifact, Size
from sizewise.core.specs.plan import Place, Plan
from sizewise.pipeline.prediction.pool.counts import PoolCounts
from sizewise.pipeline.prediction.pool.keeper import Keeper, resident_mib
from sizewise.pipeline.prediction.pool.opening import (
    Opening,
    demand_budget,
    open_list,
    open_plan,
)
from sizewise.pipeline.prediction.pool.options import AT_START, PoolOptions

if TYPE_CHECKING:
    from PIL import Image

    from engines.base import Array
    from netzoo.tasks.task import Pixels, Predictor
    from sizewise.pipeline.records.planning.options import Planned

    Picture = str | Path | bytes | Pixels
    Engines = str | Path | Plan | Planned | Sequence[str | Path | EngineArtifact]

_MOST_SIZES = 4096
"""Sizes of pictures whose places are remembered."""


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """What was found in a picture of size ``picture``, by the engine of this name at this input
    size: ``found`` is in the picture's own pixels (detector: ``found.boxes``, ``scores`` and
    ``labels``). ``fell_back`` says that the first choice failed."""

    picture: Size
    engine: str
    input: Size
    found: Any
    predictor: Predictor[Any]
    fell_back: bool = False

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes, by their numbers."""
        return self.predictor.classes

    def results(self) -> list[dict[str, Any]]:
        """As COCO results; classes are numbered from 0, in the model's order."""
        return self.predictor.results(self.found)

    def arrays(self) -> dict[str, Array]:
        """As arrays by name (:meth:`netzoo.tasks.task.Predictor.arrays`)."""
        return self.predictor.arrays(self.found)

    def describe(self) -> str:
        """In a few words; empty where it is nothing."""
        return self.predictor.describe(self.found)

    def draw(self, picture: Pixels) -> Image.Image:
        """A copy of ``picture``, RGB [H, W, 3], with what was found on it."""
        return self.predictor.draw(picture, self.found)


@dataclass(frozen=True, kw_only=True)
class _Route:
    """A place, ready to be used. It runs images as a session does, in an engine of the pool."""

    place: Place
    predictor: Predictor[Any]
    artifact: EngineArtifact
    padding: float
    keeper: Keeper

    def infer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self.keeper.infer(self.place.engine, inputs, self.padding)


class EnginePool(Closing):
    """The engines of a plan (its path, the value, or what :func:`sizewise.plan` returned), or of a
    list of folders or artifacts.

    :meth:`predict` may be called by several threads. Options are :class:`PoolOptions`, as a value
    or by keywords. Engines that fail are told to the ``reporter``; without one, as Python's
    warnings.

    Raises UsageError, InputError and EngineError where the engines can't be used together, are
    gone, are not as planned or not to be trusted, or where none of them opens.
    """

    def __init__(
        self,
        engines: Engines,
        *,
        options: PoolOptions | None = None,
        reporter: Reporter | None = None,
        **given: object,
    ) -> None:
        self.options = filled(PoolOptions, options, given)
        self._reporter = reporter or _Warning()
        opening = _opened(engines, self.options)
        self.name, self.members, self._places = opening.name, opening.members, opening.places
        self._artifacts = {member.name: member.artifact for member in self.members}
        self._predictors: dict[Place, Predictor[Any]] = {}
        self._routes: dict[Size, tuple[_Route, ...]] = {}
        self._fallbacks, self._counting = 0, threading.Lock()
        self._keeper = _keeper(opening)
        self._demand_readable()
        try:
            if self.options.load == AT_START:
                self._load()
        except BaseException:
            self.close()
            raise

    def predict(self, picture: Picture) -> Pooled:
        """Find what is in a picture: RGB [H, W, 3] of 0–255, a path, or the bytes of a file.

        Raises InputError for what is no such picture, EngineError where no engine can run it.
        """
        self._keeper.demand_open()
        pixels = _pixels(picture)
        size = Size(int(pixels.shape[0]), int(pixels.shape[1]))
        routes = self.routes(size)
        rested = [route for route in routes if not self._keeper.rests(route.place.engine)]
        failed: list[EngineError] = []
        for route in rested or routes:
            try:
                found = self._run(route, pixels)
            except EngineError as error:
                self._note(route, error)
                failed.append(error)
                continue
            fell_back = route is not routes[0]
            if fell_back:
                with self._counting:
                    self._fallbacks += 1
            return Pooled(
                picture=size,
                engine=route.place.engine,
                input=route.place.input,
                found=found,
                predictor=route.predictor,
                fell_back=fell_back,
            )
        raise InferenceError(
            f"No engine could run the picture of {size}",
            str(failed[0]),
            "Look at the engines' failures above, and build those engines again.",
            reason_code=failed[0].reason_code,
        )

    def routes(self, picture: Size) -> tuple[_Route, ...]:
        """Where a picture of this size is run, best first."""
        found = self._routes.get(picture)
        if found is None:
            found = tuple(self._route(place, picture) for place in self._places.of(picture))
            if len(self._routes) >= _MOST_SIZES:
                self._routes.clear()
            self._routes[picture] = found
        return found

    def counts(self) -> PoolCounts:
        """What was counted since the pool was opened."""
        return PoolCounts(
            engines=self._keeper.counts(),
            fallbacks=self._fallbacks,
            memory_mib=self._keeper.memory_mib,
        )

    def close(self) -> None:
        """Close all engines, after the calls that are under way."""
        self._keeper.close()

    @property
    def predictor(self) -> Predictor[Any]:
        """How the outputs of the first engine are read: of its task and classes are all of them."""
        member = self.members[0]
        return self._predictor(Place(engine=member.name, input=member.sizes[0]))

    def _run(self, route: _Route, pixels: Pixels) -> Any:
        from sizewise.pipeline.prediction.predictor import infer_pictures

        ((fit, outputs),) = infer_pictures(route.predictor, route, [pixels])
        try:
            return route.predictor.read(fit, outputs)
        except InferenceError:  # outputs that are no numbers: another precision may do better
            self._keeper.note_failure(route.place.engine)
            raise

    def _note(self, route: _Route, error: EngineError) -> None:
        self._reporter.remark(f"The engine {route.place.engine} failed. {error}")

    def _route(self, place: Place, picture: Size) -> _Route:
        from netzoo.tasks.letterbox import Letterbox

        predictor = self._predictor(place)
        fit = Letterbox.fit(picture, place.input, keep_shape=predictor.card.letterbox)
        inner = round(picture.height * fit.scale_y) * round(picture.width * fit.scale_x)
        return _Route(
            place=place,
            predictor=predictor,
            artifact=self._artifacts[place.engine],
            padding=max(0.0, 1 - inner / place.input.pixels),
            keeper=self._keeper,
        )

    def _predictor(self, place: Place) -> Predictor[Any]:
        from sizewise.pipeline.prediction.choosing import predictor_at

        found = self._predictors.get(place)
        if found is None:
            if len(self._predictors) >= _MOST_SIZES:
                self._predictors.clear()
            artifact = self._artifacts[place.engine]
            found = self._predictors[place] = predictor_at(
                artifact, place.input, self.options, to_draw=False
            )
        return found

    def _demand_readable(self) -> None:
        """Raises UsageError and InputError where an engine's outputs can't be read."""
        for member in self.members:
            for size in member.sizes:
                self._predictor(Place(engine=member.name, input=size))

    def _load(self) -> None:
        """Open and warm up all engines that fit. Raises what the last one raises where none
        opens."""
        failed: EngineError | InputError | None = None
        opened = 0
        with _stage(self._reporter, len(self.members)) as stage:
            for member in self.members:
                if self._keeper.fits(member.name):
                    try:
                        self._keeper.warm_up(member.name)
                        opened += 1
                    except (EngineError, InputError) as error:
                        self._reporter.remark(f"The engine {member.name} failed. {error}")
                        failed = error
                stage.advance(note=member.name)
        if failed is not None and not opened:
            raise failed


class _Warning:
    """Remarks as Python's warnings: nothing falls back in silence."""

    stage = staticmethod(SILENT.stage)

    def remark(self, text: str) -> None:
        warnings.warn(text, RuntimeWarning, stacklevel=4)


def _stage(reporter: Reporter, count: int) -> AbstractContextManager[Stage]:
    return reporter.stage("Loading engines", count)


def _opened(engines: Engines, options: PoolOptions) -> Opening:
    from engines.store.contents import MANIFEST
    from sizewise.core.specs.stored_plan import read_plan
    from sizewise.pipeline.records.planning.options import Planned

    engines = engines.path if isinstance(engines, Planned) else engines
    if isinstance(engines, Plan):
        return open_plan(engines, Path(), options)
    if isinstance(engines, str | Path):
        path = Path(engines)
        if (path / MANIFEST).exists():
            return open_list([path], options)
        return open_plan(read_plan(path), path if path.is_dir() else path.parent, options)
    folders = [one.path if isinstance(one, EngineArtifact) else Path(one) for one in engines]
    return open_list(folders, options)


def _keeper(opening: Opening) -> Keeper:
    process_mib = resident_mib() if opening.process_mib is None else opening.process_mib
    keeper = Keeper(
        opening.members,
        opening.trusted,
        process_mib=process_mib,
        budget_mib=opening.budget_mib,
    )
    demand_budget(opening, process_mib, {one.name: one.memory_mib for one in keeper.counts()})
    return keeper


def _pixels(picture: Picture) -> Pixels:
    import numpy as np

    from netzoo.data.pictures.decoding import decode_bytes, decode_picture

    if isinstance(picture, str | Path):
        return decode_picture(Path(picture))
    if isinstance(picture, bytes | bytearray | memoryview):
        return decode_bytes(bytes(picture))
    if not isinstance(picture, np.ndarray):
        raise UsageError(
            "This is no picture",
            f"it is a {type(picture).__name__}",
            "Give a path, the bytes of a file, or an array RGB [H, W, 3] of uint8.",
        )
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InputError(
            "The array is no picture",
            f"it is {picture.dtype} {list(picture.shape)}",
            "Give RGB [H, W, 3] of uint8, with at least one pixel.",
        )
    return picture
