"""Optimisation profiles: the shapes that an engine takes, and the shapes that it is tuned for."""

from __future__ import annotations

from typing import Any

from engines.inputs import input_shapes
from engines.tensorrt.log import Messages
from sizewise.core.errors import BuildError
from sizewise.core.specs import EngineSpec, FurtherInput, ImageInput, Profile

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def shapes_of(
    image: ImageInput,
    spec: EngineSpec,
    profile: Profile,
    further: tuple[FurtherInput, ...] = (),
) -> dict[str, Shapes]:
    """The smallest, tuned and largest shape of each input; all three are one for a static engine of
    one batch."""
    least, tuned, most = (
        input_shapes(image, further, batch, size)
        for batch, size in (
            (spec.batches.min, profile.min),
            (spec.batch_size, profile.opt),
            (spec.batches.max, profile.max),
        )
    )
    return {name: (least[name], tuned[name], most[name]) for name in tuned}


def add_profiles(
    builder: Any,
    config: Any,
    image: ImageInput,
    spec: EngineSpec,
    messages: Messages,
    *,
    further: tuple[FurtherInput, ...] = (),
) -> None:
    """Add a profile for each of ``spec.profiles``, in their order.

    Raises BuildError (``unsupported_size``) with TensorRT's own words where it refuses one.
    """
    for number, profile in enumerate(spec.profiles):
        heard = len(messages.errors)
        made = builder.create_optimization_profile()
        try:
            for name, shapes in shapes_of(image, spec, profile, further).items():
                made.set_shape(name, *shapes)
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
