"""The plan of a sweep: the trials of its axes, and which of them are measured together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from bench.accuracy.plan import AS_USUAL, AccuracyPlan, DataKey
from bench.planning.protocol import HARNESS, Protocol
from bench.planning.settings import Axes, SweepSettings
from engines.base import Backend
from engines.options import non_default_options
from engines.planning.fixed import for_each
from engines.planning.specs import combinations, engines_of
from engines.registry import find_backend
from sizewise.core.errors import UsageError
from sizewise.core.further.resolving import further_of
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import TRIALS
from sizewise.core.specs import NMS_LAYOUT, EngineSpec, ExportedModel, Size
from sizewise.core.trials import Cell, Trial


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A trial, the model it is of, and how its accuracy is measured, if it is. ``python`` is the
    interpreter under which its engine is built and run (empty: this one)."""

    trial: Trial
    model: ExportedModel
    accuracy: AccuracyPlan = AS_USUAL
    python: str = ""

    @property
    def data(self) -> str:
        """The source of the data for its accuracy, or empty."""
        return self.accuracy.data

    @property
    def images(self) -> int:
        """How many images of it are taken (0: all)."""
        return self.accuracy.images

    @property
    def key(self) -> DataKey:
        """Which images those are."""
        return self.accuracy.key(self.model.card)

    @property
    def label(self) -> str:
        """The trial as the progress bar names it."""
        cell = self.trial.cell
        network = cell.network if cell.fusion == "none" else f"{cell.network}-{cell.fusion}"
        return f"{network} {cell.backend} {cell.strategy} {cell.size}"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Trials at one size that are measured by turns."""

    size: Size
    protocol: Protocol
    members: tuple[Planned, ...]


def plan_sweep(
    models: Sequence[ExportedModel],
    settings: SweepSettings,
    *,
    environment_fingerprint: str,
) -> tuple[Group, ...]:
    """All trials, in groups of one size and protocol.

    A size that only some models take is planned for all (the rest is filed as unsupported), but
    where no sizes are given, a file of one size is planned at its own
    (:func:`engines.planning.fixed.for_each`); tables of sweeps say all themselves. Raises
    UsageError for a size that none takes, an unknown back end, a fusion that no model has and too
    many trials, and InputError for a model that does not take images.
    """
    if not models:
        raise UsageError("No model was given", "there is nothing to measure", "Name one or more.")
    products = tuple(
        (axes, _requested(axes, models, is_table=bool(settings.sweep)))
        for axes in settings.products()
    )
    count = sum(one.replicas * combinations(one) for _, asked in products for _, one in asked)
    if why := TRIALS.excess(count):
        raise UsageError("So many trials can't be planned", why, TRIALS.todo)
    groups: dict[tuple[Size, Protocol], dict[str, Planned]] = {}
    for axes, requested in products:
        _demand_takers(requested)
        for planned in _trials(requested, environment_fingerprint):
            members = groups.setdefault((planned.trial.cell.size, axes.protocol), {})
            known = members.get(planned.trial.identity)
            if known is None or not known.data:  # tables may overlap: data of any of them count
                members[planned.trial.identity] = planned
    return tuple(
        Group(size=size, protocol=protocol, members=tuple(members.values()))
        for (size, protocol), members in groups.items()
    )


_Requested = Sequence[tuple[ExportedModel, Axes]]
_SELECTS = ("fusion", "precision")
"""The axes that select models."""


def _requested(axes: Axes, models: Sequence[ExportedModel], *, is_table: bool) -> _Requested:
    """The models of a cross product, each with the axes that are its own."""
    chosen = models_of(axes, models)
    by_model = (axes,) * len(chosen) if is_table else for_each(axes, chosen)
    return tuple(zip(chosen, by_model, strict=True))


def models_of(axes: Axes, models: Sequence[ExportedModel]) -> tuple[ExportedModel, ...]:
    """The models whose fusion and precision are requested.

    Raises UsageError for a fusion or a precision that none of them has.
    """
    for name in _SELECTS:
        known = {getattr(model.card, name) for model in models}
        _demand_known(name, getattr(axes, name), known)
    return tuple(
        model
        for model in models
        if (not axes.fusion or model.card.fusion in axes.fusion)
        and (not axes.precision or model.card.precision in axes.precision)
    )


def _demand_known(name: str, requested: Iterable[str], known: Iterable[str]) -> None:
    offered = sorted(known)
    for one in requested:
        if one not in offered:
            raise UsageError(
                f"No model has the {name} {one!r}",
                f"the models have {', '.join(map(repr, offered))}",
                f"Choose from these, or leave {spelled(name)} out to measure all models.",
            )


def version_of(backend: Backend) -> str:
    """Of all that makes the engines of a back end."""
    return ", ".join(filter(None, (backend.version(), backend.compiler())))


def _trials(requested: _Requested, environment: str) -> Iterator[Planned]:
    for model, axes in requested:
        sizes, accuracy, further = axes.sizes, axes.accuracy, further_of(model)
        taken = tuple(size for size in sizes if not model.refusal(size))
        built = engines_of(axes, taken or sizes)
        for replica, (spec, measured) in product(range(axes.replicas), built):
            for size in measured:
                backend = find_backend(spec.backend)
                trial = Trial(
                    cell=_cell(model, spec, size),
                    model_sha256=model.sha256,
                    spec=spec,
                    backend_version=version_of(backend),
                    environment_fingerprint=environment,
                    harness=HARNESS,
                    builder=backend.builder,
                    layout=model.card.layout,
                    replica=replica,
                    letterbox=model.card.letterbox,
                    preprocessing=model.card.preprocessing,
                    nms=model.nms and model.card.layout != NMS_LAYOUT,
                    further=tuple(map(str, further)),
                    assumed=tuple(one.name for one in further if not one.said),
                )
                yield Planned(trial=trial, model=model, accuracy=accuracy)


def _cell(model: ExportedModel, spec: EngineSpec, size: Size) -> Cell:
    return Cell(
        network=model.card.network,
        fusion=model.card.fusion,
        precision=model.card.precision,
        backend=spec.backend,
        strategy=spec.strategy,
        graph_fusion=spec.graph_fusion,
        batch_size=spec.batch_size,
        size=size,
        options=non_default_options(spec.options),
    )


def _demand_takers(requested: _Requested) -> None:
    for size in dict.fromkeys(size for _, axes in requested for size in axes.sizes):
        refusals = [(model.path.name, model.refusal(size)) for model, _ in requested]
        if not all(why for _, why in refusals):
            continue
        todo = f"Choose other sizes with {spelled('sizes')}."
        if len(refusals) == 1:
            ((name, why),) = refusals
            raise UsageError(f"{name} does not take the size {size}", why, todo)
        reasons = "; ".join(f"{name}: {why}" for name, why in refusals)
        raise UsageError(f"No model takes the size {size}", reasons, todo)
