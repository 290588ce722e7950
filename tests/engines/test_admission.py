"""What is refused before anything is built, and with which reason code."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from engines.admission import admit
from engines.backends.fake import FakeOptions
from engines.base import Backend
from engines.registry import backends, find_backend
from sizewise.core.errors import EngineMismatchError, UsageError
from sizewise.core.specs import BackendOptions, BatchRange, EngineSpec, ExportedModel, Profile, Size
from tests.engines.nets import unwritten_net

GOOD = EngineSpec(
    backend="fake",
    strategy="static",
    profiles=(Profile.fixed(Size(64, 96)),),
    options=FakeOptions(),
)
RANGE = Profile.spanning([Size(64, 64), Size(128, 128)])


@dataclass(frozen=True, kw_only=True)
class OtherOptions(BackendOptions):
    pass


def refusal(backend: Backend, exported: ExportedModel, spec: EngineSpec) -> EngineMismatchError:
    with pytest.raises(EngineMismatchError) as caught:
        admit(backend, exported, spec)
    return caught.value


@pytest.mark.parametrize("precision", ["int8+fp16", "int8+bf16"])
def test_onnx_runtime_says_why_it_takes_no_rest_in_16_bits(precision: str) -> None:
    backend = find_backend("onnxruntime")
    spec = replace(GOOD, backend="onnxruntime", options=backend.options_type())
    said = str(refusal(backend, unwritten_net(precision=precision), spec))
    assert "on the CPU; it takes fp32" in said or "run in float32; it takes fp32" in said


def test_a_good_specification_passes() -> None:
    admit(find_backend("fake"), unwritten_net(), GOOD)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"profiles": ()}, "unsupported_strategy"),
        ({"profiles": (RANGE,)}, "unsupported_strategy"),
        ({"profiles": GOOD.profiles * 2}, "unsupported_strategy"),
        ({"strategy": "dynamic", "profiles": (RANGE, RANGE)}, "unsupported_strategy"),
        ({"graph_fusion": "fastest"}, "unsupported_graph_fusion"),
        ({"options": BackendOptions()}, "unsupported_options"),
        ({"options": OtherOptions()}, "unsupported_options"),
        ({"threads": 0}, "unsupported_options"),
        ({"streams": 0}, "unsupported_options"),
        ({"batch_size": 0}, "unsupported_options"),
        ({"batch_range": BatchRange(2, 4)}, "unsupported_batch"),
        ({"batch_size": 5, "batch_range": BatchRange(2, 4)}, "unsupported_batch"),
        ({"batch_range": BatchRange(0, 4)}, "unsupported_batch"),
        ({"profiles": (Profile.fixed(Size(64, 100)),)}, "unsupported_size"),
    ],
)
def test_what_can_not_be_built_is_refused_with_its_code(
    change: dict[str, object], code: str
) -> None:
    spec = replace(GOOD, **change)  # type: ignore[arg-type]
    assert refusal(find_backend("fake"), unwritten_net(), spec).reason_code == code


@pytest.mark.parametrize("backend", backends().values(), ids=lambda b: b.name)
def test_every_back_end_refuses_what_it_does_not_offer(backend: Backend) -> None:
    def spec(strategy: str, graph_fusion: str, streams: int = 1) -> EngineSpec:
        profile = Profile.fixed(Size(64, 64)) if strategy == "static" else RANGE
        return EngineSpec(
            backend=backend.name,
            strategy=strategy,  # type: ignore[arg-type]
            profiles=(profile,),
            graph_fusion=graph_fusion,
            streams=streams,
            options=backend.options_type(),
        )

    default = backend.default_graph_fusion
    for strategy in {"static", "dynamic", "profiles"} - {*backend.strategies}:
        found = refusal(backend, unwritten_net(), spec(strategy, default))
        assert found.reason_code == "unsupported_strategy"
    offered = backend.strategies[0]
    for level in {"none", "basic", "extended", "all"} - {*backend.graph_fusions}:
        found = refusal(backend, unwritten_net(), spec(offered, level))
        assert found.reason_code == "unsupported_graph_fusion"
        assert ", ".join(backend.graph_fusions) in str(found)
    for precision in {"fp32", "fp16", "bf16", "int8", "fp8", "int8+fp16", "fp3"} - {
        *backend.precisions
    }:
        found = refusal(backend, unwritten_net(precision=precision), spec(offered, default))
        assert found.reason_code == "unsupported_precision"
    if not backend.takes_streams:
        found = refusal(backend, unwritten_net(), spec(offered, default, streams=2))
        assert found.reason_code == "unsupported_options"
    if not backend.takes_batch_ranges:
        ranged = replace(spec(offered, default), batch_range=BatchRange(1, 4))
        found = refusal(backend, unwritten_net(), ranged)
        assert found.reason_code == "unsupported_batch"
        assert "not a range (1 to 4)" in str(found)
    assert default in backend.graph_fusions


def test_a_range_must_fit_a_file_of_one_batch_size_at_both_ends() -> None:
    (tensor,) = unwritten_net().inputs
    for fixed in (1, 2, 4):
        inputs = (replace(tensor, shape=(fixed, *tensor.shape[1:])),)
        model = replace(unwritten_net(), inputs=inputs)
        for batches in (BatchRange(1, 4), BatchRange(2, 4), BatchRange(1, 2)):
            spec = replace(GOOD, batch_size=2, batch_range=batches)
            found = refusal(find_backend("fake"), model, spec)
            assert found.reason_code == "unsupported_size"
            assert f"its batch is fixed to {fixed}" in str(found)
        admit(find_backend("fake"), model, replace(GOOD, batch_size=fixed))


def test_an_unknown_back_end_lists_those_there_are_but_not_the_one_for_tests() -> None:
    with pytest.raises(UsageError) as caught:
        find_backend("warp")
    assert "tensorrt, tensorrt_rtx, torch_compile, torch_cuda, torch_eager" in str(caught.value)
    assert "fake" not in str(caught.value)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_operators_of_domains_that_nobody_defines_are_named(name: str) -> None:
    backend = find_backend(name)
    spec = replace(GOOD, backend=name, options=BackendOptions())
    admit(backend, unwritten_net(), spec)
    found = refusal(backend, replace(unwritten_net(), foreign=("their.own (Sort, Warp)",)), spec)
    assert found.reason_code == "unsupported_operator"
    assert "their.own (Sort, Warp)" in found.why
