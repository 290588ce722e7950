"""Optimisation profiles: the shapes that an engine takes, and those that it is tuned for."""

from __future__ import annotations

from typing import Any

from engines.tensorrt.log import Words
from sizewise.core.errors import BuildError
from sizewise.core.specs import EngineSpec, ImageInput, Profile

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def shapes_of(image: ImageInput, spec: EngineSpec, profile: Profile) -> Shapes:
    """Least, tuned and largest; all three are one for a static engine of one batch size."""
    return (
        image.shape(spec.batches.min, profile.min),
        image.shape(spec.batch_size, profile.opt),
        image.shape(spec.batches.max, profile.max),
    )


def add_profiles(
    builder: Any, config: Any, image: ImageInput, spec: EngineSpec, words: Words
) -> None:
    """In the order of ``spec.profiles``. Raises BuildError (``unsupported_size``) with TensorRT's
    own words where it takes one of them not."""
    for number, profile in enumerate(spec.profiles):
        heard = len(words.errors)
        made = builder.create_optimization_profile()
        try:
            made.set_shape(image.tensor.name, *shapes_of(image, spec, profile))
        except (RuntimeError, ValueError) as error:
            raise _refused(spec, profile, words.reason(heard) or str(error)) from error
        if config.add_optimization_profile(made) != number:
            raise _refused(spec, profile, words.reason(heard))


def _refused(spec: EngineSpec, profile: Profile, why: str) -> BuildError:
    return BuildError(
        f"{spec.backend} does not take the profile from {profile.min} to {profile.max}",
        why,
        "The tuned size and batch lie between the least and the largest.",
        reason_code="unsupported_size",
    )
