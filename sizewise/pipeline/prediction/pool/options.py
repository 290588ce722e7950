"""The options of an engine pool."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.options.declared import option
from sizewise.core.options.reading import choice, number, optional, several
from sizewise.pipeline.models.trust import MANIFEST_SHA256
from sizewise.pipeline.prediction.options import RunOptions

_ENGINES = "Engines"
AT_START, LAZILY = "start", "lazy"


@dataclass(frozen=True, kw_only=True)
class PoolOptions(RunOptions):
    """How engines are loaded, and their outputs read."""

    load: str = option(
        choice(AT_START, LAZILY),
        AT_START,
        help="When engines are loaded: all at the start, with a call at each of their sizes, or "
        "each when the first picture needs it.",
        group=_ENGINES,
    )
    max_memory_mib: float | None = option(
        optional(number(above=0)),
        None,
        help="Memory of the process with its engines, in MiB. Where it is short, the engine that "
        "was not used for the longest time makes room.",
        group=_ENGINES,
        shown="as the plan says, or no limit",
    )
    trust_engines: tuple[str, ...] = option(
        several(MANIFEST_SHA256),
        (),
        help="SHA-256 of the manifest.json of each engine that others built, as its builder states "
        "it: its code runs with your rights.",
        group=_ENGINES,
    )
