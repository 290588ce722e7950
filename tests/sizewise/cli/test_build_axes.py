"""What ``build`` and ``bench`` are asked: profiles, ranges of batches, options of back ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engines.backends.fake import FakeOptions
from engines.differences import Comparison
from engines.store.cache import obtain_engine
from reports.load import load
from sizewise.cli import console
from sizewise.cli.tables.engines import show_engines, show_remarks
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, EngineMemory, EngineSpec, Profile, Size
from sizewise.pipeline.build import ComparedEngine
from tests.sizewise.cli.conftest import Cli

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE = ("--backend", "fake", "--strategy", "profiles", "--sizes", "224:448:32")


def specs(said: str) -> list[Any]:
    return [engine["spec"] for engine in json.loads(said)["engines"]]


@pytest.mark.usefixtures("in_process")
def test_build_takes_profiles_ranges_and_options(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    asked = ("--profiles", "288,448", "--batch", "1,2:4:8")
    options = ("--backend-option", "base_ns=5", "--backend-option", "fail_at=open")
    said = cli("build", tiny_model, *FAKE, *asked, *options, "--out", tmp_path / "o", "--json")
    assert said.code == 0, said
    one, several = specs(said.out)
    assert (one["batch_size"], one["batch_range"]) == (1, None)
    assert (several["batch_size"], several["batch_range"]) == (4, {"min": 2, "max": 8})
    for spec in (one, several):
        assert [p["max"]["height"] for p in spec["profiles"]] == [288, 448]
        assert (spec["options"]["base_ns"], spec["options"]["fail_at"]) == (5.0, "open")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("--profiles", "9"), "there are 8 sizes for 9 profiles"),
        (("--batch", "4:1:8"), "Invalid value '4:1:8' for --batch"),
        (
            ("--backend-option", "sed=1"),
            "'sed' isn't an option of fake: fake has flush_subnormals (true or false;",
        ),
        (("--backend-option", "seed=x"), "The option seed of fake can't be 'x'"),
        (("--strategy", "static", "--profiles", "2"), "has no effect"),
    ],
)
def test_what_can_not_be_asked_is_a_usage_error(
    cli: Cli, tiny_model: Path, tmp_path: Path, asked: tuple[str, str], why: str
) -> None:
    said = cli("build", tiny_model, *FAKE, *asked, "--out", tmp_path / "o")
    assert said.code == 2
    assert why in said.err


@pytest.mark.usefixtures("in_process")
def test_three_profiles_can_be_read_at_100_columns(
    cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_PIPE_WIDTH", 100)
    asked = ("--batch", "1:4:8", "--backend-option", "process_sd=0.125")
    said = cli("build", tiny_model, *FAKE, *asked, "--out", tmp_path / "o")
    lines = [line for line in said.out.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 100
    for whole in (
        *("224x224–256x256", "tuned: 256x256", "288x288–352x352", "tuned: 320x320"),
        *("384x384–448x448", "tuned: 416x416", "batch 1:4:8", "process_sd=0.125"),
    ):
        assert any(whole in line for line in lines), whole
    assert "device" not in said.out
    model = shlex.quote(str(tiny_model))
    step = f"bench {model} --backend fake --strategy profiles --sizes 224:448:32"
    assert f"{step} --batch 1:4:8 --backend-option process_sd=0.125" in said.err


def fake_engine(model: Path, folder: Path) -> EngineArtifact:
    spec = EngineSpec(
        backend="fake",
        strategy="static",
        profiles=(Profile.fixed(Size(64, 64)),),
        options=FakeOptions(),
    )
    return obtain_engine(read_model(model), spec, folder)


@pytest.mark.usefixtures("in_process")
def test_memory_of_a_device_and_remarks_are_told_where_there_are_some(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = fake_engine(tiny_model, tmp_path)
    memory = EngineMemory(weights_bytes=3 * 2**20, context_bytes=(2**19, 2**20))
    warned = replace(plain, memory=memory, remarks=("Mind the gap.", "Mind the step."))
    none = Comparison(reason="none")
    built = [ComparedEngine(artifact=each, comparison=none) for each in (plain, warned, warned)]
    show_engines(built)
    show_remarks(built)
    said = capsys.readouterr()
    assert "device MiB" in said.out
    assert said.out.count(" 4.0 ") == 2
    assert said.err.splitlines() == ["Mind the gap.", "Mind the step."]


def test_a_bar_says_how_far_a_build_is(
    cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[tuple[int, str]] = []

    class Bar:
        def advance(self, steps: int = 1, note: str = "") -> None:
            notes.append((steps, note))

        def extend(self, steps: int) -> None:
            del steps

        def remark(self, text: str) -> None:
            del text

        @contextmanager
        def stage(self, label: str, total: int) -> Iterator[Bar]:
            assert (label, total) == ("Building engines", 2)
            yield self

    monkeypatch.setattr(console, "reporter", Bar)
    options = ("--backend-option", "build_s=0.5", "--out", tmp_path / "o")
    assert cli("build", tiny_model, *FAKE, *options).code == 0
    assert notes[0] == (0, "fake profiles")
    assert re.fullmatch(r"fake profiles: \d+%, pretending to build", notes[1][1])
    assert sum(steps for steps, _ in notes) == 2


def test_a_log_says_what_is_at_work_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_LOG_EVERY_S", 0.0)
    with console.Lines().stage("Building engines", 2) as stage:
        stage.advance(0, note="timing")
        stage.advance(note="comparing")
    first, second, _ = capsys.readouterr().err.splitlines()
    assert first == "Building engines: 0/2  timing"
    assert re.match(r"Building engines: 1/2, about \d+ s left  comparing", second)


def test_ctrl_c_ends_a_build_and_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    # What a shell starts in the background ignores Ctrl-C, and so do its children.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heed}; from sizewise.cli import main; main()"
    options = (*FAKE, "--backend-option", "build_s=600", "--out", out)
    with subprocess.Popen(
        [sys.executable, "-c", program, "build", tiny_model, *options],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    ) as process:
        while not list(out.glob(".fake-*")) and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert list(out.iterdir()) == []


@pytest.mark.usefixtures("in_process", "measured_here")
def test_a_sweep_keeps_what_tells_its_engines_apart(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    quick = "processes = 1\nrounds = 1\nblock_calls = 1\nblock_s = 0.0\nwarmup_calls = 0\n"
    config = tmp_path / "bench.toml"
    config.write_text(
        f"models = [{str(tiny_model)!r}]\n[bench]\nbackends = ['fake']\n"
        f"strategies = ['profiles']\nsizes = '32,64'\n{quick}"
        "[[bench.sweep]]\nbatch = [1, '1:1:8']\nprofiles = 2\n"
        "[[bench.sweep]]\nprofiles = '64x64'\n"
        "[[bench.sweep]]\nprofiles = 2\noptions = ['base_ns=500000']\n"
    )
    said = cli("bench", config, "--out", tmp_path / "o", "--json")
    assert said.code == 0, said
    frame = load(json.loads(said.out)["results"])
    assert len(frame) == 8
    assert set(frame["engine"]) == {
        "fake profiles 32×32, 64×64",
        "fake profiles 32×32, 64×64 batches 1 to 8",
        "fake profiles 32×32–64×64",
        "fake profiles 32×32, 64×64 base_ns=500000.0",
    }
    beside = cli("bench", config, "--backend-option", "seed=1", "--profiles", "2")
    assert beside.code == 2
    assert "--backend-option, --profiles can't be given with a TOML file" in beside.err
