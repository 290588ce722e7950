"""Workers change nothing but the time, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from netzoo.data.classified import crops_of
from netzoo.data.coco.dataset import Dataset, write_coco
from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.history import History
from netzoo.training.loading.batches import Batch, draw_batches
from netzoo.training.loading.collating import Images
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept
from netzoo.training.trainer import train
from sizewise.core.errors import InputError, OutputError, TrainingError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares

SETTINGS = TrainingSettings(steps=7, batch_size=3, sizes=Sizes.parse("64,96x128"), threads=1)
POLYGON = [[10.0, 10.0, 60.0, 10.0, 60.0, 60.0, 10.0, 60.0]]
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 8)


def _same(one: Batch, other: Batch) -> bool:
    pairs = [
        (getattr(one.targets, n), getattr(other.targets, n))
        for n in ("images", "labels", "boxes", "whole", "masks")
    ]
    return (
        one.size == other.size
        and torch.equal(one.images, other.images)
        and one.images.stride() == other.images.stride()
        and all(a is b is None or torch.equal(a, b) for a, b in pairs)
    )


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("preset", ["none", "strong"])
def test_batches_are_the_same_to_the_bit(data: Dataset, workers: int, preset: str) -> None:
    masked = tuple(replace(i, segments=(POLYGON,) * len(i.boxes)) for i in data.images)
    data = replace(data, images=masked)
    settings = replace(SETTINGS, augmentation=PRESETS[preset], accumulate=2)
    ours, theirs = (
        list(draw_batches(data, settings, masks=True, done=2, workers=count))
        for count in (0, workers)
    )
    assert len(ours) == 2 * (SETTINGS.steps - 2)
    assert all(map(_same, ours, theirs))


def test_classified_images_are_the_same(data: Dataset) -> None:
    crops = crops_of(data)
    for options in ({"data": crops}, {"data": data, "classified": crops}):
        ours, theirs = (
            list(draw_batches(settings=SETTINGS, workers=count, **options)) for count in (0, 2)
        )
        assert all(map(_same, ours, theirs))


def test_losses_are_the_same_to_the_bit(data: Dataset) -> None:
    histories = {workers: History() for workers in (0, 1, 2)}
    for workers, history in histories.items():
        train(narrow_config(), data, SETTINGS, history=history, workers=workers)
    losses = [[row.parts for row in history.rows] for history in histories.values()]
    assert losses[0] == losses[1] == losses[2]


def test_a_worker_imports_no_torch() -> None:
    """It would take seconds to start, and hundreds of megabytes."""
    script = (
        "import sys, netzoo.training.loading.worker as _; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not set(said.stdout.split()) & {"torch", "onnx", "pandas", "matplotlib", "rich"}


def test_there_are_no_more_workers_than_batches(data: Dataset) -> None:
    before = _children()
    with closing(draw_batches(data, replace(SETTINGS, steps=2), workers=50)) as batches:
        next(batches)
        assert len(_workers(before)) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_said_alike_and_the_steps_before_are_kept(
    data: Dataset, tmp_path: Path, workers: int
) -> None:
    """However far ahead the worker that meets it is."""
    images = Images(boxed=data.images, whole=None, seed=SETTINGS.seed)
    last = images[images.at(7)].path  # of the third step
    last.write_bytes(b"no picture")
    kept = Kept(tmp_path / "state", "a", every_s=3600)
    with pytest.raises(InputError) as caught:
        train(narrow_config(), data, SETTINGS, kept=kept, workers=workers)
    assert str(caught.value) == (
        f"The picture {last} can't be decoded: it is none of BMP, GIF, JPEG, JPEG2000, PNG, PPM, "
        "TIFF, WEBP, or broken. Convert it, or leave it out."
    )
    assert kept.step() == 2


def test_a_worker_that_dies_has_a_sentence_and_the_steps_before_are_kept(
    data: Dataset, tmp_path: Path
) -> None:
    before, kept = _children(), Kept(tmp_path / "state", "a", every_s=3600)

    class Killing(History):
        def add(self, row: object) -> None:
            super().add(row)  # type: ignore[arg-type]
            for worker in _workers(before):
                worker.kill()

    with pytest.raises(TrainingError, match="The process that loads pictures crashed") as caught:
        train(
            narrow_config(),
            data,
            replace(SETTINGS, steps=40),
            kept=kept,
            history=Killing(),
            workers=2,
        )
    assert caught.value.reason_code == "crash_SIGKILL"
    assert "with 0, the training loads pictures itself" in str(caught.value)
    assert f"{kept.path} has the state after step {kept.step()}" in str(caught.value)
    assert kept.step() >= 1
    assert _workers(before) == []


def test_a_full_temporary_folder_has_a_sentence(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "job")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"no space left on device\. .* with TMPDIR"):
        next(draw_batches(data, SETTINGS, workers=1))


@pytest.mark.parametrize("end", [KeyboardInterrupt(), InputError("It", "broke", "Mend it.")])
def test_no_process_is_left_when_a_training_ends_early(data: Dataset, end: BaseException) -> None:
    before = _children()

    class Ending(History):
        def add(self, row: object) -> None:
            assert len(_workers(before)) == 2
            raise end

    with pytest.raises((KeyboardInterrupt, InputError)):
        train(narrow_config(), data, SETTINGS, history=Ending(), workers=2)
    assert _workers(before) == []


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_no_process_is_left_by_a_command_that_is_ended(
    data: Dataset, tmp_path: Path, number: signal.Signals
) -> None:
    folder = data.images[0].path.parent
    write_coco(data, folder / "train.json")
    call = (
        *("train", "yolov2-tiny", "--width", "0.05", "--steps", "5000", "--sizes", "64"),
        *("--workers", "2", "--data", str(folder), "--out", str(tmp_path / "out")),
    )
    command = [sys.executable, "-c", "from sizewise.cli import main; main()", *call]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        children = _soon(lambda: _loading(running.pid), 120)
        os.kill(running.pid, number)
        said = running.communicate(timeout=120)
    assert running.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), said
    assert _soon(lambda: not any(map(_is_alive, children)), 30)


def _soon(look: Callable[[], object], seconds: float) -> list[psutil.Process]:
    """What ``look`` finds once it finds something, within so many seconds."""
    deadline_s = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    return found  # type: ignore[return-value]


def _loading(pid: int) -> list[psutil.Process]:
    """Both workers of a process, once they are there."""
    found = [one for one in psutil.Process(pid).children() if _is_worker(one)]
    return found if len(found) == 2 else []


def _children() -> set[int]:
    return {one.pid for one in psutil.Process().children()}


def _workers(before: set[int]) -> list[psutil.Process]:
    found = (one for one in psutil.Process().children() if one.pid not in before)
    return [one for one in found if _is_worker(one) and _is_alive(one)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "netzoo.training.loading.worker:Worker" in process.cmdline()
    except psutil.Error:
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
