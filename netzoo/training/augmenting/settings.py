"""How much training images are changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """``mosaic``, ``flip``, ``mix_up`` and ``copy_paste`` are shares of the images, 0–1.

    Pictures are scaled by up to ``1 ± scale`` and moved by up to ``translate`` of the input. Hue,
    saturation and value are multiplied by up to 1 ± theirs. Of a box, ``least_area`` of what it was
    must be left. Raises UsageError.
    """

    mosaic: float = 0.0
    flip: float = 0.0
    scale: float = 0.0
    translate: float = 0.0
    hue: float = 0.0
    saturation: float = 0.0
    value: float = 0.0
    mix_up: float = 0.0
    copy_paste: float = 0.0
    least_area: float = 0.1

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            least, most = 0.0, 0.9 if name == "scale" else 1.0
            if not least <= (given := getattr(self, name)) <= most:
                raise UsageError(
                    f"Training images can't be changed with {spelled(name)} {given}",
                    f"it must be in {least:g}–{most:g}",
                    "Leave it out for that of the preset.",
                )

    @property
    def changes(self) -> bool:
        """Whether anything of an image is changed."""
        return self != Augmentation(least_area=self.least_area)

    @property
    def without_others(self) -> Augmentation:
        """The same, each image for itself."""
        return replace(self, mosaic=0.0, mix_up=0.0, copy_paste=0.0)


PRESETS: Mapping[str, Augmentation | None] = {
    "none": None,
    "light": Augmentation(flip=0.5, scale=0.2, translate=0.1, hue=0.015, saturation=0.5, value=0.3),
    "mosaic": Augmentation(
        mosaic=1.0, flip=0.5, scale=0.5, translate=0.1, hue=0.015, saturation=0.7, value=0.4
    ),
    "strong": Augmentation(
        mosaic=1.0,
        flip=0.5,
        scale=0.8,
        translate=0.2,
        hue=0.015,
        saturation=0.7,
        value=0.4,
        mix_up=0.2,
        copy_paste=0.2,
    ),
}
"""``mosaic`` and ``strong`` are for the two stages of Scaled-YOLOv4 (Wang et al. 2021, §5.1): the
second changes images more. The strengths are ours; those of the authors' files differ, and they
have no copy-paste."""
