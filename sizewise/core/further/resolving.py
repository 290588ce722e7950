"""What the inputs of a model beside its picture are given: as a user says, or as they look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from sizewise.core.errors import InputError, UsageError
from sizewise.core.further.arrays import load_array
from sizewise.core.further.casting import has, why_lossy
from sizewise.core.further.unsaid import shape_in_words, usual_values
from sizewise.core.options.declared import spelled
from sizewise.core.specs import (
    ExportedModel,
    FurtherInput,
    ImageInput,
    SaidInput,
    Size,
    TensorSpec,
)
from sizewise.core.specs.further import BATCH, PICTURE_SIZE


def further_of(model: ExportedModel) -> tuple[FurtherInput, ...]:
    """The inputs of ``model`` beside its picture, in the order of its graph, as its card says.

    One that nobody named is given what it is called (see :func:`usual_values`). Raises UsageError
    where the card speaks of an input that the model has not, or that can't be given so.
    """
    image = model.image
    others = {one.name: one for one in model.inputs if one != image.tensor}
    said = {one.name: one for one in model.card.inputs}
    _demand_known(model, said, others, image)
    return tuple(_resolved(tensor, image, said.get(name)) for name, tensor in others.items())


def said_again(
    further: Iterable[FurtherInput], said: Iterable[SaidInput]
) -> tuple[FurtherInput, ...]:
    """``further`` of an engine, with other values. Raises UsageError where the engine has no such
    input, or one of another shape."""
    known = {one.name: one for one in further}
    for one in said:
        if one.name not in known:
            raise _no_input(one.name, known)
        before = known[one.name]
        tensor = TensorSpec(name=one.name, dtype=before.dtype, shape=before.shape)
        known[one.name] = _given(tensor, before.shape, one)
    return tuple(known.values())


def why_unknown(further: Iterable[FurtherInput], sizes: Iterable[Size] = ()) -> str:
    """Why pictures of ``sizes`` alone say nothing of what a model gives; empty where they do.

    The picture's size that nobody said counts at square sizes: some models take the width first.
    """
    oblong = next((size for size in sizes if size.height != size.width), None)
    for one in further:
        is_size = one.values == PICTURE_SIZE
        if one.said or (is_size and oblong is None):
            continue
        given = f"its input {one.name} is given {one.given}, which nobody said"
        if is_size:
            return (
                f"{given}; some models take the width first, and {oblong} is not square "
                f"({spelled('input')} {one.name}=height,width or width,height)"
            )
        return f"{given} ({spelled('input')} {one.name}=VALUE)"
    return ""


def assumptions(model: ExportedModel) -> tuple[str, ...]:
    """A sentence for each thing about the inputs of ``model`` that neither its file nor a user
    says. Raises as :func:`further_of`."""
    of_picture = model.image.assumption
    return ((of_picture,) if of_picture else ()) + remarks_on(further_of(model))


def remarks_on(further: Iterable[FurtherInput]) -> tuple[str, ...]:
    """A sentence for each input that nobody named."""
    return tuple(
        f"The input {one.name} is given {one.given}, since nobody said what it is: "
        f"{spelled('input')} {one.name}=VALUE says it."
        for one in further
        if not one.said
    )


def _resolved(tensor: TensorSpec, image: ImageInput, said: SaidInput | None) -> FurtherInput:
    _demand_numbers(tensor)
    shape = shape_in_words(tensor, image)
    if said is not None:
        return _given(tensor, _said_shape(tensor, shape, said), said)
    return FurtherInput(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=shape,
        values=usual_values(tensor, shape),
        said=False,
    )


def _said_shape(
    tensor: TensorSpec, shape: tuple[int | str, ...], said: SaidInput
) -> tuple[int | str, ...]:
    """The shape as far as the model leaves it open, by what was said. Raises UsageError."""
    wanted: tuple[int | str, ...] = said.shape
    if said.file:
        wanted = tuple(load_array(Path(said.file)).shape)
        if wanted[:1] == (1,) and shape[:1] == (BATCH,):
            wanted = (BATCH, *wanted[1:])
    elif not wanted:
        last = len(said.values)
        free = last > 1 and any(isinstance(side, str) for side in shape[-1:])
        return (*shape[:-1], last) if free else shape
    fits = len(wanted) == len(shape) and all(
        isinstance(have, str) or have == want for want, have in zip(wanted, shape, strict=True)
    )
    if not fits:
        raise _misfit(said, f"it takes {tensor}, not [{', '.join(map(str, wanted))}]")
    return wanted


def _given(tensor: TensorSpec, shape: tuple[int | str, ...], said: SaidInput) -> FurtherInput:
    """``said`` of an input of ``shape``. Raises UsageError where its values don't fit."""
    dtype = np.dtype(tensor.dtype)
    if said.file:
        found = load_array(Path(said.file))
        if why := why_lossy(found, dtype):
            raise _misfit(said, why)
        if len(found.shape) != len(shape):
            raise _misfit(said, f"it takes {tensor}, and the file holds {list(found.shape)}")
    elif len(said.values) > 1 and shape[-1:] != (len(said.values),):
        raise _misfit(said, f"it takes {tensor}, and {len(said.values)} values were given")
    for value in said.values:
        if not (isinstance(value, str) or has(dtype, value)):
            raise _misfit(said, f"it takes {dtype}, which has no {value}")
    return FurtherInput(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=shape,
        values=() if said.file else said.values,
        file=said.file,
        sha256=said.sha256,
    )


def _demand_known(
    model: ExportedModel,
    said: Mapping[str, SaidInput],
    others: Mapping[str, TensorSpec],
    image: ImageInput,
) -> None:
    for name in said:
        if name == image.tensor.name:
            raise UsageError(
                f"The input {name} of {model.path.name} can't be given values",
                "it is the one that takes the pictures",
                "Leave it out.",
            )
        if name not in others:
            raise _no_input(name, others)


def _no_input(name: str, others: Iterable[str]) -> UsageError:
    known = ", ".join(others)
    return UsageError(
        f"There is no input {name!r}",
        f"the inputs beside the picture are {known}" if known else "there is none but the picture",
        f"Correct {spelled('input')}, or leave it out.",
    )


def _misfit(said: SaidInput, why: str) -> UsageError:
    return UsageError(
        f"The input {said.name} can't be given this",
        why,
        f"Correct {spelled('input')}: {said.name}=VALUE, SHAPE or FILE.npy.",
    )


def _demand_numbers(tensor: TensorSpec) -> None:
    try:
        known = np.dtype(tensor.dtype).kind in "biuf"
    except TypeError:
        known = False
    if not known:
        raise InputError(
            f"The input {tensor.name} can't be given anything",
            f"it takes {tensor}, and NumPy has no such numbers",
            "Export the model with an input of numbers or truths.",
        )
