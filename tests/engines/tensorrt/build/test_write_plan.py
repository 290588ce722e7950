from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.suppression.convert import with_suppression
from sizewise.core.errors import BuildError, EngineMismatchError
from sizewise.core.machine.nvidia import find_devices
from sizewise.core.specs import (
    BatchRange,
    EngineMemory,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
    Suppression,
)
from tests.engines.nets import write_net, write_sized
from tests.engines.tensorrt.build.builds import STRATEGIES, built, spec_of
from tests.engines.typed_nets import write_quantized_net, write_typed_net
from tests.exporter.detectors import write_cells


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_is_built_and_says_what_memory_it_needs(
    net: ExportedModel, tmp_path: Path, strategy: str
) -> None:
    spec = spec_of(strategy)
    found = built(net, spec, tmp_path / "plan")
    assert (tmp_path / "plan").stat().st_size > 0
    assert isinstance(found.memory, EngineMemory)
    assert len(found.memory.context_bytes) == len(spec.profiles)
    assert found.memory.weights_bytes > 0


def test_a_larger_batch_needs_more_memory_to_be_called_and_the_same_weights(
    net: ExportedModel, tmp_path: Path
) -> None:
    one = built(net, spec_of("dynamic"), tmp_path / "one").memory
    up_to_8 = built(
        net,
        spec_of("dynamic", batch_size=4, batch_range=BatchRange(1, 8)),
        tmp_path / "eight",
    ).memory
    assert one is not None
    assert up_to_8 is not None
    assert up_to_8.weights_bytes == one.weights_bytes
    assert up_to_8.context_bytes[0] > one.context_bytes[0]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("batch", [(1, 1, 1), (2, 2, 2), (1, 3, 8)])
def test_batch_ranges(
    net: ExportedModel, tmp_path: Path, strategy: str, batch: tuple[int, int, int]
) -> None:
    least, tuned, most = batch
    spec = spec_of(strategy, batch_size=tuned, batch_range=BatchRange(least, most))
    assert built(net, spec, tmp_path / "plan").memory is not None


def test_what_is_built_is_decided_by_the_specification_and_never_by_bytes(
    net: ExportedModel, tmp_path: Path
) -> None:
    """Two builds of one specification need the same memory; their bytes may differ."""
    one, two = (built(net, spec_of("profiles"), tmp_path / name) for name in ("one", "two"))
    assert one == two


def test_a_build_reports_how_far_it_is(net: ExportedModel, tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    built(
        net,
        spec_of("profiles"),
        tmp_path / "plan",
        report=lambda done, note: heard.append((done, note)),
    )
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len({note for _, note in heard}) > 5


@pytest.mark.parametrize("after", [0, 5, 40])
def test_a_build_that_is_cancelled_ends_and_leaves_no_plan(
    net: ExportedModel, tmp_path: Path, after: int
) -> None:
    heard: list[str] = []
    with pytest.raises(BuildError, match="the build was cancelled"):
        built(
            net,
            spec_of("dynamic"),
            tmp_path / "plan",
            report=lambda _, note: heard.append(note),
            cancelled=lambda: len(heard) > after,
        )
    assert not (tmp_path / "plan").exists()
    assert len(heard) < 3 * after + 30


def _with(spec: EngineSpec, **sizes: Size) -> EngineSpec:
    return replace(spec, profiles=(replace(spec.profiles[0], **sizes),))


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        (replace(spec_of("dynamic"), profiles=()), "error", "no optimization profile"),
        (_with(spec_of("dynamic"), opt=Size(32, 32)), "unsupported_size", "MIN<=OPT<=MAX"),
        (
            spec_of("dynamic", batch_size=4, batch_range=BatchRange(5, 8)),
            "unsupported_size",
            "MIN<=OPT<=MAX",
        ),
        (spec_of("dynamic", version_compatible=True), "unsupported_options", "Unable to load"),
    ],
    ids=["no profile", "min > opt", "batch > opt", "lean runtime"],
)
def test_what_can_not_be_built_is_said_in_the_librarys_own_words(
    net: ExportedModel, tmp_path: Path, spec: EngineSpec, code: str, said: str
) -> None:
    with pytest.raises(BuildError) as failure:
        built(net, spec, tmp_path / "plan")
    assert failure.value.reason_code == code
    assert said in str(failure.value)
    assert not (tmp_path / "plan").exists()


