"""How a module is called: the channels of its images and the types of its further inputs, found by
calling it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import nn

from exporter.checks.probes import Probe, Shown
from exporter.modules.further import tensors_of
from sizewise.core.options.declared import spelled
from sizewise.core.specs import FurtherInput, Size

_USUAL = Size(224, 224)
"""Where modules run that run at one size alone, more often than anywhere else."""
_MOST = 3
"""Further inputs of which each is tried by itself."""
_ZEROS, _WHOLE = "float32", "int64"


def outputs_of(module: nn.Module, probe: Probe) -> object:
    """What ``module`` gives for the images of ``probe``. Raises whatever it raises."""
    beside = tensors_of(probe.further, probe.batch_size, probe.size)
    with torch.inference_mode():
        return module(torch.from_numpy(probe.images()), *beside)


def calls(module: nn.Module, like: Probe) -> Iterator[Probe]:
    """``like``, and calls to try where ``module`` does not take it, the likeliest first."""
    for size in dict.fromkeys((like.size, _USUAL)):
        for shown in _shown(module, like.at(like.batch_size, size)):
            for further in _typed(like.further):
                yield replace(like, size=size, shown=shown, further=further)


def remarks_on(said: Probe, taken: Probe) -> tuple[str, ...]:
    """Sentences on how the call ``taken`` differs from what was said."""
    pairs = zip(said.further, taken.further, strict=True)
    whole = [
        f"The input {one.name} is given whole numbers, since the module does not run with others: "
        f"{spelled('input')} {one.name}=0:{'x'.join(map(str, one.shape))} says so."
        for before, one in pairs
        if before.dtype != one.dtype
    ]
    if said.shown == taken.shown or said.shown.preprocessing.order == "gray":
        return tuple(whole)
    count = taken.shown.channels
    channels = f"{count} channel{'s' if count > 1 else ''}"
    return (f"The module takes images of {channels}: with 3, it does not run.", *whole)


def _shown(module: nn.Module, like: Probe) -> Iterator[Shown]:
    """The channels to try: three, and then as many as the first convolution takes, or one. One
    comes first where grey was said."""
    if like.shown.preprocessing.order == "gray":
        yield replace(like.shown, channels=1)
    yield like.shown
    wanted = dict.fromkeys((*_first_convolution(module, like), 1))
    yield from (replace(like.shown, channels=one) for one in wanted if one != like.shown.channels)


def _first_convolution(module: nn.Module, like: Probe) -> Sequence[int]:
    """The channels that the first convolution takes, where it refuses those of the images."""
    wanted: list[int] = []

    def look(layer: nn.Module, given: tuple[Any, ...]) -> None:
        takes: Any = layer.in_channels
        if given and given[0].shape[-3] == like.shown.channels != takes:
            wanted.append(takes)

    with ExitStack() as hooks:
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                hooks.callback(layer.register_forward_pre_hook(look).remove)
        with suppress(Exception):  # it is the user's program, and may raise any
            outputs_of(module, like)
    return wanted[:1]


def _typed(further: Sequence[FurtherInput]) -> Iterator[tuple[FurtherInput, ...]]:
    """``further``, and the same with whole numbers for zeros of which a shape alone was said."""
    free = [place for place, one in enumerate(further) if _is_free(one)]
    kinds: Iterator[tuple[str, ...]] = product((_ZEROS, _WHOLE), repeat=len(free))
    if len(free) > _MOST:
        kinds = iter(((_ZEROS,) * len(free), (_WHOLE,) * len(free)))
    for kind in kinds:
        chosen = dict(zip(free, kind, strict=True))
        yield tuple(
            replace(one, dtype=chosen.get(place, one.dtype)) for place, one in enumerate(further)
        )


def _is_free(one: FurtherInput) -> bool:
    return (one.dtype, one.values, one.file) == (_ZEROS, (0.0,), "") and bool(one.shape)
