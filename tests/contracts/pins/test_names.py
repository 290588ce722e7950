"""Names that stand in strings: no type checker sees where they lead."""

from __future__ import annotations

import importlib
import re
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

import pytest

from sizewise import __version__
from sizewise.core.discover import discover
from sizewise.core.rooms import ROOMS
from tests.contracts.pins.sources import MODULE_OF_US, ROOT, SOURCES, held_in

_TARGET = re.compile(r"([a-z_]\w*(?:\.\w+)*):([A-Za-z_]\w*)")

FOLDERS = {
    ("engines.backends", "BACKENDS"): {
        *("fake", "onnxruntime", "onnxruntime_cuda", "onnxruntime_tensorrt", "openvino"),
        *("tensorrt", "tensorrt_rtx", "torch_compile", "torch_cuda", "torch_eager"),
    },
    ("netzoo.backbones", "BACKBONES"): {
        *("convnet", "cspdarknet", "darknet19", "darknet53", "edgenext_xx_small"),
        *("efficientnet_b0", "pvt_v2_b0", "pvt_v2_b2", "resnet18", "resnet50", "tiny"),
    },
    ("netzoo.tasks.kinds", "TASKS"): {"classification", "detection", "segmentation"},
    ("netzoo.fusions", "FUSIONS"): {
        *("absi", "adaptive", "average", "concat", "deformable", "hierarchical", "single"),
    },
    ("netzoo.networks", "NETWORKS"): {
        *("darknet19", "darknet53", "multiscale", "yolo9000", "yolov2", "yolov2-tiny"),
        *("yolov2-voc", "yolov3", "yolov3-spp", "yolov3-tiny", "yolov4-csp", "yolov4-p5"),
        *("yolov4", "yolov4-p6", "yolov4-p7", "yolov4-tiny"),
    },
    ("netzoo.losses", "LOSSES"): {"cross_entropy", "dense", "joint", "masks", "paper"},
    ("netzoo.data.sets", "DATASETS"): {"digits"},
    ("exporter.precisions", "PRECISIONS"): {
        *("bf16", "fp16", "fp32", "fp8", "int8"),
        *("int8+fp16", "int8+bf16", "fp8+fp16"),
    },
    ("sizewise.pipeline.preparation.traffic.made", "TRAFFIC"): {
        *("documents", "photographs", "video-crops"),
    },
    ("exporter.calibration.methods", "METHODS"): {"entropy", "minmax", "mse", "percentile"},
}


def _strings(*folders: str) -> set[str]:
    return set[str]().union(*(held_in(folder).strings for folder in folders))


_TYPES_OF_CHARTS = {"Q", "N", "O"}
"""``engines:Q`` is a column of a chart, to Altair: a quantity."""


def _targets(*folders: str) -> set[tuple[str, str]]:
    """``module:name`` where the module is one of ours."""
    matches = filter(None, map(_TARGET.fullmatch, _strings(*folders)))
    return {
        (m[1], m[2])
        for m in matches
        if m[1].partition(".")[0] in SOURCES and m[2] not in _TYPES_OF_CHARTS
    }


def test_every_target_of_a_child_resolves() -> None:
    targets = _targets(*SOURCES, "tests/bench", "tests/engines")
    for module, name in targets:
        assert callable(getattr(importlib.import_module(module), name)), f"{module}:{name}"
    assert {"Worker", "build_engine", "compare_engine", "peak_bytes"} <= {n for _, n in targets}


def test_the_targets_in_our_own_code_are_these() -> None:
    assert {name for _, name in _targets(*SOURCES)} == {
        *("Worker", "AnchorWorker", "build_engine", "compare_engine", "outputs_not_finite"),
        *("BareWorker", "Burner", "InputWorker", "time_nothing", "write_program"),
        *("profile_engine", "OpenEngine", "describe", "obtain", "run_stream", "evaluate_plan"),
        "peak",
    }


def test_the_module_that_a_child_runs_is_there() -> None:
    named = {s for s in _strings(*SOURCES) if MODULE_OF_US.fullmatch(s)}
    (main,) = {name for name in named if name.endswith(".children.main")}
    assert find_spec(main) is not None


@pytest.mark.parametrize(("package", "attribute"), FOLDERS)
def test_a_folder_lists_its_members(package: str, attribute: str) -> None:
    assert set(discover(package, attribute)) == FOLDERS[package, attribute]


def test_these_folders_are_all_that_are_listed() -> None:
    asked = set[tuple[str, str]]().union(*(held_in(room).asked for room in SOURCES))
    assert asked == set(FOLDERS)


def _project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_hatch_reads_the_version_that_python_sees() -> None:
    hatch = _project()["tool"]["hatch"]["version"]
    text = (ROOT / hatch["path"]).read_text(encoding="utf-8")
    (found,) = re.findall(r"^__version__ = \"(.*)\"$", text, re.MULTILINE)
    assert found == __version__ == "0.1.0"


def test_the_wheel_holds_these_packages_alone() -> None:
    wheel = _project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    expected = ["sizewise", "netzoo", "exporter", "engines", "bench", "reports"]
    assert wheel["packages"] == expected
    assert set(SOURCES) == set(expected)


def test_the_console_script_calls_main() -> None:
    assert _project()["project"]["scripts"] == {"sizewise": "sizewise.cli:main"}
    (script,) = (e for e in entry_points(group="console_scripts") if e.name == "sizewise")
    assert script.value == "sizewise.cli:main"
    assert callable(script.load())


def test_a_command_line_can_be_run_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    from sizewise.cli.front import run_command_line

    assert run_command_line(["--version"]) == 0
    assert capsys.readouterr().out == "sizewise 0.1.0\n"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_bears_its_mark(room: str) -> None:
    first = (ROOT / room / "__init__.py").read_text(encoding="utf-8").splitlines()[0]
    assert "sizewise room:" in first


def test_what_the_makefile_runs_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    modules = re.findall(r"/python -m ((?:examples|docs)[\w.]*)", makefile)
    files = re.findall(r"/python ((?:examples|docs)\S+\.py)", makefile)
    configurations = re.findall(r"/sizewise run (\S+\.toml)", makefile)
    paths = [f"{module.replace('.', '/')}.py" for module in modules]
    missing = [p for p in (*paths, *files, *configurations) if not (ROOT / p).is_file()]
    assert not missing
    assert len(modules) >= 9
    assert configurations == ["examples/digits.toml"]
