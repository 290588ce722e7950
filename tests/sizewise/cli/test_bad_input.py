"""Every mistake gets one sentence, the right exit code and no traceback."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.planning.settings import SweepSettings
from sizewise.core.errors import OptionError
from sizewise.core.options.declared import fill, spelling
from tests.bench.models import colours
from tests.sizewise.cli.conftest import Cli, Said


def _one_sentence(said: Said, code: int, *parts: str) -> None:
    assert said.code == code, said
    assert "Traceback" not in said.err + said.out
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: "), said.err
    for part in parts:
        assert part in last


@pytest.mark.parametrize("command", ["build", "bench", "export"])
def test_a_file_that_is_no_onnx(command: str, cli: Cli, tmp_path: Path) -> None:
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"<html>404</html>")
    _one_sentence(
        cli(command, junk, "--out", tmp_path / "o"), 1, "isn't a valid ONNX file", "Export it again"
    )


def test_a_corrupt_checkpoint(cli: Cli, tmp_path: Path) -> None:
    checkpoint = tmp_path / "cut.safetensors"
    checkpoint.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    _one_sentence(cli("export", checkpoint, "--out", tmp_path / "o"), 1, "cut.safetensors")


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("name", ["bomb.safetensors", "bomb.pt", "bomb.onnx"])
def test_a_pickle_is_refused_and_never_unpickled(name: str, cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "exploded"
    bomb = tmp_path / name
    bomb.write_bytes(pickle.dumps(_Bomb(target)))
    as_source = cli("export", bomb, "--out", tmp_path / "o")
    as_weights = cli(
        "export",
        "yolov3",
        "--width",
        0.05,
        "--depth",
        0.1,
        "--weights",
        bomb,
        "--out",
        tmp_path / "o",
    )
    for said in (as_source, as_weights):
        assert said.code in (1, 2)
        assert said.err.strip().splitlines()[-1].startswith("sizewise: ")
    assert not target.exists()


def test_a_size_that_is_no_multiple_of_the_stride(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    said = cli("build", tiny_model, "--sizes", "63,64", "--out", tmp_path / "o")
    _one_sentence(said, 2, "63x63", "multiple", "8", "56x56 and 64x64")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", ["build", "bench"])
def test_an_unknown_back_end(command: str, cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    said = cli(
        command, tiny_model, "--backend", "tensorflow", "--sizes", "64", "--out", tmp_path / "o"
    )
    _one_sentence(said, 2, "tensorflow", "onnxruntime", "openvino", "torch_eager")
    assert "fake" not in said.err


def test_a_fusion_that_no_model_has(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    said = cli("bench", tiny_model, "--fusion", "absi", "--sizes", "64", "--out", tmp_path / "o")
    _one_sentence(said, 2, "the fusion 'absi'", "the models have 'none'", "--fusion")


def test_an_unknown_network(cli: Cli, tmp_path: Path) -> None:
    _one_sentence(cli("train", "yolov99", "--out", tmp_path), 2, "yolov99", "yolov3")
    _one_sentence(cli("export", "yolov99", "--out", tmp_path), 2, "yolov99", "yolov3")


LINE = "out = 'x'\ndata = 'digits'\n[train]\nnetwork = 'yolov3'\n"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"{LINE}[bench]\nspeed = 1\n", "There is no option bench.speed"),
        (f"colour = 'red'\n{LINE}[bench]\n", "There is no option colour"),
        (f"{LINE}steps = 'many'\n[bench]\n", "Invalid value 'many' for train.steps"),
        (f"{LINE}", "bench is missing"),
        ("out = 'x'\ndata = 'digits'\n[train]\n[bench]\n", "train.network is missing"),
    ],
)
def test_a_configuration_that_is_wrong(text: str, part: str, cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "line.toml"
    config.write_text(text)
    _one_sentence(cli("run", config), 2, "line.toml", part)


@pytest.mark.parametrize("command", ["bench", "run"])
def test_a_configuration_that_is_no_toml(command: str, cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "line.toml"
    config.write_text("[bench\n")
    _one_sentence(cli(command, config), 1, "line.toml can't be read", "examples/digits.toml")


def test_a_configuration_for_bench_that_is_wrong(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "sweep.toml"
    config.write_text("models = ['a.onnx']\n[bench]\nspeed = 1\n")
    _one_sentence(cli("bench", config), 2, "There is no option bench.speed")


@pytest.mark.parametrize("dry", [("--dry-run",), ()])
def test_what_the_models_refuse_is_told_in_the_keys_of_the_file(
    dry: tuple[str, ...], cli: Cli, tmp_path: Path
) -> None:
    model = colours(tmp_path / "model.onnx").path
    config = tmp_path / "sweep.toml"
    table = "backends = ['fake']\nstrategies = ['static']\nprofiles = '2'\n"
    config.write_text(f"models = ['{model}']\n[bench]\n{table}", encoding="utf-8")
    said = cli("bench", config, "--out", tmp_path / "out", *dry, "--json")
    error = json.loads(said.out)["error"]
    assert error["option"] == "bench.profiles"
    assert error["what"] == f"{config}: bench.profiles 2 has no effect"
    assert "bench.strategies" in error["todo"]


def test_axes_beside_a_configuration_are_refused(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "sweep.toml"
    config.write_text("models = ['a.onnx']\n[bench]\nsizes = '64'\n")
    _one_sentence(
        cli("bench", config, "--sizes", "96", "--data", "x"), 2, "--sizes, --data", "TOML"
    )


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ("[bench]\nsizes = 'large'", "large"),
        ("[bench]\nbackends = ['tensorflow']", "tensorflow"),
        ("[export]\nprecision = ['fp4']\n[bench]", "fp4"),
        ("[export]\nsize = 'big'\n[bench]", "big"),
    ],
)
def test_what_only_the_last_stage_needs_is_checked_before_training(
    table: str, part: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewise.pipeline.line.train_checkpoints", pytest.fail)
    config = tmp_path / "line.toml"
    config.write_text(
        f"out = '{tmp_path}'\ndata = 'digits'\n[train]\nnetwork = 'yolov3'\n{table}\n"
    )
    _one_sentence(cli("run", config), 2, part)


def test_a_sweep_without_one_measured_trial_is_no_success(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    said = cli(
        *("bench", tiny_model, "--backend", "onnxruntime", "--strategy", "profiles"),
        *("--sizes", "64", "--out", tmp_path / "o"),
    )
    assert said.code == 1
    assert "unsupported_strategy" in said.out
    assert "No trial could be measured" in said.err


@pytest.mark.parametrize("command", ["build", "bench"])
def test_an_output_folder_that_can_not_be_written(
    command: str, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    said = cli(command, tiny_model, "--sizes", "64", "--out", tmp_path / "file" / "out")
    _one_sentence(said, 1, "can't be written", "--out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_without_permission(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    said = cli("build", tiny_model, "--sizes", "64", "--out", closed / "out")
    _one_sentence(said, 1, "permission denied", "--out")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 96 KiB, where we may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if not made or made.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run([shutil.which("umount") or "umount", "-l", str(folder)], check=True)


def test_a_full_disk_keeps_the_results_so_far(cli: Cli, tiny_model: Path, small_disk: Path) -> None:
    first = _bench_fake(cli, tiny_model, small_disk, sizes="8")
    assert first.code == 0, first
    finished = _statuses(small_disk)
    (small_disk / "ballast").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 4096))
    said = _bench_fake(cli, tiny_model, small_disk, sizes="8:512:8")
    _one_sentence(said, 1, "space")
    (small_disk / "ballast").unlink()
    assert finished.items() <= _statuses(small_disk).items()


def test_a_full_disk_is_an_output_error_wherever_a_command_meets_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/file")

    monkeypatch.setattr("sizewise.cli.doctor.read_environment", refuse)
    said = cli("doctor", "--json")
    assert said.code == 1
    assert json.loads(said.out)["error"]["type"] == "OutputError"
    assert "/somewhere/file can't be written: no space left on device. Free some space" in said.err


def test_a_current_folder_that_is_gone_is_told(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    for line in (("doctor",), ("build", tmp_path / "model.onnx", "--json")):
        _one_sentence(cli(*line), 1, "The current folder can't be used: no such file or directory")


def test_an_empty_path_is_not_the_current_folder(cli: Cli, tiny_model: Path) -> None:
    """As a shell gives it for a variable that is not set."""
    for line in (("build", ""), ("build", tiny_model, "--out", ""), ("bench", tiny_model, "")):
        _one_sentence(cli(*line), 2, "The path is empty")


def test_an_empty_file_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    _one_sentence(cli("build", tmp_path / "model.onnx"), 1, "isn't a valid ONNX file: it is empty")


def _bench_fake(cli: Cli, model: Path, out: Path, *, sizes: str) -> Said:
    return cli(
        *("bench", model, "--backend", "fake", "--strategy", "dynamic", "--sizes", sizes),
        *("--processes", 1, "--rounds", 1, "--out", out),
    )


def _statuses(out: Path) -> dict[str, str]:
    from bench.journal.store import Store

    with Store.open(out / "results.sqlite", read_only=True) as store:
        return {r.trial.identity: r.status for run in store.runs() for r in run.results}


def test_a_results_file_that_is_none(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"no database at all, but long enough to look like a file" * 50)
    _one_sentence(cli("report", path), 1, "results.sqlite")
    _one_sentence(cli("report", tmp_path / "absent.sqlite"), 1, "absent.sqlite")


def test_a_factory_that_is_not_found(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def broken():\n    raise RuntimeError('no weights')\n")
    _one_sentence(cli("export", f"{source}:absent", "--out", tmp_path), 2, "absent", "broken")
    needs = f"mine.py needs a function: {source}:broken (found there: broken)"
    _one_sentence(cli("export", source, "--out", tmp_path), 2, needs)
    _one_sentence(cli("export", f"{source}:broken", "--out", tmp_path), 1, "no weights")
    _one_sentence(cli("export", "no.such.package:f", "--out", tmp_path), 1, "no.such")


def test_a_whole_line_is_not_shared_by_processes(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "line.toml"
    config.write_text(
        f"out = '{tmp_path}'\ndata = 'digits'\n[train]\nnetwork = 'yolov3'\n"
        "[export]\n[bench]\nsizes = '64'\n"
    )
    _one_sentence(cli("run", config), 2, "2 processes", "torchrun with sizewise train")


def test_a_wrong_option_is_a_usage_error(cli: Cli, tiny_model: Path) -> None:
    _one_sentence(cli("build", tiny_model, "--colour", "red"), 2, "--colour")
    _one_sentence(cli("build", tiny_model, "--strategy", "magic", "--sizes", "64"), 2, "magic")
    _one_sentence(cli("build", tiny_model, "--batch", "two", "--sizes", "64"), 2, "two")
    _one_sentence(cli("bench", tiny_model, "--sizes", "large"), 2, "large")


def test_a_command_that_lacks_torch_says_how_to_get_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("sizewise.pipeline.train.train_checkpoints", absent)
    said = cli("train", "yolov3", "--out", tmp_path)
    _one_sentence(said, 1, "needs torch", "pip install 'sizewise[torch]'")


def test_debug_shows_where(cli: Cli, tmp_path: Path) -> None:
    said = cli("build", tmp_path / "absent.onnx", "--debug")
    assert "Traceback" in said.err


def test_with_json_an_error_is_json_too(cli: Cli, tmp_path: Path) -> None:
    said = cli("bench", tmp_path / "absent.onnx", "--json")
    assert json.loads(said.out) == {
        "error": {
            "type": "InputError",
            "what": f"{tmp_path / 'absent.onnx'} can't be opened",
            "why": "there is no such file",
            "todo": "Check the path and try again.",
            "option": "",
        }
    }
    assert said.err.startswith("sizewise: ")
    wrong = json.loads(cli("bench", tmp_path / "a.onnx", "--sizes", "big", "--json").out)["error"]
    assert (wrong["type"], wrong["option"]) == ("OptionError", "--sizes")
    unknown = json.loads(cli("bench", "a.onnx", "--sizs", "32", "--json").out)["error"]
    assert unknown["option"] == "--sizs"


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("bench --json", ""),
        ("bench a.onnx --json --sizes", "--sizes"),
        ("bench a.onnx --json --sizes big", "--sizes"),
        ("bench a.onnx --json --rigor --fit", "--rigor"),
        ("bench a.onnx --json --dry-run=3", "--dry-run"),
        ("evaluate a.onnx --json", "--data"),
        ("frob --json", ""),
    ],
)
def test_the_option_in_json_is_the_one_that_is_wrong(cli: Cli, line: str, option: str) -> None:
    said = cli(*line.split())
    assert said.code == 2
    assert json.loads(said.out)["error"]["option"] == option
    assert "There is no option" not in said.err


_LINE = "out = 'o'\ndata = 'd'\n[train]\nnetwork = 'yolov3-tiny'\n"


@pytest.mark.parametrize(
    ("command", "file", "option"),
    [
        ("bench", "models = ['a.onnx']\n[bench]\nspeed = 3\n", "bench.speed"),
        ("bench", "models = ['a.onnx']\n[bench]\nrigor = 'best'\n", "bench.rigor"),
        ("bench", "models = ['a.onnx']\n[[bench.sweep]]\nspeed = 3\n", "bench.sweep[0].speed"),
        ("bench", "models = ['a.onnx']\nspeed = 3\n[bench]\n", "speed"),
        ("bench", "[bench]\n", "models"),
        ("run", f"{_LINE}[bench]\nspeed = 3\n", "bench.speed"),
        ("run", f"{_LINE}speed = 3\n[bench]\n", "train.speed"),
        ("run", f"{_LINE}[export]\nprecision = ['int8']\n[bench]\n", "export.calibrate"),
    ],
)
def test_the_option_in_json_is_the_key_of_a_file(
    cli: Cli, tmp_path: Path, command: str, file: str, option: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(file, encoding="utf-8")
    said = cli(command, path, "--json")
    assert said.code == 2, said
    error = json.loads(said.out)["error"]
    assert (error["type"], error["option"]) == ("OptionError", option)
    assert error["what"].startswith(f"{path}: ")


def test_a_wrong_file_that_names_no_key_has_no_option(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{_LINE}[bench]\nfusion = ['absi']\n", encoding="utf-8")
    error = json.loads(cli("run", path, "--json").out)["error"]
    assert (error["type"], error["option"]) == ("UsageError", "")


def test_what_is_unexpected_names_no_option(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("--sizes and such")

    monkeypatch.setattr("sizewise.cli.doctor.read_environment", fail)
    error = json.loads(cli("doctor", "--json").out)["error"]
    assert (error["type"], error["option"]) == ("RuntimeError", "")


def test_an_option_in_a_file_is_named_by_its_key() -> None:
    with pytest.raises(OptionError) as caught, spelling(lambda name: f"bench.{name}"):
        fill(SweepSettings, {"rigor": "best"})
    assert caught.value.option == "bench.rigor"
    with pytest.raises(OptionError) as caught:
        fill(SweepSettings, {"rigour": "paper"})
    assert caught.value.option == "rigour"


def test_quiet_leaves_results_and_errors(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    kept = cli("networks", "--json", "--quiet")
    assert (kept.code, kept.err) == (0, "")
    assert "yolov3" in json.loads(kept.out)
    said = cli("--quiet", "build", tmp_path / "absent.onnx")
    _one_sentence(said, 1, "there is no such file")


def test_interrupting_says_that_nothing_is_lost(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sizewise.cli.doctor.read_environment", stop)
    said = cli("doctor")
    assert said.code == 130
    assert "the same command resumes" in said.err


def test_the_console_script_has_the_exit_code_of_the_error(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from sizewise.cli import main; main()",
        "report",
        str(tmp_path / "x"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)


def test_a_locale_without_our_signs_ends_no_command(tiny_model: Path, tmp_path: Path) -> None:
    program = "from sizewise.cli import main; main()"
    line = ("build", tiny_model, "--backend", "fake", "--strategy", "static", "--sizes", 64)
    ended = subprocess.run(
        [sys.executable, "-c", program, *map(str, (*line, "--out", tmp_path / "out"))],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, b"sizes H?W" in ended.stdout) == (0, True), ended
