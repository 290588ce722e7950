from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.tensorrt.log import Messages, make_logger
from sizewise.core.specs import EngineMemory, ExportedModel
from tests.engines.nets import weights, write_net
from tests.engines.tensorrt.build.builds import trt

Shape = tuple[int, int, int, int]
Tweak = Callable[[Any], None]
SEVERITIES = ("INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE")
NO_DRIVER = (
    "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (In catchCudaError at "
    "/_src/common/dispatch/checkMacros.cpp:250 (cudaError 35: CUDA driver version is insufficient "
    "for CUDA runtime version))"
)
OUT_OF_MEMORY = (
    "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (In catchCudaError at "
    "/_src/common/dispatch/checkMacros.cpp:250 (cudaError 2: out of memory))"
)


def square(side: int, batch: int = 1) -> Shape:
    return (batch, 3, side, side)


def heard(model: ExportedModel, *profiles: tuple[Shape, Shape, Shape], tweak: Tweak) -> Messages:
    """What the library says of a build that nobody of ours stands between."""
    messages = Messages()
    logger = make_logger(trt, messages)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    assert trt.OnnxParser(network, logger).parse(model.path.read_bytes())
    config = builder.create_builder_config()
    tweak(config)
    for shapes in profiles:
        profile = builder.create_optimization_profile()
        profile.set_shape("images", *shapes)
        config.add_optimization_profile(profile)
    builder.build_serialized_network(network, config)
    return messages


def _nothing(config: Any) -> None:
    del config


def _one_byte(config: Any) -> None:
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, 1)


def _all_since_ampere(config: Any) -> None:
    config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS


SPAN = (square(64), square(96), square(128))
FAILURES: dict[str, tuple[list[tuple[Shape, Shape, Shape]], Tweak, str]] = {
    "no profile": ([], _nothing, "no optimization profile has been defined"),
    "min > opt": ([(square(128), square(96), square(128))], _nothing, "satisfy MIN<=OPT<=MAX"),
    "batch > opt": ([(square(64, 4), square(64, 2), square(64, 8))], _nothing, "MIN<=OPT<=MAX"),
    "channels": ([((1, 4, 64, 64),) * 3], _nothing, "profile has min=4, opt=4, max=4"),
    "workspace": ([SPAN], _one_byte, "no tactics to implement the operation within workspace"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_the_reason_is_the_librarys_sentence_without_the_lines_of_its_source(
    net: ExportedModel, case: str
) -> None:
    profiles, tweak, said = FAILURES[case]
    reason = heard(net, *profiles, tweak=tweak).reason()
    assert said in reason
    for place in ("/_src", ".cpp", ".h:", " In ", "  ", "cudaError"):
        assert place not in reason


def test_a_build_that_succeeds_has_no_reason(net: ExportedModel) -> None:
    messages = heard(net, SPAN, tweak=_nothing)
    assert (messages.reason(), messages.errors, messages.refusals()) == ("", [], [])


@pytest.mark.parametrize("profiles", [1, 3])
def test_memory_is_told_profile_by_profile_and_grows_with_the_largest_size(
    net: ExportedModel, profiles: int
) -> None:
    sides = (64, 128, 512)[:profiles]
    spans = [(square(32), square(side), square(side)) for side in sides]
    memory = heard(net, *spans, tweak=_nothing).memory()
    assert memory is not None
    assert len(memory.context_bytes) == profiles
    assert list(memory.context_bytes) == sorted(memory.context_bytes)
    assert memory.context_bytes[-1] >= 4 * 8 * (sides[-1] // 2) ** 2  # of the first convolution
    assert profiles == 1 or memory.context_bytes[0] < memory.context_bytes[-1]


def test_weights_are_those_of_the_file(tmp_path: Path) -> None:
    """Each on its own alignment."""
    memory = heard(write_net(tmp_path / "net.onnx"), SPAN, tweak=_nothing).memory()
    assert memory is not None
    needed = sum(array.nbytes for array in weights().values())
    assert needed <= memory.weights_bytes <= needed + 1024 * len(weights())


def test_memory_is_not_known_where_nothing_was_built(net: ExportedModel) -> None:
    assert heard(net, tweak=_nothing).memory() is None


def test_memory_is_of_the_lines_that_the_library_writes() -> None:
    messages = Messages()
    for text in (
        "Total Activation Memory: 300 bytes",
        "Total Activation Memory: 100 bytes",
        "Max Scratch Memory: 7 bytes",
        "Total Weights Memory: 50 bytes",
    ):
        messages.add("INFO", text)
    assert messages.memory() == EngineMemory(weights_bytes=50, context_bytes=(300, 100))


@pytest.mark.parametrize("kind", ["Activation", "Weights"])
def test_memory_that_is_told_in_part_is_not_known(kind: str) -> None:
    messages = Messages()
    messages.add("INFO", f"Total {kind} Memory: 300 bytes")
    assert messages.memory() is None


def test_an_option_without_effect_is_a_refusal(net: ExportedModel) -> None:
    messages = heard(net, SPAN, tweak=_all_since_ampere)
    assert messages.refusals() == [
        "setHardwareCompatibilityLevel() is unsupported in TensorRT-RTX."
    ]
    assert messages.reason() == ""


def test_what_every_machine_without_a_driver_says_is_no_reason_beside_another() -> None:
    messages = Messages()
    messages.add("ERROR", NO_DRIVER)
    messages.add("ERROR", "Unable to load the model. In load at /_src/loader.cpp:12")
    messages.add("INTERNAL_ERROR", "Thread context has not been set")
    assert messages.reason() == "Unable to load the model."


def test_it_is_the_reason_where_there_is_no_other() -> None:
    messages = Messages()
    messages.add("ERROR", NO_DRIVER)
    assert "CUDA driver version is insufficient" in messages.reason()
    assert ".cpp" not in messages.reason()


def test_memory_that_runs_out_is_a_reason_beside_another() -> None:
    """It comes through the same function of the library as the missing driver."""
    messages = Messages()
    messages.add("ERROR", "Requested amount of GPU memory could not be allocated.")
    messages.add("ERROR", OUT_OF_MEMORY)
    assert messages.reason().endswith("cudaError 2: out of memory))")


def test_reasons_are_counted_from_where_one_stands() -> None:
    messages = Messages()
    messages.add("ERROR", "before")
    since = len(messages.errors)
    assert messages.reason(since) == ""
    messages.add("ERROR", "after")
    messages.add("ERROR", "after")
    assert messages.reason(since) == "after"
    assert messages.reason() == "before; after"


@given(st.lists(st.tuples(st.sampled_from(SEVERITIES), st.text(max_size=300)), max_size=8))
def test_whatever_is_said_the_reason_is_one_line_of_bounded_length(
    said: list[tuple[str, str]],
) -> None:
    messages = Messages()
    for severity, text in said:
        messages.add(severity, text)
    reason = messages.reason()
    assert len(reason) <= 500
    assert len(reason.splitlines()) <= 1
    assert len(messages.errors) == sum("ERROR" in severity for severity, _ in said)
    assert len(messages.warnings) == sum(severity == "WARNING" for severity, _ in said)
