"""The engines of the axes, and the sizes that each is measured at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from engines.base import Backend
from engines.options import demand_known, read_options
from engines.planning.axes import EngineAxes
from engines.planning.size_groups import plan_profiles
from engines.registry import find_backend
from sizewise.core.errors import UsageError
from sizewise.core.machine.cores import default_threads
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import ENGINES
from sizewise.core.specs import EngineSpec, Profile, Size, Strategy

_Sizes = tuple[Size, ...]


def engine_specs(tables: Sequence[EngineAxes]) -> tuple[EngineSpec, ...]:
    """The engines of these cross products, of a model that takes every size.

    Raises UsageError for too many of them, for an unknown back end, for sizes that can't be grouped
    as requested, for options that no back end has, and for profiles without the strategy of that
    name.
    """
    _demand_number(tables)
    _demand_known_options(tables)
    _demand_strategy(tables)
    found: dict[EngineSpec, None] = {}
    for axes in tables:
        found |= {spec: None for spec, _ in engines_of(axes, axes.sizes)}
    return tuple(found)


def engines_of(axes: EngineAxes, taken: _Sizes) -> Iterator[tuple[EngineSpec, _Sizes]]:
    """Each engine with the sizes it is measured at; ``taken`` are those that the model takes.
    Raises UsageError."""
    for name, strategy, batch in product(axes.backends, axes.strategies, axes.batch):
        backend = find_backend(name)
        levels = axes.graph_fusion or (backend.default_graph_fusion,)
        options = read_options(backend, axes.options, allow_fallback=axes.allow_fallback)
        threads = axes.threads or default_threads()
        for level, (profiles, measured) in product(levels, _profiles(strategy, axes, taken)):
            spec = EngineSpec(
                backend=name,
                strategy=strategy,
                profiles=profiles,
                batch_size=batch.size,
                batch_range=batch.range,
                graph_fusion=level,
                threads=threads,
                options=options,
                thread_policy=backend.thread_policy(threads, options),
            )
            yield spec, measured


def _profiles(
    strategy: Strategy, axes: EngineAxes, taken: _Sizes
) -> list[tuple[tuple[Profile, ...], _Sizes]]:
    sizes = axes.sizes
    if strategy == "static":
        return [((Profile.fixed(size),), (size,)) for size in sizes]
    if strategy == "dynamic":
        return [((Profile.spanning(taken),), sizes)]
    return [(plan_profiles(sizes, axes.profiles, taken), sizes)]


def combinations(axes: EngineAxes) -> int:
    """Engines × sizes of a model, counted before they are made."""
    engines = (axes.backends, axes.strategies, axes.batch, axes.sizes, axes.graph_fusion or ("",))
    return math.prod(map(len, engines))


def _demand_number(tables: Iterable[EngineAxes]) -> None:
    """Raises UsageError for more engines than the limit, before any of them is made."""
    if why := ENGINES.excess(sum(map(combinations, tables))):
        raise UsageError("So many engines can't be planned", why, ENGINES.todo)


def _demand_known_options(tables: Iterable[EngineAxes]) -> None:
    """Refuse options that no back end has.

    A table may have them from ``[bench]``: it is enough that a back end of another has them.
    """
    users: dict[tuple[str, ...], list[Backend]] = {}
    for axes in tables:
        users.setdefault(axes.options, []).extend(map(find_backend, axes.backends))
    for requested, backends in users.items():
        demand_known(backends, requested)


def _demand_strategy(tables: Iterable[EngineAxes]) -> None:
    grouping = [axes for axes in tables if axes.profiles]
    if grouping and not any("profiles" in axes.strategies for axes in grouping):
        raise UsageError(
            f"{spelled('profiles')} {grouping[0].profiles} has no effect",
            "only the strategy profiles builds engines with several profiles",
            f"Add profiles to {spelled('strategies')}, or leave {spelled('profiles')} out.",
        )