@pytest.mark.skipif(bool(find_devices().found), reason="with a driver it can be built")
@pytest.mark.parametrize("weights", ["stripped", "refittable"])
def test_weights_that_change_want_a_driver(
    net: ExportedModel, tmp_path: Path, weights: str
) -> None:
    with pytest.raises(BuildError, match="NVIDIA driver") as failure:
        built(net, spec_of("dynamic", weights=weights), tmp_path / "plan")
    assert failure.value.reason_code == "unsupported_options"
    assert not (tmp_path / "plan").exists()


def test_too_little_workspace_is_no_memory(net: ExportedModel, tmp_path: Path) -> None:
    """The least that can be asked for is one MiB: too little for the maps of large images."""
    large = replace(spec_of("static", workspace_mib=1), profiles=(Profile.fixed(Size(1024, 1024)),))
    with pytest.raises(BuildError, match=r"(?i)memory|workspace") as failure:
        built(net, large, tmp_path / "plan")
    assert failure.value.reason_code == "oom_device"


def test_a_model_of_one_size_is_built_for_it(tmp_path: Path) -> None:
    fixed = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96))
    assert built(fixed, spec_of("static"), tmp_path / "plan").memory is not None


def test_channels_may_come_last(tmp_path: Path) -> None:
    model = write_net(tmp_path / "last.onnx", channels_last=True)
    assert built(model, spec_of("dynamic"), tmp_path / "plan").memory is not None


def test_an_option_that_the_library_does_not_have_is_refused(
    net: ExportedModel, tmp_path: Path
) -> None:
    with pytest.raises(EngineMismatchError, match=r"9\.0 is not among .*8\.9") as failure:
        built(net, spec_of("dynamic", capabilities=("9.0",)), tmp_path / "plan")
    assert failure.value.reason_code == "unsupported_options"


def test_a_layer_that_the_library_has_no_kernel_for_is_an_unsupported_operator(
    tmp_path: Path,
) -> None:
    """TensorRT for RTX parses suppression, and can't build it."""
    cells = write_cells(tmp_path / "cells.onnx")
    model = with_suppression(cells, Suppression(), tmp_path / "nms.onnx")
    with pytest.raises(BuildError, match="without NMS") as failure:
        built(model, spec_of("static"), tmp_path / "plan")
    assert failure.value.reason_code == "unsupported_operator"


@pytest.mark.parametrize(
    ("precision", "capability", "takes"),
    [
        ("bf16", "7.5", False),
        ("bf16", "8.0", True),
        ("fp8", "8.6", False),
        ("fp8", "8.9", True),
        ("fp16", "7.5", True),
        ("int8", "7.5", True),
    ],
)
def test_a_precision_that_the_gpus_lack_is_refused(
    tmp_path: Path, *, precision: str, capability: str, takes: bool
) -> None:
    write = write_typed_net if precision in ("fp16", "bf16") else write_quantized_net
    model = write(tmp_path / "net.onnx", precision)
    spec = spec_of("static", capabilities=(capability,))
    if takes:
        assert built(model, spec, tmp_path / "plan").memory is not None
        return
    with pytest.raises(BuildError, match="Cannot compile for target") as failure:
        built(model, spec, tmp_path / "plan")
    assert failure.value.reason_code == "unsupported_precision"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_inputs_beside_the_picture_have_shapes_in_each_profile(
    tmp_path: Path, strategy: str
) -> None:
    model = write_sized(tmp_path / "sized.onnx")
    assert [one.name for one in model.inputs] == ["im_size", "images", "mask", "threshold"]
    found = built(model, spec_of(strategy), tmp_path / "plan")
    assert found.memory is not None
    assert len(found.memory.context_bytes) == len(spec_of(strategy).profiles)
