"""The builder's configuration. An option that the library does not take is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from engines.tensorrt.log import Messages
from engines.tensorrt.options import DataCentreOptions, RtxOptions, TensorRtOptions
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import EngineSpec

LEVELS = {"none": 0, "basic": 1, "extended": 3, "all": 5}
"""Our graph fusion → the builder's optimisation level; 3 is its default, 5 takes far longer."""
_FLAGS = {"refittable": ("REFIT",), "stripped": ("STRIP_PLAN", "REFIT_IDENTICAL")}
_HARDWARE = {"same_capability": "SAME_COMPUTE_CAPABILITY", "ampere_plus": "AMPERE_PLUS"}

Setting = tuple[str, Callable[[], None]]


def configure(trt: Any, builder: Any, spec: EngineSpec, messages: Messages) -> Any:
    """A configuration without profiles. Raises EngineMismatchError (``unsupported_options``) with
    the library's own words."""
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # the inspector tells types then
    for option, setting in _settings(trt, config, spec):
        errors, refusals = len(messages.errors), len(messages.refusals())
        try:
            setting()
        except AttributeError as error:
            raise _refused(spec, option, f"{trt.__name__} {trt.__version__}: {error}") from error
        except (TypeError, ValueError) as error:
            raise _refused(spec, option, str(error)) from error
        why = messages.reason(errors) or "; ".join(messages.refusals()[refusals:])
        if why:
            raise _refused(spec, option, why)
    return config


def _settings(trt: Any, config: Any, spec: EngineSpec) -> Iterator[Setting]:
    options = cast(TensorRtOptions, spec.options)  # admission has checked it
    yield from _common(trt, config, spec, options)
    if isinstance(options, DataCentreOptions) and options.hardware != "this":
        level = _HARDWARE[options.hardware]
        yield "hardware", partial(_set_hardware, trt, config, level)
    if isinstance(options, RtxOptions) and options.cuda_graphs:
        # Without it calls can't be captured (TensorRT-RTX 1.2, release notes).
        yield "cuda_graphs", partial(_set_flag, trt, config, "REQUIRE_USER_ALLOCATION")
    if isinstance(options, RtxOptions) and options.capabilities:
        yield "capabilities", partial(_set_capabilities, trt, config, options.capabilities)


def _common(trt: Any, config: Any, spec: EngineSpec, options: TensorRtOptions) -> Iterator[Setting]:
    level = LEVELS[spec.graph_fusion]
    yield "graph fusion", lambda: setattr(config, "builder_optimization_level", level)
    yield "tf32", partial(_set_flag, trt, config, "TF32", on=options.tf32)
    if options.workspace_mib:
        pool, size = trt.MemoryPoolType.WORKSPACE, options.workspace_mib * 2**20
        yield "workspace_mib", lambda: config.set_memory_pool_limit(pool, size)
    if options.tiling != "none":
        yield "tiling", partial(_set_tiling, trt, config, options.tiling.upper())
    if options.version_compatible:
        yield "version_compatible", partial(_set_flag, trt, config, "VERSION_COMPATIBLE")
    for name in _FLAGS.get(options.weights, ()):
        yield "weights", partial(_set_flag, trt, config, name)


def _set_flag(trt: Any, config: Any, name: str, *, on: bool = True) -> None:
    flag = getattr(trt.BuilderFlag, name)
    if on:
        config.set_flag(flag)
    else:
        config.clear_flag(flag)


def _set_tiling(trt: Any, config: Any, level: str) -> None:
    config.tiling_optimization_level = getattr(trt.TilingOptimizationLevel, level)


def _set_hardware(trt: Any, config: Any, level: str) -> None:
    config.hardware_compatibility_level = getattr(trt.HardwareCompatibilityLevel, level)


def _set_capabilities(trt: Any, config: Any, capabilities: tuple[str, ...]) -> None:
    known = {name for name in dir(trt.ComputeCapability) if name.startswith("SM")}
    config.num_compute_capabilities = len(capabilities)
    for number, capability in enumerate(capabilities):
        name = f"SM{capability.replace('.', '')}"
        if name not in known:
            listed = ", ".join(sorted((f"{n[2:-1]}.{n[-1]}" for n in known), key=float))
            raise ValueError(f"compute capability {capability} is not among {listed}")
        config.set_compute_capability(getattr(trt.ComputeCapability, name), number)


def _refused(spec: EngineSpec, option: str, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"{spec.backend} does not take the option {option}",
        why,
        "Leave it out, or choose another value or version.",
        reason_code="unsupported_options",
    )
