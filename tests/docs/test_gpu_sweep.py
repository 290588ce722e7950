"""The sweep of GPUs (docs/make/gpu), with the fake back end and a made-up device."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.sweep import sweep
from docs.make.engines import files
from docs.make.gpu import sweep as gpu
from docs.make.pages import HOUSE
from engines.backends.onnxruntime_gpu import OnnxRuntimeCuda
from engines.planning.batches import Batch
from engines.registry import find_backend
from sizewise.core import codec
from sizewise.core.errors import ExportError
from sizewise.core.machine import nvidia
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import Run
from tests.bench.factories import launch_in_process, quietly
from tests.bench.models import colours
from tests.engines.nets import unwritten_net

GPU = Device(name="NVIDIA Made-up 9000", capability="9.0", memory_bytes=2**34)
QUICK: dict[str, Any] = {"processes": 1, "rounds": 2, "block_s": 0.0, "warmup_calls": 1}


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the record goes to."""
    folder = tmp_path / "measured"
    folder.mkdir()
    monkeypatch.setattr(gpu, "MEASURED", folder)
    monkeypatch.setattr(gpu, "OUT", tmp_path / "out")
    return folder


def test_without_a_gpu_it_says_so_and_writes_nothing(
    measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = Devices(reason="no NVIDIA driver is installed")
    monkeypatch.setattr(nvidia, "find_devices", lambda: none)
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    said = str(ended.value)  # Python prints it and ends with 1
    assert all(f"{name}: " in said for name in gpu.BACKENDS)
    assert "\n" not in said
    assert list(measured.iterdir()) == []
    assert not gpu.OUT.exists()


@pytest.mark.usefixtures("built_here")
def test_what_runs_is_measured_and_what_does_not_is_named(
    measured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = colours(tmp_path / "colours.onnx")
    asked: list[Collection[str]] = []

    def networks(labels: Collection[str], precisions: Collection[str]) -> Iterator[gpu.Network]:
        assert labels == gpu.LABELS
        asked.append(precisions)
        yield gpu.Network(name="colours/none", width="narrow", sizes="32,64", models=(model,))

    monkeypatch.setattr(gpu, "BACKENDS", ("fake", "onnxruntime_cuda"))
    monkeypatch.setattr(OnnxRuntimeCuda, "provider", "NoSuchProvider")
    monkeypatch.setattr(OnnxRuntimeCuda, "library", "nothing")
    monkeypatch.setattr(gpu, "find_devices", lambda: Devices(found=(GPU,)))
    monkeypatch.setattr(gpu, "networks", networks)
    monkeypatch.setattr(gpu, "BATCHES", (8,))
    monkeypatch.setattr(gpu, "PROTOCOL", QUICK)
    here = partial(sweep, launch=launch_in_process, watch=quietly)
    monkeypatch.setattr(gpu, "sweep", here)
    for _ in range(2):  # the second time nothing is left to be measured
        gpu.main()
    assert set(asked[0]) == set(find_backend("fake").precisions)
    (path,) = measured.iterdir()
    assert path.name == "gpu-nvidia-made-up-9000.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert "NoSuchProvider" in record["left_out"]["onnxruntime_cuda"]
    assert "onnxruntime_cuda is left out" in capsys.readouterr().err
    (network,) = record["networks"]
    runs = codec.from_plain(network["runs"], tuple[Run, ...])
    results = [result for run in runs for result in run.results]
    assert {result.status for result in results} == {"ok"}
    cells = [result.trial.cell for result in results]
    assert sorted((c.strategy, c.batch_size, str(c.size)) for c in cells) == [
        (strategy, 8, size)
        for strategy in ("dynamic", "profiles", "static")
        for size in ("32x32", "64x64")
    ]
    assert {run.environment.fingerprint for run in runs} == {
        codec.from_plain(record["environment"], type(runs[0].environment)).fingerprint
    }
    assert f"{HOUSE}/" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("capability", "needed"), [("7.5", ["capabilities=7.5"]), ("8.0", []), ("9.0", [])]
)
def test_cuda_graphs_are_measured_on_and_off_where_they_can_be(
    monkeypatch: pytest.MonkeyPatch, capability: str, needed: list[str]
) -> None:
    one = replace(GPU, capability=capability)
    monkeypatch.setattr(gpu, "find_devices", lambda: Devices(found=(one,)))
    able = [find_backend(name) for name in gpu.BACKENDS]
    for precision in ("fp32", "int8"):
        model = unwritten_net(precision=precision)
        tables = gpu.settings(model, able, "224:448:32", 8).products()
        assert [(*table.backends, *table.options) for table in tables] == [
            (backend.name, *(needed if backend.name == "tensorrt_rtx" else ()), *options)
            for backend in able
            if precision in backend.precisions
            for options in ([], ["cuda_graphs=false"])
            if not options or backend.name.startswith("tensorrt")
        ]
        assert {table.batch for table in tables} == {(Batch(8),)}
        assert {table.sizes.text for table in tables} == {"224:448:32"}


def test_files_are_made_in_the_precisions_that_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(parent: ExportedModel, precision: str, looks: object) -> ExportedModel:
        if precision == "int8":
            raise ExportError("No int8", "nothing is quantized", "Leave it out.")
        return unwritten_net(precision=precision)

    def full_width(name: str, precisions: Collection[str]) -> dict[str, ExportedModel]:
        return {one: unwritten_net(precision=one) for one in sorted({"fp32", *precisions})}

    monkeypatch.setattr(files, "export", lambda *_: unwritten_net())
    monkeypatch.setattr(files, "look", lambda *_: None)
    monkeypatch.setattr(files, "in_precision", made)
    monkeypatch.setattr(files, "full_width", full_width)
    found = list(gpu.networks(gpu.LABELS, {"fp16", "int8"}))
    narrow = [n for n in found if n.width == "narrow"]
    assert [n.name for n in narrow] == list(gpu.NETWORKS)
    assert [n.name for n in found if n.width == "full"] == list(gpu.FULL)
    for network in found:
        made_of = {model.card.precision for model in network.models}
        assert made_of == ({"fp32", "fp16"} | ({"int8"} if network.width == "full" else set()))


def test_a_part_can_be_asked_for() -> None:
    asked = ["--networks", "yolov4-tiny, full", "--precisions", "fp16", "--batches", "1"]
    given = gpu._parser().parse_args(asked)
    assert (given.networks, given.precisions, given.batches) == (
        ["yolov4-tiny, full"],
        ["fp16"],
        [1],
    )
    whole = gpu._parser().parse_args([])
    assert (tuple(whole.networks), tuple(whole.batches)) == (gpu.LABELS, gpu.BATCHES)
