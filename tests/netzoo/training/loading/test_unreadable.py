"""Images that can't be read: others take their places, as the seed and the files alone decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netzoo.data.classified import crops_of
from netzoo.data.coco.dataset import Dataset
from netzoo.data.faults import Noted
from netzoo.data.masks.index import IndexMask
from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.history import History
from netzoo.training.loading.batches import Batch, draw_batches
from netzoo.training.loading.collating import Images
from netzoo.training.loading.unreadable import MOST_IN_SUCCESSION
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept
from netzoo.training.trainer import train
from sizewise.core.errors import InputError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares

SETTINGS = TrainingSettings(steps=6, batch_size=3, sizes=Sizes.parse("64,96x128"), threads=1)
Break = Callable[[Path], object]


def cut(path: Path) -> None:
    """Its head says what it is, and the end is missing."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 8)


def _batches(
    data: Dataset, settings: TrainingSettings = SETTINGS, *, done: int = 0, workers: int = 0
) -> list[Batch]:
    return list(draw_batches(data, settings, done=done, workers=workers))


def _row(batch: Batch, row: int) -> tuple[bytes, bytes, bytes]:
    own = batch.targets.images == row
    parts = (batch.images[row].contiguous(), batch.targets.boxes[own], batch.targets.labels[own])
    first, boxes, labels = (part.numpy().tobytes() for part in parts)
    return first, boxes, labels


def _rows(batches: list[Batch]) -> list[tuple[bytes, bytes, bytes]]:
    return [_row(batch, row) for batch in batches for row in range(len(batch.images))]


@pytest.mark.parametrize("preset", ["none", "light"])
def test_all_other_places_of_all_batches_are_as_with_whole_data(data: Dataset, preset: str) -> None:
    """And in the places of the broken ones stand others, as they are without changes."""
    settings = replace(SETTINGS, augmentation=PRESETS[preset])
    whole = _rows(_batches(data, settings))
    broken = {data.images[1].path, data.images[6].path}
    for path in broken:
        cut(path)
    batches = _batches(data, settings)
    images = Images(boxed=data.images, whole=None, seed=settings.seed)
    paths = [images[images.at(place)].path for place in range(len(whole))]
    assert sum(path in broken for path in paths) > 2
    for path, before, after in zip(paths, whole, _rows(batches), strict=True):
        assert (before == after) == (path not in broken)
    if preset == "none":
        small = [batch for batch in batches if str(batch.size) == "64x64"]
        readable = {row for row, path in zip(whole, paths, strict=True) if path not in broken}
        assert set(_rows(small)) <= readable
    said = [{one.path for one in batch.skipped} for batch in batches]
    of_batches = [set(map(str, paths[n : n + 3])) for n in range(0, len(paths), 3)]
    assert said == [own & set(map(str, broken)) for own in of_batches]


def test_batches_follow_from_the_seed_whoever_makes_them(data: Dataset) -> None:
    """Workers do, and a training that goes on: none knows what another could not read."""
    settings = replace(SETTINGS, augmentation=PRESETS["mosaic"])
    for number in (0, 3):
        cut(data.images[number].path)
    whole = _batches(data, settings)
    assert any(batch.skipped for batch in whole[3:])
    for others, expected in (
        (_batches(data, settings, workers=2), whole),
        (_batches(data, settings, done=3), whole[3:]),
    ):
        assert _rows(others) == _rows(expected)
        assert [one.skipped for one in others] == [one.skipped for one in expected]


def test_each_image_stands_in_the_place_of_others_as_often(data: Dataset) -> None:
    """A neighbour in the list would be seen twice as often as the rest."""
    images = Images(boxed=data.images, whole=None, seed=0)
    broken = images.at(0)
    instead = [next(images.instead_of(broken, place)).number for place in range(700)]
    counts = np.bincount(instead, minlength=8)
    assert counts[broken.number] == 0
    assert sorted(counts)[1] > 70


def _text(path: Path) -> None:
    path.write_bytes(b"no picture")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _smaller(path: Path) -> None:
    Image.new("RGB", (32, 32)).save(path)


def _bomb(path: Path) -> None:
    """A few bytes that say they are 65,535 pixels wide and high."""
    Image.new("L", (8, 8)).save(path, format="GIF")
    content = bytearray(path.read_bytes())
    content[6:10] = b"\xff" * 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (cut, "truncated"),
        (_text, "it is none of BMP"),
        (_empty, "it is none of BMP"),
        (_smaller, "it is 32x32 pixels (height x width), they say 96x128"),
        (_bomb, "4,294,836,225 pixels"),
        (Path.unlink, "No such file"),
    ],
)
def test_each_kind_of_picture_that_cannot_be_read_is_named(
    data: Dataset, damage: Break, why: str
) -> None:
    path = data.images[2].path
    damage(path)
    found = {one for batch in _batches(data, replace(SETTINGS, steps=3)) for one in batch.skipped}
    (one,) = found
    assert (one.kind, one.path) == ("picture", str(path))
    assert why in one.why
    assert str(path) in one.what


