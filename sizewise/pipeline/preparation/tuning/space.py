"""What a search may change of a training, and within which ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sizewise.core.errors import OptionError, UsageError
from sizewise.core.options.declared import options_of, spelled
from sizewise.pipeline.models.training import Training, TrainOptions
from sizewise.pipeline.preparation.tuning.options import FixedTraining, TuneOptions

_DIGITS = 3
"""Of a value, so that the command that is printed trains with just this one."""
_RATES = {"adamw": (2e-4, 2e-2), "sgd": (1e-3, 1e-1)}
_DECAYS = {"adamw": (1e-3, 0.2), "sgd": (5e-5, 5e-3)}
_OF_OTHERS = {"mosaic": (0.0, 1.0), "mix_up": (0.0, 0.5)}
"""Changes of images that are made of others: classifiers have none."""
_CHANGES = {
    **{"scale": (0.0, 0.9), "translate": (0.0, 0.3), "hue": (0.0, 0.1)},
    **{"saturation": (0.0, 0.9), "value": (0.0, 0.9)},
}
_GAINS = ("box_gain", "objectness_gain", "background_gain", "class_gain")
_GAIN_RATIO = 5.0
"""Gains are searched from a fifth of the loss's own to five times it."""
_ON_REQUEST = {
    **{"flip": (0.0, 0.5), "copy_paste": (0.0, 0.5), "label_smoothing": (0.0, 0.2)},
    **{"ema_decay": (0.9, 0.9999), "ignore_iou": (0.4, 0.9), "anchor_ratio": (2.0, 4.0)},
}
"""Searched only where they are named."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """An option that is searched from ``low`` to ``high``, both included. On a logarithmic scale,
    every factor is as likely as any other."""

    name: str
    low: float
    high: float
    logarithmic: bool = False

    def rounded(self, value: float) -> float:
        """``value`` as it is printed, and as trainings have it."""
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


def space_of(network: str, tuning: TuneOptions, fixed: FixedTraining) -> tuple[Dimension, ...]:
    """What is searched, checked at both ends. Raises UsageError."""
    usual = _usual(network, fixed)
    named = dict(_named(word) for word in tuning.search)
    for name in named:
        _demand_free(name, fixed, (*usual, *_ON_REQUEST))
    chosen = named or {name: None for name in usual if _is_free(name, fixed)}
    known = usual | {n: Dimension(name=n, low=a, high=b) for n, (a, b) in _ON_REQUEST.items()}
    space = tuple(_with_ends(known[name], ends) for name, ends in chosen.items())
    if not space:
        raise UsageError(
            "There is nothing to search",
            f"{', '.join(map(spelled, usual))} are all given",
            "Leave out those that are to be searched, and train with the others.",
        )
    for end in ("low", "high"):
        values = {one.name: getattr(one, end) for one in space}
        Training(network=network, options=fixed.training(**values)).check()
    return space


def _usual(network: str, fixed: FixedTraining) -> dict[str, Dimension]:
    from netzoo.losses._registry import choose_loss
    from netzoo.tasks.registry import find_task
    from netzoo.zoo.network import find_network

    entry = find_network(network)
    others = {} if find_task(entry.task).learns_images else _OF_OTHERS
    rates = {
        "learning_rate": _RATES[fixed.optimizer],
        "weight_decay": _DECAYS[fixed.optimizer],
        **_gains(choose_loss(entry, fixed.loss).own_gains(entry)),
    }
    found = {n: Dimension(name=n, low=a, high=b, logarithmic=True) for n, (a, b) in rates.items()}
    changes = others | _CHANGES
    return found | {n: Dimension(name=n, low=a, high=b) for n, (a, b) in changes.items()}


def _gains(own: Any) -> dict[str, tuple[float, float]]:
    names = [field.name for field in dataclasses.fields(own)] if own else []
    each = {name: getattr(own, name) for name in _GAINS if name in names}
    return {name: (gain / _GAIN_RATIO, gain * _GAIN_RATIO) for name, gain in each.items()}


Ends = tuple[float, float] | None


def _named(word: str) -> tuple[str, Ends]:
    """``NAME`` or ``NAME=LOW:HIGH``. Raises OptionError."""
    given, is_range, ends = word.partition("=")
    name = given.strip().removeprefix("--").replace("-", "_")
    if not is_range:
        return name, None
    low, _, high = ends.partition(":")
    try:
        found = float(low), float(high)
        if not found[0] < found[1] < float("inf"):
            raise ValueError
    except ValueError as error:
        raise OptionError(
            f"Invalid value {word!r} for {spelled('search')}",
            "a range has a lower and a higher end",
            "Write it as learning_rate=0.0005:0.01.",
            option=spelled("search"),
        ) from error
    return name, found


def _demand_free(name: str, fixed: FixedTraining, known: tuple[str, ...]) -> None:
    if name not in known:
        raise OptionError(
            f"{spelled(name)} can't be searched",
            "there is no range for it here",
            f"Choose from: {', '.join(known)}.",
            option=spelled("search"),
        )
    if not _is_free(name, fixed):
        raise UsageError(
            f"{spelled(name)} can't be given and searched at once",
            f"it is {getattr(fixed, name):g}, and {spelled('search')} names it",
            "Leave it out of one of them.",
        )


def _is_free(name: str, fixed: FixedTraining) -> bool:
    """Whether an option is not given."""
    defaults: Mapping[str, Any] = {f.name: f.default for f in dataclasses.fields(FixedTraining)}
    return bool(getattr(fixed, name) == defaults[name])


def _with_ends(one: Dimension, ends: Ends) -> Dimension:
    """Raises OptionError for ends that the option does not take."""
    if ends is None:
        return one
    reader = options_of(TrainOptions)[one.name].reader
    for end in ends:
        try:
            reader.read(end)
        except ValueError as error:
            raise OptionError(
                f"Invalid range of {spelled(one.name)} in {spelled('search')}",
                f"it goes from {ends[0]:g} to {ends[1]:g}",
                str(error),
                option=spelled("search"),
            ) from error
    low, high = ends
    return dataclasses.replace(one, low=low, high=high, logarithmic=one.logarithmic and low > 0)
