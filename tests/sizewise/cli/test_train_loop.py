"""``sizewise train``: interruptions, damaged files, and what is kept of a training that fails."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from netzoo.data.coco.dataset import write_coco
from netzoo.training.average import RunningMean
from netzoo.training.loop.stepping import Stepper
from netzoo.training.state import Kept
from netzoo.training.validation import Validation
from netzoo.weights.checkpoint import HEADER_KEY, load_checkpoint, read_header
from netzoo.zoo.network import Network
from sizewise.cli.front import run_command_line
from sizewise.core.errors import TrainingError
from tests.netzoo.factories import squares
from tests.netzoo.training.metrics import learned
from tests.sizewise.cli.conftest import Cli

pytestmark = pytest.mark.usefixtures("one_core")
HOUSE = Path(__file__).parents[3]
NAME = "yolov2-tiny"
STEPS = 7
QUICK = (
    *(NAME, "--width", 0.05, "--steps", STEPS, "--batch", 2, "--fixed-batch", "--sizes", "64"),
    *("--size-every", 1),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps are an epoch."""
    folder = tmp_path_factory.mktemp("squares")
    found = squares(folder, 6)
    write_coco(found, folder / "train.json")
    write_coco(replace(found, images=found.images[1:]), folder / "val.json")
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a training that nothing disturbed, with all that lies beside it."""
    out = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sizewise.core.machine.cores.allowed_cpus", lambda: frozenset({0}))
        call = ("train", *QUICK, "--data", data, "--out", out)
        assert run_command_line([str(word) for word in call]) == 0
    return out / f"{NAME}.safetensors"


def _ends_at(step: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Stepper._sums

    def sums(self: Stepper, batches: object) -> dict[str, float]:
        found = real(self, batches)  # type: ignore[arg-type]
        if self.training.step + 1 == step:
            raise error
        return found

    monkeypatch.setattr(Stepper, "_sums", sums)


def test_after_an_interruption_the_same_command_resumes(
    cli: Cli, data: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also within the first minute, before any state is due: the sentence says so."""
    out = tmp_path / "out"
    call = ("train", *QUICK, "--data", data, "--out", out)
    with monkeypatch.context() as patch:
        _ends_at(6, KeyboardInterrupt(), patch)
        said = cli(*call)
    assert said.code == 130
    assert "the same command resumes" in said.err
    states = {f"{NAME}.training.safetensors", f"{NAME}.training.best.safetensors"}
    logs = {f"{NAME}.metrics.csv", f"{NAME}.training.png"}  # where ten seconds have passed
    assert states <= {p.name for p in out.iterdir()} <= states | logs
    assert "goes on after step 5" in cli(*call).err
    for name in (f"{NAME}.safetensors", f"{NAME}.validation.csv"):
        assert (out / name).read_bytes() == trained.with_name(name).read_bytes()
    metrics = f"{NAME}.metrics.csv"
    assert learned(out / metrics) == learned(trained.with_name(metrics))


