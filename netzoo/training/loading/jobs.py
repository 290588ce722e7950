"""What a worker is told before its first batch: the images of the training and its settings.

It is a file of msgpack, so that nothing is unpickled. A picture's boxes stay bytes until they are
needed: a worker then holds a few hundred bytes for each picture, and starts within a second with
COCO's 118,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import msgspec
import numpy as np

from netzoo.data.classified import ClassifiedImage
from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.data.coco.format import Segmentation
from netzoo.data.masks.index import IndexMask
from netzoo.training.class_masks import Bytes
from netzoo.training.loading.collating import Images, TrainingImage
from netzoo.training.settings import TrainingSettings
from sizewise.core import codec


class _Annotated(msgspec.Struct, frozen=True, tag=True):
    """What a training needs of an :class:`AnnotatedImage`."""

    path: str
    height: int
    width: int
    boxes: bytes
    labels: bytes
    segments: tuple[Segmentation | None, ...]
    mask_file: IndexMask | None

    @classmethod
    def of(cls, image: AnnotatedImage, *, masks: bool) -> _Annotated:
        return cls(
            path=str(image.path),
            height=image.height,
            width=image.width,
            boxes=image.boxes.astype(np.float32).tobytes(),
            labels=image.labels.astype(np.int64).tobytes(),
            segments=image.segments if masks else (),
            mask_file=image.mask_file if masks else None,
        )

    def image(self) -> AnnotatedImage:
        return AnnotatedImage(
            id=0,
            path=Path(self.path),
            height=self.height,
            width=self.width,
            boxes=np.frombuffer(self.boxes, np.float32).reshape(-1, 4),
            labels=np.frombuffer(self.labels, np.int64),
            crowd_boxes=np.empty((0, 4), np.float32),
            crowd_labels=np.empty(0, np.int64),
            segments=self.segments,
            mask_file=self.mask_file,
        )


class _Classified(msgspec.Struct, frozen=True, tag=True):
    """A :class:`ClassifiedImage`."""

    path: str
    label: int
    box: tuple[float, float, float, float] | None
    size: tuple[int, int] | None

    @classmethod
    def of(cls, image: ClassifiedImage) -> _Classified:
        return cls(path=str(image.path), label=image.label, box=image.box, size=image.size)

    def image(self) -> ClassifiedImage:
        return ClassifiedImage(path=Path(self.path), label=self.label, box=self.box, size=self.size)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Images as they are described, and how batches are made of them."""

    settings: TrainingSettings
    keep_shape: bool
    masks: bool
    channels: bytes
    boxed: list[_Annotated | _Classified]
    whole: list[_Classified] | None

    @classmethod
    def of(
        cls,
        images: Images,
        settings: TrainingSettings,
        *,
        keep_shape: bool,
        masks: bool,
        channels: Bytes | None = None,
    ) -> Job:
        return cls(
            settings=settings,
            keep_shape=keep_shape,
            masks=masks,
            channels=b"" if channels is None else channels.tobytes(),
            boxed=[
                _Annotated.of(one, masks=masks)
                if isinstance(one, AnnotatedImage)
                else _Classified.of(one)
                for one in images.boxed
            ],
            whole=None if images.whole is None else list(map(_Classified.of, images.whole)),
        )

    @property
    def table(self) -> Bytes | None:
        """The channel of each label, where masks are those of classes."""
        return np.frombuffer(self.channels, np.uint8) if self.channels else None

    @property
    def images(self) -> Images:
        return Images(
            boxed=_Described(self.boxed),
            whole=None if self.whole is None else [one.image() for one in self.whole],
            seed=self.settings.seed,
        )

    def save(self, path: Path) -> None:
        """Raises OSError."""
        path.write_bytes(codec.to_msgpack(self))

    @classmethod
    def load(cls, path: Path) -> Job:
        """Raises OSError and msgspec's errors."""
        return codec.from_msgpack(path.read_bytes(), cls)


class _Described(Sequence[TrainingImage]):
    """Images that are made of their descriptions when they are needed."""

    def __init__(self, described: Sequence[_Annotated | _Classified]) -> None:
        self._described = described

    def __len__(self) -> int:
        return len(self._described)

    @overload
    def __getitem__(self, number: int) -> TrainingImage: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[TrainingImage]: ...

    def __getitem__(self, number: int | slice) -> TrainingImage | Sequence[TrainingImage]:
        if isinstance(number, slice):
            return _Described(self._described[number])
        return self._described[number].image()
