"""Options of ONNX Runtime's sessions, and the entries that they make of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from engines.backends._quantized.saturation import clips_sums
from engines.subnormals import CpuOptions
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import BackendOptions

STOP = "session.force_spinning_stop"
PRODUCTS = "session.x64quantprecision"
_SPIN = "session.intra_op.allow_spinning"
_SPIN_BETWEEN = "session.inter_op.allow_spinning"
_FLUSH = "session.set_denormal_as_zero"


def ours() -> Mapping[str, str]:
    """Entries of every session, unless a user's own say otherwise.

    Within a call, threads spin as ONNX Runtime's default has them. At its end they stop: spinning
    on for 33 ms, they would take the core from whatever is measured next. Without VNNI, products of
    uint8 and int8 overflow their 16 bits: there in uint8 alone, which takes half as long again and
    is right. With VNNI that would take twice as long for nothing.
    """
    return {STOP: "1", PRODUCTS: "1" if clips_sums() else "0"}


_SPINNING: Mapping[str, Mapping[str, str]] = {
    "call": {},
    "always": {STOP: "0"},
    "never": {_SPIN: "0", _SPIN_BETWEEN: "0"},
}
_OF_SPINNING = (STOP, _SPIN, _SPIN_BETWEEN)
_ELSEWHERE: Mapping[str, str] = {
    _FLUSH: "flush_subnormals",
    "session.execution_mode": "execution_mode",
    "session.inter_op_num_threads": "inter_op_threads",
    "session.enable_cpu_mem_arena": "arena",
    "session.enable_mem_pattern": "memory_pattern",
    "session.intra_op_num_threads": "threads",
    "session.graph_optimization_level": "graph_fusion",
}
"""Entries that ONNX Runtime does not read, or that are not the whole of it, with our options."""
_OF_FILES = (
    *("ep.context_", "session.load_", "session.save_", "session.optimized_model_"),
    *("session.model_external_", "session.enable_profiling", "session.log_", "session.compile_"),
    *("session.disable_model_compile", "session.use_env_allocators"),
)
"""They begin entries that say where an engine is read and written, which is ours to say."""
SWITCHES = frozenset(
    {
        *_OF_SPINNING,
        *(PRODUCTS, "session.allow_released_opsets_only", "session.debug_layout_transformation"),
        *("session.disable_aot_function_inlining", "session.disable_cpu_ep_fallback"),
        *("session.disable_double_qdq_remover", "session.disable_prepacking"),
        *("session.disable_quant_qdq", "session.enable_quant_qdq_cleanup"),
        *("session.qdqisint8allowed", "session.strict_shape_type_inference"),
        *("session.use_device_allocator_for_initializers",),
        *("session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers"),
        *("optimization.enable_gelu_approximation", "mlas.enable_gemm_fastmath_arm64_bfloat16"),
    }
)
"""Entries that are 0 or 1 (``onnxruntime_session_options_config_keys.h``)."""
_CORRECT = "Correct it, or leave it out."


@dataclass(frozen=True, kw_only=True)
class OnnxRuntimeOptions(BackendOptions):
    """Options of every session of ONNX Runtime. Raises UsageError for values that make no sense.

    ``spinning`` says how threads wait for work: they spin within a ``call``, ``always`` (also
    between calls, as ONNX Runtime has it by default) or ``never``. ``arena`` keeps the memory of
    earlier calls on the CPU, ``memory_pattern`` plans it by their shapes. ``session_config`` are
    entries KEY=VALUE of the session's configuration.
    """

    plain_at_default: ClassVar[bool] = True

    spinning: Literal["call", "always", "never"] = "call"
    arena: bool = True
    memory_pattern: bool = True
    session_config: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = _read(self.session_config)
        for key, value in given.items():
            _demand_free(key)
            _demand_switch(key, value)
        said = [key for key in given if key in _OF_SPINNING]
        if self.spinning != "call" and said:
            raise _refused(f"spinning is {self.spinning}, and {said[0]} says how threads wait, too")

    @property
    def given(self) -> Mapping[str, str]:
        """The user's own entries."""
        return _read(self.session_config)

    @property
    def entries(self) -> Mapping[str, str]:
        """All entries of a session; the user's own count most."""
        return {**ours(), **_SPINNING[self.spinning], **self.given}

    @property
    def thread_policy(self) -> str:
        """How threads wait, in words, and what of our own entries the user changed."""
        entries = self.entries
        if entries.get(_SPIN) == "0":
            said = "threads sleep while they wait"
        elif entries[STOP] == "0":
            said = "threads spin within a call and after it"
        else:
            said = "threads spin within a call"
        told = (f"{key}={self.given[key]}" for key in (*ours(), *_OF_SPINNING) if key in self.given)
        return "; ".join(dict.fromkeys((said, *told)))


@dataclass(frozen=True, kw_only=True)
class OnnxRuntimeCpuOptions(CpuOptions, OnnxRuntimeOptions):
    """Options of ONNX Runtime on the CPU.

    ``execution_mode`` runs operators one after another, or in ``parallel`` where the graph has
    branches: then ``inter_op_threads`` of them at a time, which share the engine's threads.
    """

    plain_at_default: ClassVar[bool] = True

    execution_mode: Literal["sequential", "parallel"] = "sequential"
    inter_op_threads: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        count, parallel = self.inter_op_threads, self.execution_mode == "parallel"
        if count < 1:
            raise _refused(f"inter_op_threads is {count}: it must be at least 1")
        if count > 1 and not parallel:
            why = f"inter_op_threads is {count}, and operators run one after another"
            raise _refused(why, "Give execution_mode=parallel as well, or leave it out.")
        if count == 1 and parallel:
            why = "with one thread between operators, ONNX Runtime runs them one after another"
            raise _refused(why, "Give inter_op_threads=2 or more as well.")

    @property
    def entries(self) -> Mapping[str, str]:
        return {**super().entries, **({_FLUSH: "1"} if self.flush_subnormals else {})}

    @property
    def thread_policy(self) -> str:
        said = super().thread_policy
        if self.execution_mode == "sequential":
            return said
        return f"{said}; up to {self.inter_op_threads} operators at a time"


def _read(entries: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        key, sign, value = entry.partition("=")
        if not (key and sign):
            raise _refused(f"{entry!r} in session_config has not the form KEY=VALUE")
        if key in found:
            raise _refused(f"{key} is given twice")
        found[key] = value
    return found


def _demand_free(key: str) -> None:
    if key in _ELSEWHERE:
        name = _ELSEWHERE[key]
        raise _refused(f"{key} is given by {name}", f"Give {_as_written(name)} instead.")
    if key.startswith(_OF_FILES):
        raise _refused(
            f"{key} says where files are or what is kept of a session, which sizewise decides",
            "Leave it out.",
        )


def _demand_switch(key: str, value: str) -> None:
    """ONNX Runtime takes any value of these, and reads some as no."""
    if key in SWITCHES and value not in ("0", "1"):
        raise _refused(f"{key} can't be {value!r}: it is 0 or 1")


def _as_written(name: str) -> str:
    """Some are options of every back end, with switches of their own."""
    return spelled(name) if name in ("threads", "graph_fusion") else name


def _refused(why: str, todo: str = _CORRECT) -> UsageError:
    return UsageError("ONNX Runtime can't be given these options", why, todo)
