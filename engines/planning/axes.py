"""The axes of engines: one cross product, read once from what a user gave."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from engines.planning.batches import Batch
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import option
from sizewise.core.options.limits import THREADS
from sizewise.core.options.reading import (
    ASSIGNMENTS,
    JOINED,
    SIZES,
    SWITCH,
    Reader,
    choices,
    no_choice,
    several,
    whole,
)
from sizewise.core.specs import Sizes, Strategy

_ENGINES = "Engines"


def _backend(given: object) -> str:
    from engines.registry import backends, find_backend

    with suppress(UsageError):
        return find_backend(str(given)).name
    offered = [name for name, backend in backends().items() if not backend.for_tests]
    raise no_choice(given, offered)


@dataclass(frozen=True, kw_only=True)
class EngineAxes:
    """Back ends × strategies × graph fusions × batches × sizes.

    ``profiles`` says how the strategy of that name groups the sizes
    (``engines.planning.size_groups``). ``options`` are NAME=VALUE, each for the back ends that have
    it (``engines.options``). An empty ``graph_fusion`` is each back end's own default, ``threads``
    0 is a thread for each physical core that affinity and quota grant. ``allow_fallback`` accepts
    engines that run in another precision, or on another device, than requested.
    """

    backends: tuple[str, ...] = option(
        several(Reader(_backend, "LIST"), 1),
        ("onnxruntime", "openvino"),
        help="Back ends (comma list); sizewise doctor lists those that run here.",
        group=_ENGINES,
    )
    strategies: tuple[Strategy, ...] = option(
        choices("static", "dynamic", "profiles", least=1),
        ("static", "dynamic"),
        help="Strategies (comma list). static: one engine per size; dynamic: one engine for all "
        "sizes; profiles: one engine with several profiles, each tuned for some of the sizes.",
        group=_ENGINES,
    )
    sizes: Sizes = option(
        SIZES,
        Sizes.parse("320:640:160"),
        help="Input sizes in pixels, height x width: 416, 384x640, or FIRST:LAST:STEP with both "
        "ends included (comma list).",
        group=_ENGINES,
    )
    batch: tuple[Batch, ...] = option(
        several(Reader(Batch.parse, "LIST"), 1),
        (Batch(1),),
        help="Images per call (comma list); MIN:OPT:MAX such as 1:4:8 is one engine for 1 to 8 "
        "images, tuned for 4.",
        group=_ENGINES,
    )
    profiles: str = option(
        Reader(JOINED.read, "NUMBER|SIZES"),
        "",
        help="Profiles of the strategy profiles: their number, or the largest size of each "
        "(288,352,448).",
        group=_ENGINES,
        shown="3, or one per size where there are fewer",
    )
    graph_fusion: tuple[str, ...] = option(
        choices("none", "basic", "extended", "all"),
        (),
        help="Optimisation level of the graph compiler: none, basic, extended, all (comma list).",
        group=_ENGINES,
        shown="each back end's own",
    )
    threads: int = option(
        whole(0, THREADS),
        0,
        help="CPU threads of an engine; 0: one per physical core that this process may use.",
        group=_ENGINES,
    )
    options: tuple[str, ...] = option(
        ASSIGNMENTS,
        (),
        help="Option of one or more back ends. Repeatable; an unknown name lists the known ones.",
        group=_ENGINES,
    )
    allow_fallback: bool = option(
        SWITCH,
        False,
        help="Accept engines that run in another precision, or on another device, than requested.",
        group=_ENGINES,
    )
