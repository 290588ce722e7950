from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netzoo.tasks.letterbox import Letterbox
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.loading.batches import draw_batches
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Size, Sizes
from tests.netzoo.factories import annotated, squares


def settings(*, steps: int = 6, seed: int = 0) -> TrainingSettings:
    return TrainingSettings(
        steps=steps, batch_size=4, sizes=Sizes.parse("64,96x128"), threads=1, seed=seed
    )


@pytest.mark.parametrize("keep_shape", [True, False])
def test_a_box_frames_its_colour_at_every_size(tmp_path: Path, keep_shape: bool) -> None:
    """Red or blue inside the boxes, grey just outside: pixels and boxes moved alike."""
    data = squares(tmp_path, 8, height=48, width=128)
    for batch in draw_batches(data, settings(), keep_shape=keep_shape):
        assert batch.images.shape == (4, 3, batch.size.height, batch.size.width)
        assert 0 <= batch.images.min() < batch.images.max() <= 1
        targets = batch.targets
        middles = ((targets.boxes[:, :2] + targets.boxes[:, 2:]) / 2).long()
        pixels = batch.images[targets.images, :, middles[:, 1], middles[:, 0]]
        coloured = (pixels[:, 0] - pixels[:, 2]).abs() > 0.5
        assert coloured.all()
        # Of a picture that is so wide, letterboxing leaves a border above and below.
        assert (batch.images[:, :, 0].std() < 1e-6) == keep_shape


def test_each_image_comes_once_before_any_comes_again(tmp_path: Path) -> None:
    data = squares(tmp_path, 6)
    images = [
        annotated(i.path, i.height, i.width, i.boxes[:1], np.array([n]))
        for n, i in enumerate(data.images)
    ]
    data = replace(data, images=tuple(images))
    labels = [
        label
        for batch in draw_batches(data, settings(steps=6))
        for label in batch.targets.labels.tolist()
    ]
    for start in range(0, len(labels), 6):
        assert set(labels[start : start + 6]) == set(range(6))


def test_mosaics_end_before_the_last_steps(tmp_path: Path) -> None:
    """By the labels of an image's boxes: each picture has its own."""
    data = squares(tmp_path, 8)
    images = [
        replace(image, labels=np.full(len(image.boxes), number))
        for number, image in enumerate(data.images)
    ]
    changing = replace(settings(), final_steps=3, augmentation=Augmentation(mosaic=1.0))
    counts = []
    for batch in draw_batches(replace(data, images=tuple(images)), changing):
        owners, labels = batch.targets.images.tolist(), batch.targets.labels.tolist()
        pictures = Counter(owner for owner, _ in set(zip(owners, labels, strict=True)))
        counts.append(max(pictures.values()))
    assert counts[3:] == [1, 1, 1]
    assert max(counts[:3]) > 2


def test_sizes_are_drawn_from_those_given(tmp_path: Path) -> None:
    sizes = [b.size for b in draw_batches(squares(tmp_path, 3), settings(steps=40))]
    counts = Counter(sizes)
    assert counts.keys() == {Size(64, 64), Size(96, 128)}
    assert min(counts.values()) > 5


def test_the_seed_decides(tmp_path: Path) -> None:
    data = squares(tmp_path, 8)
    first, again, other = (
        torch.cat([b.targets.boxes for b in draw_batches(data, settings(seed=seed))])
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not (first.shape == other.shape and torch.equal(first, other))


def test_pictures_are_decoded_once(tmp_path: Path) -> None:
    data = squares(tmp_path, 4)
    batches = draw_batches(data, settings(steps=3))
    next(batches)
    for image in data.images:
        image.path.unlink()
    assert len(list(batches)) == 2


def test_images_without_boxes_are_welcome(tmp_path: Path) -> None:
    data = squares(tmp_path, 2)
    empty = [
        annotated(i.path, i.height, i.width, np.empty((0, 4), np.float32), np.empty(0, np.int64))
        for i in data.images
    ]
    batch = next(draw_batches(replace(data, images=tuple(empty)), settings()))
    assert batch.targets.boxes.shape == (0, 4)
    assert batch.targets.labels.dtype == torch.int64


def test_pixels_are_shares_of_255_to_the_bit(tmp_path: Path) -> None:
    """Each of the 256, as NumPy divides: an evaluation is fed so."""
    levels = np.arange(256, dtype=np.uint8).repeat(3 * 4).reshape(32, 32, 3)
    path = tmp_path / "0.png"
    Image.fromarray(levels).save(path)
    image = annotated(path, 32, 32, np.empty((0, 4), np.float32), np.empty(0, np.int64))
    data = replace(squares(tmp_path / "squares", 1), images=(image,))
    one = replace(settings(steps=1), sizes=Sizes.parse("32"), batch_size=2)
    (batch,) = draw_batches(data, one)
    expected = Letterbox.fit(Size(32, 32), Size(32, 32)).apply(levels)
    assert batch.images.numpy().tobytes() == np.stack([expected] * 2).tobytes()
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
