"""What a worker is told of images is what the training knows of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netzoo.data.classified import ClassifiedImage
from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.data.coco.format import Rle
from netzoo.data.masks.index import IndexMask
from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.loading.collating import Images
from netzoo.training.loading.jobs import Job
from netzoo.training.settings import LossTerms, ScaleTraining, TrainingSettings
from tests.netzoo.factories import annotated, squares

SETTINGS = TrainingSettings(
    threads=1,
    augmentation=PRESETS["strong"],
    scales=ScaleTraining(weights=(1.0, 0.5)),
    terms=LossTerms(focal_gamma=2.0),
)
SEGMENTS = ([[1.5, 2.0, 30.25, 2.0, 30.25, 40.0]], Rle(size=(96, 128), counts=[10, 20, 12258]))


@pytest.fixture
def image(tmp_path: Path) -> AnnotatedImage:
    """With numbers that only all of their bits tell apart."""
    first = squares(tmp_path, 1).images[0]
    boxes = first.boxes[:2] + np.float32(1 / 3)
    found = annotated(first.path, 96, 128, boxes, np.array([1, 0]))
    return replace(found, segments=SEGMENTS)


def _again(images: Images, path: Path, *, masks: bool) -> Job:
    Job.of(images, SETTINGS, keep_shape=False, masks=masks).save(path)
    return Job.load(path)


@pytest.mark.parametrize("masks", [False, True])
def test_annotated_images_come_back(image: AnnotatedImage, tmp_path: Path, *, masks: bool) -> None:
    indexed = replace(image, mask_file=IndexMask(path=tmp_path / "mask.png", labels=(0, 1, 2)))
    job = _again(Images(boxed=(image, indexed), whole=None, seed=5), tmp_path / "job", masks=masks)
    assert (job.settings, job.keep_shape, job.masks) == (SETTINGS, False, masks)
    found = job.images
    assert found.whole is None
    assert found.seed == SETTINGS.seed
    for one, other in zip((image, indexed), found.boxed, strict=True):
        assert isinstance(other, AnnotatedImage)
        assert (one.path, one.height, one.width) == (other.path, other.height, other.width)
        assert one.boxes.tobytes() == other.boxes.tobytes()
        assert other.boxes.dtype == np.float32
        assert one.labels.tolist() == other.labels.tolist()
        assert other.segments == (one.segments if masks else ())
        assert other.mask_file == (one.mask_file if masks else None)
        if masks and not one.mask_file:
            np.testing.assert_array_equal(one.mask(), other.mask())
    np.testing.assert_array_equal(image.read(), found.boxed[0].read())


def test_classified_images_come_back(image: AnnotatedImage, tmp_path: Path) -> None:
    whole = ClassifiedImage(path=tmp_path / "ä.png", label=3)
    part = ClassifiedImage(path=tmp_path / "b.png", label=0, box=(0.1, 1 / 3, 5, 9), size=(96, 128))
    images = Images(boxed=(whole, part), whole=(part, whole, part), seed=0)
    found = _again(images, tmp_path / "job", masks=False).images
    assert list(found.boxed) == [whole, part]
    assert list(found.whole or ()) == [part, whole, part]
    assert [found.at(place) for place in range(40)] == [images.at(place) for place in range(40)]
