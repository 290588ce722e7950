"""``sizewise tune``: trials that are trainings, on file, and the same whatever interrupts them."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sizewise as sw
from netzoo.data.coco.dataset import write_coco
from netzoo.weights.checkpoint import read_header
from sizewise.core.errors import TrainingError
from sizewise.pipeline.models.training import Training, TrainOptions
from sizewise.pipeline.preparation.tuning import study
from sizewise.pipeline.preparation.tuning.rows import best_of
from sizewise.pipeline.train import Trained
from tests.netzoo.factories import squares
from tests.sizewise.cli.conftest import Cli

pytest.importorskip("optuna")
pytestmark = pytest.mark.usefixtures("one_core")
NAME = "yolov4-tiny"
QUICK = ("--width", 0.05, "--steps", 4, "--batch", 2, "--fixed-batch", "--sizes", "64")
STEPS = (2, 4, 6, 8)
FEW = ("--steps", 8, "--search", "learning_rate,scale")
Watch = Callable[[Mapping[int, Mapping[str, float]]], None]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps are an epoch."""
    folder = tmp_path_factory.mktemp("squares")
    found = squares(folder, 6)
    write_coco(replace(found, images=found.images[:4]), folder / "train.json")
    write_coco(replace(found, images=found.images[4:]), folder / "val.json")
    return folder


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "tune.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def command_of(err: str) -> list[str]:
    (line,) = [line for line in err.splitlines() if line.startswith("Next: ")]
    return shlex.split(line.removeprefix("Next: sizewise "))