def test_a_training_is_followed_in_its_table_and_its_picture(
    cli: Cli, data: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each validation, long before its end."""
    monkeypatch.setattr("netzoo.training.logs.files.EVERY_S", 0.0)
    _ends_at(7, KeyboardInterrupt(), monkeypatch)
    out = tmp_path / "out"
    assert cli("train", *QUICK, "--data", data, "--out", out).code == 130
    assert (out / f"{NAME}.training.png").read_bytes()[1:4] == b"PNG"
    metrics = f"{NAME}.metrics.csv"
    assert learned(out / metrics) == learned(trained.with_name(metrics))[:6]


def test_the_table_has_what_a_step_was_and_how_fast(trained: Path) -> None:
    with trained.with_name(f"{NAME}.metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first, *_, last = rows
    assert list(first) == [
        *("step", "epoch", "size", "images", "loss", "box", "objectness", "classes"),
        *("learning_rate", "images_per_s", "memory_mib"),
    ]
    assert [row["epoch"] for row in rows[2::3]] == ["1.0000", "2.0000"]
    assert (last["step"], last["size"], last["images"]) == ("7", "64x64", "2")
    for row in rows:
        parts = [float(row[name]) for name in ("box", "objectness", "classes")]
        assert float(row["loss"]) == pytest.approx(sum(parts))
        assert float(row["learning_rate"]) > 0
        assert float(row["images_per_s"]) > 0
        assert float(row["memory_mib"] or 1) > 0


def test_the_progress_line_says_how_fast_a_training_goes(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewise.cli.console._LOG_EVERY_S", 0.0)
    said = cli("train", *QUICK, "--data", data, "--out", tmp_path)
    pattern = (
        rf"train {NAME}: 7/7, about 0 s left  loss [\d.]+ at 64x64, [\d.]+ images/s(, \d+ MiB)?\n"
    )
    assert re.search(pattern, said.err)


@pytest.mark.parametrize("when", [pytest.param("between", marks=pytest.mark.slow), "amid"])
def test_a_kill_loses_nothing_of_the_last_state(
    cli: Cli, data: Path, trained: Path, tmp_path: Path, when: str
) -> None:
    """SIGKILL, which no code of ours can see: the weights are those of a training without it."""
    out = tmp_path / "out"
    call = ("train", *QUICK, "--data", data, "--out", out)
    script = Path(__file__).with_name("killed_training.py")
    done = subprocess.run(
        (sys.executable, script, when, "4", *map(str, call)),
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert f"goes on after step {4 if when == 'between' else 3}" in cli(*call).err
    for name in (f"{NAME}.safetensors", f"{NAME}.validation.csv"):
        assert (out / name).read_bytes() == trained.with_name(name).read_bytes()
    metrics = f"{NAME}.metrics.csv"
    assert learned(out / metrics) == learned(trained.with_name(metrics))
    assert {path.name for path in out.iterdir()} == {path.name for path in trained.parent.iterdir()}


def test_an_interruption_on_a_full_disk_says_what_is_lost_and_keeps_the_state_before(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("train", *QUICK, "--data", data, "--out", tmp_path / "out")
    with monkeypatch.context() as patch:
        _ends_at(3, KeyboardInterrupt(), patch)
        assert cli(*call).code == 130
    with monkeypatch.context() as patch:
        _ends_at(5, KeyboardInterrupt(), patch)
        patch.setattr("netzoo.training.state.save", _full)
        said = cli(*call)
    assert said.code == 130
    assert "The last steps are lost." in said.err
    assert "no space left" in said.err
    assert "goes on after step 2" in cli(*call).err


def _full(*_: object, **__: object) -> bytes:
    raise OSError(28, "No space left on device")


def test_a_training_that_fails_keeps_its_state_and_its_best_weights(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kept, "due", lambda _: True)
    real, numbers = Stepper._sums, count(1)

    def sums(self: Stepper, batches: object) -> dict[str, float]:
        found = real(self, batches)  # type: ignore[arg-type]
        return found if next(numbers) < 6 else dict.fromkeys(found, float("nan"))

    monkeypatch.setattr(Stepper, "_sums", sums)
    out = tmp_path / "out"
    said = cli("train", *QUICK, "--data", data, "--out", out)
    assert said.code == 1
    assert "Training stopped at step 6, at 64x64: the loss is nan" in said.err
    assert "Lower --learning-rate (0.002)" in said.err
    assert f"{out / NAME}.training.safetensors has the state after step 5." in said.err
    assert load_checkpoint(out / f"{NAME}.training.best.safetensors").config.name == NAME
    assert not (out / f"{NAME}.safetensors").exists()


def test_a_mean_whose_outputs_are_not_finite_ends_the_training_as_such_a_loss_does(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights may have grown too large while the loss still was finite."""
    monkeypatch.setattr(Kept, "due", lambda _: True)
    real = Validation.look

    def look(self: Validation, step: int, network: Network, mean: RunningMean) -> None:
        if step == 6:
            for tensor in mean.state().values():
                if tensor.is_floating_point():
                    tensor.fill_(math.nan)
        real(self, step, network, mean)

    monkeypatch.setattr(Validation, "look", look)
    out = tmp_path / "out"
    said = cli("train", *QUICK, "--data", data, "--out", out)
    assert said.code == 1
    assert "Training stopped at the validation after step 6: scores are NaN" in said.err
    assert "Lower --learning-rate (0.002)" in said.err
    assert f"{out / NAME}.training.safetensors has the state after step 5." in said.err
    assert load_checkpoint(out / f"{NAME}.training.best.safetensors").config.name == NAME


def _scored(monkeypatch: pytest.MonkeyPatch, *scores: float) -> None:
    """The validations find these scores, whatever the network has learned."""
    found = iter(scores)

    def evaluate(*_: object, **__: object) -> dict[str, float]:
        score = next(found)
        return {"ap": score, "ap50": score}

    monkeypatch.setattr("netzoo.training.validation.evaluate_network", evaluate)


@pytest.mark.parametrize(
    ("scores", "best"),
    [((0.2, 0.5, 0.4), 0.5), ((0.5, 0.5, 0.5), None), ((0.0, 0.0, 0.0), None)],
)
def test_best_weights_are_those_of_a_higher_score_than_the_last(
    cli: Cli,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    scores: tuple[float, ...],
    best: float | None,
) -> None:
    """Of equals, the last have learned most."""
    _scored(monkeypatch, *scores)
    found = json.loads(cli("train", *QUICK, "--data", data, "--out", tmp_path, "--json").out)
    assert bool(found["best"]) == (tmp_path / f"{NAME}.best.safetensors").exists()
    assert bool(found["best"]) == (best is not None)
    assert (found["best_scores"] or {}).get("ap") == best


def test_the_best_weights_of_another_training_are_not_taken_for_this_ones(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("train", *QUICK, "--data", data, "--out", tmp_path)
    _scored(monkeypatch, 0.2, 0.5, 0.4, 0.6)
    before = cli(*call, "--json").out
    best = Path(json.loads(before)["best"])
    content = best.read_bytes()
    with monkeypatch.context() as patch:
        _ends_at(5, TrainingError("It stopped", "nan", "Stop."), patch)
        assert cli(*call, "--seed", 1, "--replace").code == 1
    assert cli(*call, "--json").out == before
    assert best.read_bytes() == content


def test_a_state_that_was_cut_short_is_said_to_be_replaced(
    cli: Cli, data: Path, trained: Path, tmp_path: Path
) -> None:
    state = tmp_path / f"{NAME}.training.safetensors"
    state.write_bytes(trained.read_bytes()[:5000])
    found = cli("train", *QUICK, "--steps", 1, "--data", data, "--out", tmp_path)
    assert found.code == 0, found
    assert f"{state} can't be read" in found.err
    assert "training begins anew, and replaces it" in found.err


def test_the_state_of_another_training_is_replaced_only_where_that_is_asked_for(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("train", *QUICK, "--data", data, "--out", tmp_path / "out")
    with monkeypatch.context() as patch:
        _ends_at(3, KeyboardInterrupt(), patch)
        assert cli(*call).code == 130
    state = tmp_path / "out" / f"{NAME}.training.safetensors"
    before = state.read_bytes()
    said = cli(*call, "--steps", 1, "--seed", 3, "--batch", 1)
    assert said.code == 2
    assert f"{state} is of another training: --steps (--epochs) was 7 and is 1 now; " in said.err
    assert "--batch was 2 and is 1 now" in said.err
    assert "--seed was 0 and is 3 now" in said.err
    assert "Give --replace to train anew in its place, or another folder with --out." in said.err
    assert state.read_bytes() == before
    said = cli(*call, "--steps", 1, "--replace")
    assert f"{state} has other settings or data: it is trained anew and replaced" in said.err


def test_a_training_that_replaces_another_goes_on_after_an_interruption(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("train", *QUICK, "--data", data, "--out", tmp_path / "out")
    assert cli(*call).code == 0
    with monkeypatch.context() as patch:
        _ends_at(3, KeyboardInterrupt(), patch)
        assert cli(*call, "--seed", 1, "--replace").code == 130
    assert "goes on after step 2" in cli(*call, "--seed", 1).err


def test_a_change_of_the_data_is_named(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", *QUICK, "--steps", 1, "--out", tmp_path / "out", "--data")
    assert cli(*call, data).code == 0
    other = squares(tmp_path / "others", 5)
    write_coco(other, tmp_path / "others" / "train.json")
    said = cli(*call, tmp_path / "others")
    assert said.code == 2
    assert f"{NAME}.safetensors is of another training: --data has changed." in said.err


def test_what_can_not_be_read_is_not_replaced_unasked(cli: Cli, data: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.safetensors"
    path.write_bytes(b"the work of a week, of another program")
    call = ("train", *QUICK, "--steps", 1, "--data", data, "--out", tmp_path)
    said = cli(*call)
    assert said.code == 2
    assert f"{path} is of another training" in said.err
    assert path.read_bytes() == b"the work of a week, of another program"
    assert cli(*call, "--replace").code == 0


def test_a_checkpoint_of_a_newer_version_is_refused(
    cli: Cli, data: Path, trained: Path, tmp_path: Path
) -> None:
    with safe_open(trained, framework="pt") as file:
        header = json.loads(file.metadata()[HEADER_KEY])
    header["config"]["neck"] = "newest"
    newer = tmp_path / "newer.safetensors"
    save_file(load_file(trained), newer, metadata={HEADER_KEY: json.dumps(header)})
    for call in (
        ("export", newer, "--fixed", "--size", 64),
        ("train", *QUICK, "--data", data, "--weights", newer),
    ):
        said = cli(*call, "--out", tmp_path / "out")
        assert said.code == 1
        assert f"{newer} is of a newer version of sizewise: it has neck" in said.err


@pytest.mark.parametrize("size", [0, 9, 5000])
def test_a_checkpoint_that_was_cut_short_is_refused(
    cli: Cli, data: Path, trained: Path, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(trained.read_bytes()[:size])
    said = cli("train", *QUICK, "--data", data, "--weights", path, "--out", tmp_path / "out")
    assert said.code == 1
    assert f"sizewise: {path} holds no weights that can be read" in said.err


def test_options_of_the_loop_are_in_the_checkpoint(cli: Cli, data: Path, tmp_path: Path) -> None:
    said = cli(
        *("train", "yolov3-tiny", *QUICK[1:], "--data", data, "--out", tmp_path),
        *("--label-smoothing", 0.1, "--focal-gamma", 2, "--freeze", "backbone", "--freeze-norm"),
        *("--checkpointing", "--arithmetic", "bf16", "--steps", 1),
    )
    assert said.code == 0, said
    settings = read_header(tmp_path / "yolov3-tiny.safetensors").provenance.settings
    assert settings is not None
    assert settings.terms is not None
    assert (settings.terms.label_smoothing, settings.terms.focal_gamma) == (0.1, 2.0)
    assert (settings.freeze, settings.freeze_norm, settings.checkpointing) == (
        *("backbone", True, True),
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--freeze", "13"), "frozen convolutions"),
        (("--freeze", "neck"), "backbone, or a number"),
        (("--loss", "paper", "--focal-gamma", 2), "--loss dense"),
        (("--device", "cuda"), "can't run on a GPU"),
        (("--label-smoothing", 1), "--label-smoothing 1.0"),
        (("--copy-paste", 0.3), "0.3 has no effect: it is for networks that learn masks"),
        (("--least-area", 0.3), "--least-area 0.3 has no effect: images are not changed"),
        (("--patience", 3, "--validate-every", 0), "--patience 3 has no effect: nothing is"),
        (("--momentum", 0.8), "--momentum 0.8 has no effect: the optimizer is adamw"),
        (("--focal-alpha", 0.5), "--focal-alpha 0.5 has no effect: there is no focal loss"),
        (("--size-range", "yolov3"), "--sizes and --size-range can't be given together"),
    ],
)
def test_options_that_can_not_be_are_refused_before_the_data_are_read(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[object, ...],
    said: str,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = cli("train", *QUICK, "--data", tmp_path / "nothing", *options, "--out", tmp_path)
    assert found.code == 2
    assert said in found.err


@pytest.mark.parametrize("option", ["--mosaic", "--mix-up", "--copy-paste"])
def test_a_classifier_refuses_what_mixes_boxes(cli: Cli, tmp_path: Path, option: str) -> None:
    call = ("train", "darknet19", "--data", tmp_path / "nothing", "--out", tmp_path)
    said = cli(*call, option, 0.5)
    assert said.code == 2
    assert f"{option} 0.5 has no effect" in said.err
    assert "There is no data set" in cli(*call, option, 0, "--augment", "strong").err
