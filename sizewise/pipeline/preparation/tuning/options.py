"""What a user says of a search, and of the trainings that it tries."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sizewise.core.options.declared import option, options_of
from sizewise.core.options.limits import TRIALS
from sizewise.core.options.reading import SWITCH, WORDS, Reader, optional, whole
from sizewise.pipeline.models.training import TrainOptions

_GROUP = "Search"


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """The options of ``sizewise tune`` beside those of its trainings."""

    trials: int = option(
        whole(1, TRIALS),
        20,
        help="Trainings in all; those of an earlier call count.",
        group=_GROUP,
    )
    search: tuple[str, ...] = option(
        WORDS,
        (),
        help="Options that are searched: NAME, or NAME=LOW:HIGH (comma list).",
        group=_GROUP,
        shown="learning rate, weight decay, changes of images and gains, but for those given",
    )
    no_pruning: bool = option(
        SWITCH,
        False,
        help="Train every trial to its end. Without it, a trial ends early whose score is below "
        "the median of the others at the same step.",
        group=_GROUP,
    )


def _given(name: str) -> float | None:
    """An option of a training that has a default there, and is searched here unless it is given."""
    known = options_of(TrainOptions)[name]
    reader: Reader = optional(known.reader)
    found: float | None = option(reader, None, help=known.help, group=known.group, shown="searched")
    return found


@dataclass(frozen=True, kw_only=True)
class FixedTraining(TrainOptions):
    """What all trainings of a search have in common; what is given is not searched."""

    learning_rate: float | None = _given("learning_rate")  # type: ignore[assignment]
    weight_decay: float | None = _given("weight_decay")  # type: ignore[assignment]

    def training(self, **searched: float) -> TrainOptions:
        """The options of a training with these values of what is searched."""
        named = {f.name: getattr(self, f.name) for f in fields(TrainOptions)}
        usual = {"learning_rate", "weight_decay"}
        given = {n: v for n, v in named.items() if n not in usual or v is not None}
        return TrainOptions(**(given | searched))
