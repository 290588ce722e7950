"""The inputs of a module beside its images: by the parameters of its ``forward``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sizewise.core.errors import UsageError
from sizewise.core.further.arrays import arrays_of, load_array
from sizewise.core.further.casting import has, why_lossy
from sizewise.core.options.declared import spelled
from sizewise.core.specs import FurtherInput, SaidInput, Size
from sizewise.core.specs.further import BATCH

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class WithFurther(nn.Module):
    """A module that takes its further inputs by their places, behind the images."""

    wraps: ClassVar[str] = "module"

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.module, self._names = module, tuple(names)

    def forward(self, images: Tensor, *further: Tensor) -> Any:
        return self.module(images, **dict(zip(self._names, further, strict=True)))


def further_of_module(
    source: str, module: nn.Module, said: Sequence[SaidInput]
) -> tuple[FurtherInput, ...]:
    """The further inputs of ``module`` that were ``said``, in the order of its parameters.

    Raises UsageError where it has no such input, or needs one of which nothing was said.
    """
    parameters = _parameters(module)
    images, others = next(iter(parameters), ""), dict(list(parameters.items())[1:])
    known = {one.name: one for one in said}
    for name in known:
        if name not in others:
            what = "it is the one that takes the images" if name == images else "it has none such"
            raise UsageError(
                f"The input {name} of {source} can't be given values",
                f"{what}; beside the images it takes {', '.join(others) or 'nothing'}",
                f"Correct {spelled('input')}, or leave it out.",
            )
    missing = [name for name, one in others.items() if one.default is one.empty]
    missing = [name for name in missing if name not in known]
    if missing:
        raise UsageError(
            f"{source} takes {', '.join(parameters)}",
            f"nobody said what {' and '.join(missing)} should be given",
            f"Say it: {spelled('input')} {missing[0]}=height,width (values), 1x77 (a shape of "
            "zeros) or a .npy file.",
        )
    return tuple(_taken(known[name]) for name in others if name in known)


def with_further(module: nn.Module, further: Sequence[FurtherInput]) -> nn.Module:
    """``module``, or one that takes its further inputs by place where it has some."""
    return WithFurther(module, [one.name for one in further]) if further else module


def name_of_images(module: nn.Module, further: Sequence[FurtherInput]) -> str:
    """What a graph calls the images: ``images``, or as the module does where another of its inputs
    has that name."""
    if all(one.name != "images" for one in further):
        return "images"
    return next(iter(_parameters(module)))


def tensors_of(further: Iterable[FurtherInput], batch_size: int, size: Size) -> tuple[Tensor, ...]:
    """What each is given beside ``batch_size`` images of ``size``. Raises InputError."""
    return tuple(map(torch.from_numpy, arrays_of(further, batch_size, size).values()))


def _parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    found = inspect.signature(module.forward).parameters
    return {name: one for name, one in found.items() if one.kind in _NAMED}


def _taken(said: SaidInput) -> FurtherInput:
    """An input of the type and shape that what was said of it has: whole numbers are int64, others
    float32, which NumPy writes as float64; several values are a row for each image, and one is a
    single number. Raises UsageError for numbers that this type has not."""
    if said.file:
        array = load_array(Path(said.file))
        shape: tuple[int | str, ...] = tuple(array.shape)
        dtype = _narrow(array.dtype)
        why = why_lossy(array, dtype)
    else:
        shape = (BATCH, len(said.values)) if len(said.values) > 1 else ()
        dtype = np.dtype(_dtype(said.values))
        wrong = [one for one in said.values if not (isinstance(one, str) or has(dtype, one))]
        why = f"it takes {dtype}, which has no {wrong[0]}" if wrong else ""
    if why:
        raise UsageError(
            f"The input {said.name} can't be given this", why, f"Correct {spelled('input')}."
        )
    if said.shape:
        shape = said.shape
    elif shape[:1] == (1,):
        shape = (BATCH, *shape[1:])
    return FurtherInput(
        name=said.name,
        dtype=dtype.name,
        shape=shape,
        values=said.values,
        file=said.file,
        sha256=said.sha256,
    )


def _narrow(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float32 for wider floats, as modules compute in it."""
    return np.dtype("float32") if dtype.kind == "f" and dtype.itemsize > 4 else dtype


def _dtype(values: Sequence[float | str]) -> str:
    if all(isinstance(value, bool) for value in values):
        return "bool"
    whole = all(isinstance(value, int | str) for value in values)
    return "int64" if whole else "float32"
