"""Optimisation profiles: the shapes that an engine takes, and the shapes that it is tuned for."""

from __future__ import annotations

from typing import Any

from engines.tensorrt.log import Messages
from sizewise.core.errors import BuildError
from sizewise.core.specs import EngineSpec, ImageInput, Profile

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def shapes_of(image: ImageInput, spec: EngineSpec, profile: Profile) -> Shapes:
    """The smallest, tuned and largest shape; all three are one for a static engine of one batch."""
    return (
        image.shape(spec.batches.min, profile.min),
        image.shape(spec.batch_size, profile.opt),
        image.shape(spec.batches.max, profile.max),
    )


def add_profiles(
    builder: Any, config: Any, image: ImageInput, spec: EngineSpec, messages: Messages
) -> None:
    """Add a profile for each of ``spec.profiles``, in their order.

    Raises BuildError (``unsupported_size``) with TensorRT's own words where it refuses one.
    """
    for number, profile in enumerate(spec.profiles):
        heard = len(messages.errors)
        made = builder.create_optimization_profile()
        try:
            made.set_shape(image.tensor.name, *shapes_of(image, spec, profile))
        except (RuntimeError, ValueError) as error:
            raise _refused(spec, profile, messages.reason(heard) or str(error)) from error
        if config.add_optimization_profile(made) != number:
            raise _refused(spec, profile, messages.reason(heard))


def _refused(spec: EngineSpec, profile: Profile, why: str) -> BuildError:
    return BuildError(
        f"{spec.backend} does not take the profile {profile}",
        why,
        "The tuned size and batch must lie between the smallest and the largest.",
        reason_code="unsupported_size",
    )
