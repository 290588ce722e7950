"""Two processes are one with twice the batch."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from netzoo.data.coco.dataset import write_coco
from netzoo.training.loading.draws import batches_of
from netzoo.training.loop.processes import joined
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.weights.checkpoint import read_header
from sizewise.cli.front import run_command_line
from sizewise.core.errors import UsageError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares, unevenly

STEPS = 20
ROOT = Path(__file__).resolve().parents[4]
CALL = (
    *("train", "yolov3-tiny", "--width", "0.05", "--steps", str(STEPS), "--sizes", "64,96"),
    *("--size-every", "2", "--fixed-batch", "--freeze-norm", "--arithmetic", "fp32"),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "squares"
    found = unevenly(squares(folder, 6), few=slice(1, 4))
    write_coco(found, folder / "train.json")
    write_coco(replace(found, images=found.images[2:]), folder / "val.json")
    return folder


def test_two_processes_give_the_losses_of_one_with_twice_the_batch(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each has a worker that loads its pictures, and can't read two of them: they say
    what one says."""
    for number in (0, 1):
        picture = tmp_path / "squares" / f"{number}.png"
        picture.write_bytes(picture.read_bytes()[:-200])
    out = tmp_path / "shared"
    said = _shared(*CALL, "--batch", "2", "--workers", "1", "--data", str(data), "--out", str(out))
    assert "Checkpoint:" in said[0]
    assert said[1] == ""
    whole = tmp_path / "whole"
    # Threads of a tiny training wait for each other for much longer than they compute.
    monkeypatch.setattr("sizewise.core.machine.cores.allowed_cpus", lambda: frozenset({0}))
    call = [*CALL, "--batch", "4", "--data", str(data), "--out", str(whole)]
    assert run_command_line(call) == 0

    skipped = "yolov3-tiny.skipped.csv"
    assert (out / skipped).read_text("utf-8").count("can't be decoded") == 2
    assert sorted((out / skipped).read_text("utf-8").splitlines()) == sorted(
        (whole / skipped).read_text("utf-8").splitlines()
    )
    ours, theirs = _losses(out), _losses(whole)
    assert len(ours) == STEPS
    for one, other in zip(ours, theirs, strict=True):
        assert one["size"] == other["size"]
        for part in ("box", "objectness", "classes"):
            assert float(one[part]) == pytest.approx(float(other[part]), rel=1e-4, abs=1e-6)
    settings = read_header(out / "yolov3-tiny.safetensors").provenance.settings
    assert settings is not None
    assert settings.processes == 2


def _shared(*call: str) -> list[str]:
    """What two processes of the command print, as ``torchrun`` starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", "from sizewise.cli import main; main()", *call],
            cwd=ROOT,
            env=os.environ
            | {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    return [out for out, _ in said]


def _losses(out: Path) -> list[dict[str, str]]:
    with (out / "yolov3-tiny.metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_processes_see_the_same_sizes_and_each_image_once() -> None:
    settings = TrainingSettings(steps=12, sizes=Sizes.parse("64:160:32"), size_every=2, threads=1)
    shared = [
        list(batches_of(replace(settings, batch_size=2, processes=3), rank=r)) for r in range(3)
    ]
    whole = list(batches_of(replace(settings, batch_size=6)))
    for step, draw in enumerate(whole):
        each = [draws[step] for draws in shared]
        assert {one.size for one in each} == {draw.size}
        assert [place for one in each for place in one.places] == list(draw.places)


def test_as_many_processes_as_share_a_training_must_run(tmp_path: Path) -> None:
    data = squares(tmp_path / "squares", 2)
    settings = TrainingSettings(steps=1, sizes=Sizes.parse("64"), threads=1, processes=2)
    with pytest.raises(UsageError, match="torchrun --nproc-per-node 2"):
        train(narrow_config(), data, settings)


def test_processes_wait_while_the_first_validates(monkeypatch: pytest.MonkeyPatch) -> None:
    """For hours, where data are many."""
    told: dict[str, timedelta] = {}
    monkeypatch.setattr("netzoo.training.loop.processes.processes_told", lambda: 2)
    monkeypatch.setattr(
        "torch.distributed.init_process_group", lambda _, *, timeout: told.update(timeout=timeout)
    )
    monkeypatch.setattr("torch.distributed.destroy_process_group", lambda: None)
    with joined(TrainingSettings(processes=2, threads=1)) as processes:
        assert (processes.count, processes.is_first) == (2, True)
    assert told["timeout"] >= timedelta(hours=24)
