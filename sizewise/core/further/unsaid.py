"""What the tensor of an input beside the picture says by itself: its shape, and what to give it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sizewise.core.specs import ImageInput, TensorSpec
from sizewise.core.specs.further import BATCH, HEIGHT, PICTURE_SIZE, WIDTH

Shape = tuple[int | str, ...]
_WORDS = (BATCH, HEIGHT, WIDTH)


def shape_in_words(tensor: TensorSpec, image: ImageInput) -> Shape:
    """The shape of ``tensor`` in the words batch, height and width, as far as it says them.

    A dimension is known by the name that it has in the picture's shape. The first one is the batch
    whatever it is called. A name that stands for several dimensions of the picture says height and
    width where there are just as many behind the batch; otherwise nothing tells, and it stays.
    """
    shape = list(tensor.shape)
    for axis, word in _known(tensor, image):
        shape[axis] = word
    if shape and isinstance(shape[0], str) and shape[0] not in _WORDS:
        shape[0] = BATCH
    return tuple(shape)


def usual_values(tensor: TensorSpec, shape: Shape) -> tuple[bool | int | float | str, ...]:
    """What ``tensor`` of ``shape`` is given where nobody says it: the picture's height and width
    where it holds two numbers for each image and is called a size or a shape, ones where it is
    called a scale (models divide by it), and zeros otherwise."""
    called = tensor.name.lower()
    if not tensor.dtype.startswith(("int", "float")):
        return (0.0,)
    if shape[-1:] == (2,) and any(word in called for word in ("size", "shape")):
        return PICTURE_SIZE
    return (1.0,) if "scale" in called else (0.0,)


def _known(tensor: TensorSpec, image: ImageInput) -> Iterator[tuple[int, str]]:
    """The axes of ``tensor`` whose names say what they are, each with its word."""
    for name, words in _meanings(image).items():
        places = [axis for axis, side in enumerate(tensor.shape) if side == name]
        if len(words) == 1:
            yield from ((axis, word) for axis in places for word in words)
            continue
        behind = [axis for axis in places if axis > 0]
        wanted = [word for word in PICTURE_SIZE if word in words]
        if len(behind) == len(wanted):
            yield from zip(behind, wanted, strict=True)


def _meanings(image: ImageInput) -> dict[str, set[str]]:
    """What each name in the picture's shape stands for: several things, where a file has one name
    for all its free dimensions."""
    own = image.tensor.shape
    found: defaultdict[str, set[str]] = defaultdict(set)
    for axis, word in ((0, BATCH), (image.height_axis, HEIGHT), (image.width_axis, WIDTH)):
        name = own[axis]
        if isinstance(name, str):
            found[name].add(word)
    return found
