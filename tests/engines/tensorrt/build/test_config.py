from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from engines.tensorrt.build.config import LEVELS, configure
from engines.tensorrt.log import Messages, make_logger
from engines.tensorrt.options import DataCentreOptions
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import EngineSpec
from tests.engines.tensorrt.build.builds import spec_of, trt


def configured(spec: EngineSpec) -> Any:
    messages = Messages()
    builder = trt.Builder(make_logger(trt, messages))
    return configure(trt, builder, spec, messages)


def test_nothing_asked_leaves_the_library_its_own_but_for_tf32() -> None:
    config = configured(spec_of("dynamic", cuda_graphs=False))
    usual = trt.Builder(trt.Logger()).create_builder_config()
    pool = trt.MemoryPoolType.WORKSPACE
    assert config.get_memory_pool_limit(pool) == usual.get_memory_pool_limit(pool)
    assert config.tiling_optimization_level == usual.tiling_optimization_level
    assert config.builder_optimization_level == usual.builder_optimization_level
    assert usual.get_flag(trt.BuilderFlag.TF32)
    assert not config.get_flag(trt.BuilderFlag.TF32)
    assert config.flags == usual.flags & ~(1 << int(trt.BuilderFlag.TF32))


@pytest.mark.parametrize("fusion", LEVELS)
def test_graph_fusion_is_the_builders_level(fusion: str) -> None:
    config = configured(spec_of("dynamic", graph_fusion=fusion))
    assert config.builder_optimization_level == LEVELS[fusion]


def test_what_is_asked_is_what_is_set() -> None:
    config = configured(
        spec_of(
            "dynamic",
            workspace_mib=100,
            tiling="moderate",
            tf32=True,
            version_compatible=True,
            weights="stripped",
            capabilities=("7.5", "12.0"),
        )
    )
    flags = trt.BuilderFlag
    assert config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE) == 100 * 2**20
    assert config.tiling_optimization_level == trt.TilingOptimizationLevel.MODERATE
    for flag in (flags.TF32, flags.VERSION_COMPATIBLE, flags.STRIP_PLAN, flags.REFIT_IDENTICAL):
        assert config.get_flag(flag)
    assert [config.get_compute_capability(number) for number in range(2)] == [
        trt.ComputeCapability.SM75,
        trt.ComputeCapability.SM120,
    ]


def test_calls_that_are_to_be_captured_bring_their_memory() -> None:
    flag = trt.BuilderFlag.REQUIRE_USER_ALLOCATION
    assert configured(spec_of("dynamic")).get_flag(flag)
    assert not configured(spec_of("dynamic", cuda_graphs=False)).get_flag(flag)


def test_the_inspector_will_be_able_to_tell_types() -> None:
    verbosity = configured(spec_of("static")).profiling_verbosity
    assert verbosity == trt.ProfilingVerbosity.DETAILED


@pytest.mark.parametrize("hardware", ["same_capability", "ampere_plus"])
def test_what_the_library_warns_has_no_effect_is_refused(hardware: Any) -> None:
    """Hardware compatibility is TensorRT's; that for RTX only warns."""
    spec = replace(spec_of("dynamic"), options=DataCentreOptions(hardware=hardware))
    with pytest.raises(EngineMismatchError, match="unsupported in TensorRT-RTX") as failure:
        configured(spec)
    assert failure.value.reason_code == "unsupported_options"


@pytest.mark.parametrize("capability", ["9.0", "5.2"])
def test_a_capability_that_there_is_not_is_refused_with_those_there_are(capability: str) -> None:
    with pytest.raises(EngineMismatchError, match=r"not among 7\.5, .*12\.0") as failure:
        configured(spec_of("dynamic", capabilities=(capability,)))
    assert failure.value.reason_code == "unsupported_options"


def test_what_an_older_version_does_not_have_is_refused_by_its_name() -> None:
    """TensorRT before 10.9 knows no tiling."""

    class Config:
        def set_flag(self, flag: Any) -> None: ...

        def clear_flag(self, flag: Any) -> None: ...

    module = SimpleNamespace(
        __name__="tensorrt",
        __version__="10.8.0",
        BuilderFlag=trt.BuilderFlag,
        ProfilingVerbosity=trt.ProfilingVerbosity,
    )
    builder = SimpleNamespace(create_builder_config=Config)
    spec = replace(spec_of("dynamic"), options=DataCentreOptions(tiling="full"))
    with pytest.raises(EngineMismatchError, match=r"tiling: tensorrt 10\.8\.0") as failure:
        configure(module, builder, spec, Messages())
    assert failure.value.reason_code == "unsupported_options"