def test_a_mask_that_cannot_be_read_takes_its_picture_along(data: Dataset, tmp_path: Path) -> None:
    masked = []
    for number, image in enumerate(data.images):
        path = tmp_path / f"{number}.png"
        Image.new("L", (image.width, image.height), 255).save(path)
        masked.append(replace(image, mask_file=IndexMask(path=path)))
    (tmp_path / "4.png").write_bytes(b"")
    data = replace(data, images=tuple(masked))
    found = {one for b in draw_batches(data, SETTINGS, masks=True) for one in b.skipped}
    (one,) = found
    assert (one.kind, one.path) == ("label", str(data.images[4].path))
    assert str(tmp_path / "4.png") in one.what


def test_the_label_of_a_classified_image_goes_with_it(data: Dataset) -> None:
    crops = crops_of(data)
    settings = replace(SETTINGS, sizes=Sizes.parse("64"), steps=16)
    labels = dict(_labelled(draw_batches(crops, settings)))
    cut(crops.images[0].path)
    for pixels, label in _labelled(draw_batches(crops, settings)):
        assert labels[pixels] == label


def _labelled(batches: Iterable[Batch]) -> Iterator[tuple[bytes, int]]:
    for batch in batches:
        assert batch.targets.whole is not None
        for row, label in enumerate(batch.targets.whole.tolist()):
            yield batch.images[row].contiguous().numpy().tobytes(), label


def test_data_that_cannot_be_read_at_all_stop_at_the_first_batch(data: Dataset) -> None:
    for image in data.images:
        _text(image.path)
    with pytest.raises(InputError, match="No picture of the data can be read") as caught:
        _batches(data)
    assert f"the first says: The picture {data.images[0].path.parent}" in str(caught.value)


def test_one_that_can_be_read_is_found_among_many(tmp_path: Path) -> None:
    data = squares(tmp_path / "few", MOST_IN_SUCCESSION)
    for image in data.images[1:]:
        _text(image.path)
    first = next(draw_batches(data, SETTINGS))
    assert len(set(_rows([first]))) == 1


def test_want_of_memory_is_no_fault_of_a_picture(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the images that are seen would depend on the machine."""

    def convert(*_: object) -> object:
        raise MemoryError

    monkeypatch.setattr("netzoo.data.pictures.decoding._to_rgb", convert)
    with pytest.raises(InputError, match="can't be decoded: MemoryError"):
        _batches(data)
    with pytest.raises(InputError, match="can't be decoded: MemoryError"):
        Noted().attempt("picture", data.images[0].read)


def _trained(data: Dataset, noted: Noted, **options: object) -> tuple[list[object], object]:
    history = History()
    network = train(narrow_config(), data, SETTINGS, history=history, faults=noted, **options)  # type: ignore[arg-type]
    weights = torch.cat([value.double().flatten() for value in network.state_dict().values()])
    return [row.parts for row in history.rows], weights.numpy().tobytes()


def test_losses_and_names_are_the_same_with_workers_and_after_an_interruption(
    data: Dataset, tmp_path: Path
) -> None:
    """Where a picture was repaired in between, they could not be: that is refused."""
    path = data.images[1].path
    content = path.read_bytes()
    for number in (1, 5):
        cut(data.images[number].path)
    plain, working, resumed = Noted(), Noted(), Noted()
    expected = _trained(data, plain)
    assert len(plain.found) == 2
    assert _trained(data, working, workers=2) == expected
    assert working.found == plain.found

    class Ending(History):
        def add(self, row: object) -> None:
            super().add(row)  # type: ignore[arg-type]
            if len(self.rows) == 5:
                raise KeyboardInterrupt

    kept = Kept(tmp_path / "state", "a", every_s=0)
    with pytest.raises(KeyboardInterrupt):
        train(narrow_config(), data, SETTINGS, history=Ending(), faults=Noted(), kept=kept)
    assert kept.step() == 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"can't go on: it skipped .*1\.png .* and now it can be"):
        _trained(data, Noted(), kept=kept)
    cut(path)
    assert _trained(data, resumed, kept=kept) == expected
    assert resumed.found == plain.found


def test_a_reader_that_stops_does_so_at_the_step_that_needs_the_picture(data: Dataset) -> None:
    path = data.images[1].path
    cut(path)
    history = History()
    with pytest.raises(InputError, match=re.escape(f"The picture {path} can't be decoded")):
        train(narrow_config(), data, SETTINGS, history=history)
    images = Images(boxed=data.images, whole=None, seed=SETTINGS.seed)
    needed = [images[images.at(place)].path for place in range(8)].index(path)
    assert len(history.rows) == needed // 3


def test_first_batches_stay_lazy(data: Dataset) -> None:
    """A picture of a later batch is not looked at."""
    images = Images(boxed=data.images, whole=None, seed=SETTINGS.seed)
    _text(images[images.at(4)].path)
    (first,) = islice(draw_batches(data, SETTINGS), 1)
    assert first.skipped == ()