class Scripted:
    """Trainings that take no time: AP grows with the learning rate up to a peak, and with the
    steps. ``ends`` is called before each trial's second validation."""

    def __init__(self, ends: Callable[[int], None] = lambda _: None) -> None:
        self.trained: list[TrainOptions] = []
        self.ends = ends

    def __call__(
        self, training: Training, data: str, *, out: Path, watch: Watch, **_: Any
    ) -> tuple[Trained, ...]:
        self.trained.append(training.options)
        out.mkdir(parents=True, exist_ok=True)
        rate = training.options.learning_rate
        quality = 1 / (1 + abs(rate - 0.005) / 0.005)
        scores: dict[int, dict[str, float]] = {}
        for place, step in enumerate(STEPS, start=1):
            if place == 2:
                self.ends(len(self.trained))
            scores[step] = {"ap": quality * place / len(STEPS), "ap50": 1.0}
            watch(scores)
        return (Trained(checkpoint=str(out / "n.safetensors"), size="64", scores=scores[8]),)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Nothing is drawn."""
    found = Scripted()
    monkeypatch.setattr("sizewise.pipeline.train.train", found)
    monkeypatch.setattr("sizewise.pipeline.preparation.tune.draw_search", lambda *_: None)
    return found


def test_the_command_at_the_end_is_the_best_training(cli: Cli, data: Path, tmp_path: Path) -> None:
    """To the bit: it writes the very checkpoint of the best trial."""
    out = tmp_path / "out"
    searched = ("--search", "learning_rate,scale", "--fit", "stretch")
    call = ("tune", NAME, "--data", data, *QUICK, "--trials", 2, *searched)
    said = cli(*call, "--out", out)
    assert said.code == 0, said
    assert "Best: AP " in said.out
    rows = rows_of(out)
    assert [row["state"] for row in rows] == ["complete", "complete"]
    best = max(rows, key=lambda row: float(row["ap"]))
    assert f"(trial {best['trial']})" in said.err
    command = command_of(said.err)
    assert command[:2] == ["train", NAME]
    assert command[-4:] == [
        *("--learning-rate", best["learning_rate"], "--scale", best["scale"]),
    ]
    assert cli(*command, "--out", tmp_path / "again").code == 0
    trial = out / f"trial-{int(best['trial']):03d}" / f"{NAME}.safetensors"
    assert (tmp_path / "again" / trial.name).read_bytes() == trial.read_bytes()
    assert read_header(trial).config.letterbox is False
    settings = read_header(trial).provenance.settings
    assert settings is not None
    assert f"{settings.learning_rate:g}" == best["learning_rate"]
    assert (out / "tune.png").read_bytes().startswith(b"\x89PNG")
    again = cli(*call, "--out", out)
    assert again.code == 0
    assert "Trial" not in again.err
    assert command_of(again.err) == command


def test_an_interrupted_search_is_the_one_that_nothing_interrupted(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("tune", NAME, "--data", data, *FEW, "--trials", 9)
    assert cli(*call, "--out", tmp_path / "whole").code == 0
    whole = rows_of(tmp_path / "whole")
    assert len(scripted.trained) == 9
    assert {row["state"] for row in whole} == {"complete", "pruned"}

    def end(count: int) -> None:
        if count in (1, 3, 5):
            raise KeyboardInterrupt

    ended = Scripted(end)
    monkeypatch.setattr("sizewise.pipeline.train.train", ended)
    codes = [cli(*call, "--out", tmp_path / "parts").code for _ in range(4)]
    assert codes == [130, 130, 130, 0]
    assert rows_of(tmp_path / "parts") == whole
    assert len(ended.trained) == 12
    assert ended.trained[1] == ended.trained[0]


def test_more_trials_add_to_those_that_are_there(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted
) -> None:
    call = ("tune", NAME, "--data", data, *FEW, "--out", tmp_path / "out")
    assert cli(*call, "--trials", 3).code == 0
    first = rows_of(tmp_path / "out")
    assert cli(*call, "--trials", 5).code == 0
    assert rows_of(tmp_path / "out")[:3] == first
    assert len(scripted.trained) == 5
    assert len({options.learning_rate for options in scripted.trained}) == 5


def test_trials_below_the_median_end_early_unless_that_is_turned_off(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted
) -> None:
    call = ("tune", NAME, "--data", data, *FEW, "--trials", 8)
    said = cli(*call, "--out", tmp_path / "some")
    pruned = [row for row in rows_of(tmp_path / "some") if row["state"] == "pruned"]
    assert pruned
    assert all(2 <= int(row["steps"]) < 8 for row in pruned)
    assert f", ended after step {pruned[0]['steps']}." in said.err
    assert cli(*call, "--no-pruning", "--out", tmp_path / "none").code == 0
    assert {row["state"] for row in rows_of(tmp_path / "none")} == {"complete"}


def test_a_trial_that_fails_is_noted_and_the_search_goes_on(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(count: int) -> None:
        if count == 2:
            raise TrainingError("Training stopped at step 3", "the loss is nan", "Lower it.")

    monkeypatch.setattr("sizewise.pipeline.train.train", Scripted(fails))
    call = ("tune", NAME, "--data", data, *FEW, "--trials", 3, "--out", tmp_path / "out")
    said = cli(*call)
    assert said.code == 0, said
    assert "Trial 2 of 3: AP" in said.err
    assert "Training stopped at step 3: the loss is nan" in said.err
    rows = rows_of(tmp_path / "out")
    assert [row["state"] for row in rows] == ["complete", "failed", "complete"]
    assert rows[1]["reason"] == "Training stopped at step 3: the loss is nan"


def test_a_search_without_any_training_that_works_says_why(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise TrainingError("Training stopped at step 3", "the loss is nan", "Lower it.")

    monkeypatch.setattr("sizewise.pipeline.train.train", Scripted(fails))
    out = tmp_path / "out"
    said = cli("tune", NAME, "--data", data, *FEW, "--trials", 2, "--out", out)
    assert said.code == 1
    assert "None of 2 trials could be trained to its end: Training stopped at step 3" in said.err
    assert [row["state"] for row in rows_of(out)] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--trials", 0), 2, "Give a whole number, 1 or more"),
        (("--search", "learning_rate", "--learning-rate", 0.002), 2, "given and searched at once"),
        (("--search", "flip", "--flip", 0.1), 2, "--flip can't be given and searched at once"),
        (("--search", "steps"), 2, "--steps can't be searched"),
        (("--search", "learning_rate=0.1:0.01"), 2, "a range has a lower and a higher end"),
        (("--search", "learning_rate=low:high"), 2, "a range has a lower and a higher end"),
        (("--search", "learning_rate=-1:1"), 2, "Give a number above 0"),
        (("--search", "scale=0.5:1"), 2, "it must be in 0–0.9"),
        (("--search", "ignore_iou"), 2, "has no --ignore-iou"),
        (("--search", "background_gain"), 2, "--background-gain can't be searched"),
        (("--validate-every", 0), 2, "--validate-every can't be 0 here"),
        (("--loss", "region"), 2, "can't be trained with the loss"),
    ],
)
def test_what_can_not_be_searched_is_refused(  # noqa: PLR0917 - fixtures
    cli: Cli, data: Path, tmp_path: Path, words: tuple[object, ...], code: int, said: str
) -> None:
    found = cli("tune", NAME, "--data", data, *QUICK, *words, "--out", tmp_path / "out")
    assert found.code == code, found
    assert said in found.err
    assert not list(tmp_path.rglob("trial-*"))


def test_data_without_a_part_for_validation_are_refused(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(data, alone)
    (alone / "val.json").unlink()
    found = cli("tune", NAME, "--data", alone, *QUICK, "--out", tmp_path / "out")
    assert found.code == 1, found
    assert "val.json" in found.err
    shutil.copy(alone / "train.json", alone / "val.json")
    found = cli("tune", NAME, "--data", alone, *QUICK, "--out", tmp_path / "out")
    assert found.code == 1, found
    assert "the network is trained on just these" in found.err


def test_several_fusions_are_several_searches(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("tune", "multiscale", "--data", data, "--fusion", "single,average")
    found = cli(*call, "--out", tmp_path / "out")
    assert found.code == 2
    assert "Name one with --fusion." in found.err


def test_a_folder_of_another_search_is_refused(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted
) -> None:
    call = ("tune", NAME, "--data", data, "--trials", 1, "--out", tmp_path / "out")
    assert cli(*call, "--steps", 8).code == 0
    found = cli(*call, "--steps", 9)
    assert found.code == 2
    assert "holds another search: it differs in: options" in found.err
    assert "in: search" in cli(*call, "--steps", 8, "--search", "learning_rate").err
    assert "in: pruning" in cli(*call, "--steps", 8, "--no-pruning").err
    assert len(scripted.trained) == 1


def test_a_damaged_file_of_trials_is_said_to_be_so(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "tune.sqlite").write_bytes(b"no database" * 1000)
    found = cli("tune", NAME, "--data", data, "--out", out)
    assert found.code == 1
    assert "The trials in" in found.err
    assert "file is not a database" in found.err
    (out / "tune.sqlite").unlink()
    assert cli("tune", NAME, "--data", data, "--steps", 8, "--trials", 1, "--out", out).code == 0
    with closing(sqlite3.connect(out / "tune.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM trials").fetchone() == (1,)


def test_two_searches_do_not_share_a_folder(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("tune", NAME, "--data", data, "--steps", 8, "--trials", 1, "--out", tmp_path / "out")
    seen = []

    def other(_: int) -> None:
        scripted.ends = lambda _: None
        seen.append(cli(*call))

    scripted.ends = other
    assert cli(*call).code == 0
    assert seen[0].code == 2
    assert "another process searches there" in seen[0].err


def test_without_optuna_the_extra_is_named(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "find_spec", lambda name: None)
    found = cli("tune", NAME, "--data", data, "--out", tmp_path / "out")
    assert found.code == 1
    assert "Settings can't be searched: Optuna is not installed" in found.err
    assert "pip install 'sizewise[tune]'" in found.err


def test_machines_get_one_document(
    cli: Cli, data: Path, tmp_path: Path, scripted: Scripted
) -> None:
    call = ("tune", NAME, "--data", data, "--steps", 8, "--trials", 2, "--flip", 0.5)
    found = json.loads(cli(*call, "--out", tmp_path / "out", "--json").out)
    assert [row["number"] for row in found["trials"]] == [1, 2]
    assert found["best"] in found["trials"]
    assert set(found["best"]["values"]) == {
        *("learning_rate", "weight_decay", "mosaic", "mix_up", "scale", "translate"),
        *("hue", "saturation", "value", "box_gain", "objectness_gain", "class_gain"),
    }
    assert "--flip 0.5" in found["command"]


def test_from_python_the_best_options_train(data: Path, tmp_path: Path, scripted: Scripted) -> None:
    given = {"data": data, "steps": 8, "trials": 2, "out": tmp_path / "out"}
    found = sw.tune(NAME, **given, optimizer="sgd", weight_decay=0.0005)  # type: ignore[arg-type]
    assert found.options in scripted.trained
    assert found.options.weight_decay == 0.0005
    assert "weight_decay" not in found.best.values
    assert 1e-3 <= found.options.learning_rate <= 0.1
    with pytest.raises(sw.SizewiseError, match="Give a whole number, 1 or more") as caught:
        sw.tune(NAME, data=data, trials=0)
    assert caught.value.what == "Invalid value 0 for trials"
    assert best_of(found.trials) == found.best
