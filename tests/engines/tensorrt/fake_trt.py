"""TensorRT without a GPU: an engine that gives ``doubled`` = 2 x and ``bright``, the number of
values above one half in each image. Where it takes ``gains``, each image is multiplied by its own
first.

The public names of ``FakeEngine``, ``FakeContext``, ``FakeSettings`` and of what ``fake_trt`` gives
are TensorRT's own. A context checks all that TensorRT leaves to its users, and raises MisuseError.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np

from sizewise.core.specs import BatchRange, Profile, Size
from tests.engines.tensorrt.fake_cuda import Device, MisuseError

Shape = tuple[int, ...]
IMAGE, DOUBLED, BRIGHT, GAINS = "images", "doubled", "bright", "gains"
CHANNELS = 3
_ALIGNMENT = 256


class DataType(Enum):
    FLOAT = "float32"
    INT32 = "int32"
    BF16 = "bfloat16"


class TensorIOMode(IntEnum):
    INPUT = 1
    OUTPUT = 2


class TensorLocation(IntEnum):
    DEVICE = 0
    HOST = 1


class ExecutionContextAllocationStrategy(IntEnum):
    USER_MANAGED = 2


class DynamicShapesKernelSpecializationStrategy(IntEnum):
    EAGER = 1


def nptype(trt_type: DataType) -> type:
    """``trt.nptype``."""
    known: dict[DataType, type] = {DataType.FLOAT: np.float32, DataType.INT32: np.int32}
    if trt_type not in known:
        raise TypeError("Could not resolve TensorRT datatype to an equivalent numpy datatype.")
    return known[trt_type]


def fake_trt(*, rtx: bool) -> SimpleNamespace:
    """The module: ``tensorrt_rtx``, or ``tensorrt``, which compiles nothing when it runs."""
    module = SimpleNamespace(
        nptype=nptype,
        TensorIOMode=TensorIOMode,
        TensorLocation=TensorLocation,
        ExecutionContextAllocationStrategy=ExecutionContextAllocationStrategy,
    )
    if rtx:
        module.DynamicShapesKernelSpecializationStrategy = DynamicShapesKernelSpecializationStrategy
    return module


@dataclass(kw_only=True)
class Plan:
    """What an engine was built with. ``rtx``: as TensorRT for RTX makes it. ``capturable``: what a
    context answers, None where its version can't be asked. ``gains``: it takes them."""

    device: Device
    profiles: tuple[Profile, ...]
    batches: BatchRange = field(default_factory=lambda: BatchRange(1, 4))
    rtx: bool = True
    capturable: bool | None = True
    gains: bool = False
    kinds: Mapping[str, DataType] = field(default_factory=dict)
    on_host: str = ""
    data_dependent: str = ""
    unknown: str = ""
    made: list[weakref.ref[FakeContext]] = field(default_factory=list)
    profile_of: list[int] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[str, ...]:
        return (IMAGE, GAINS) if self.gains else (IMAGE,)

    @property
    def tensors(self) -> tuple[str, ...]:
        return (DOUBLED, *self.inputs, BRIGHT)

    def scratch_bytes(self, shape: Shape) -> int:
        return 3 * math.prod(shape)

    def largest_scratch_bytes(self, profile: int) -> int:
        size = self.profiles[profile].max
        return self.scratch_bytes((self.batches.max, CHANNELS, size.height, size.width))

    def admits(self, profile: int, shape: Shape) -> bool:
        return (
            len(shape) == 4
            and self.batches.min <= shape[0] <= self.batches.max
            and shape[1] == CHANNELS
            and self.profiles[profile].admits(Size(*shape[2:]))
        )

    @property
    def contexts(self) -> int:
        """Those that live."""
        return sum(ref() is not None for ref in self.made)


class FakeSettings:
    """``IRuntimeConfig``."""

    __slots__ = ("_memory", "dynamic_shapes_kernel_specialization_strategy")

    def __init__(self) -> None:
        self._memory: object = None
        self.dynamic_shapes_kernel_specialization_strategy: object = None

    def set_execution_context_allocation_strategy(self, strategy: object) -> None:
        self._memory = strategy


class FakeEngine:
    """``ICudaEngine``."""

    __slots__ = ("_plan", "num_io_tensors", "num_optimization_profiles")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.num_io_tensors = len(plan.tensors)
        self.num_optimization_profiles = len(plan.profiles)

    def get_tensor_name(self, index: int) -> str:
        return self._plan.tensors[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self._plan.inputs else TensorIOMode.OUTPUT

    def get_tensor_location(self, name: str) -> TensorLocation:
        return TensorLocation.HOST if name == self._plan.on_host else TensorLocation.DEVICE

    def get_tensor_dtype(self, name: str) -> DataType:
        usual = DataType.INT32 if name == BRIGHT else DataType.FLOAT
        return self._plan.kinds.get(name, usual)

    def get_device_memory_size_for_profile_v2(self, profile_index: int) -> int:
        return self._plan.largest_scratch_bytes(profile_index)

    def create_runtime_config(self) -> FakeSettings | None:
        if not self._plan.rtx:
            raise MisuseError("a runtime configuration of TensorRT knows no specialization")
        return FakeSettings() if self._plan.device.happens("create_runtime_config") else None

    def create_execution_context(self, strategy: object) -> FakeContext | None:
        if not self._plan.device.happens("create_execution_context"):
            return None
        self._check(strategy)
        kind = FakeContext if self._plan.capturable is None else CapturableContext
        context = kind(self._plan)
        self._plan.made.append(weakref.ref(context))
        return context

    def _check(self, strategy: object) -> None:
        if self._plan.rtx:
            eager = DynamicShapesKernelSpecializationStrategy.EAGER
            if not isinstance(strategy, FakeSettings):
                raise MisuseError("kernels may change in the background")
            if strategy.dynamic_shapes_kernel_specialization_strategy is not eager:
                raise MisuseError("kernels may change in the background")
            strategy = strategy._memory
        if strategy is not ExecutionContextAllocationStrategy.USER_MANAGED:
            raise MisuseError("each context would reserve memory of its own")


@dataclass(frozen=True, kw_only=True)
class State:
    """What a call of a context depends on, and so a graph of it."""

    profile: int | None = None
    shape: Shape | None = None
    gains: Shape | None = None
    addresses: tuple[tuple[str, int], ...] = ()
    scratch: tuple[int, int] | None = None


class FakeContext:
    """``IExecutionContext`` of a version that can't be asked whether it is capturable."""

    __slots__ = ("__weakref__", "_called", "_plan", "_state")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._state = State()
        self._called = False

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
        self._plan.device.queue(stream_handle)
        if not self._plan.device.happens("set_optimization_profile_async"):
            raise RuntimeError("Error in set optimization profile async.")
        self._plan.profile_of.append(profile_index)
        self._become(State(profile=profile_index, scratch=self._state.scratch))
        return True

    def set_input_shape(self, name: str, shape: Shape) -> bool:
        happens = self._plan.device.happens("set_input_shape")
        state = self._state
        if state.profile is None:
            raise MisuseError("a shape is set before a profile")
        if not happens or name not in self._plan.inputs:
            return False
        if name == GAINS:
            self._change(gains=shape)
            return len(shape) == 1 and self._plan.batches.min <= shape[0] <= self._plan.batches.max
        if not self._plan.admits(state.profile, shape):
            return False
        self._change(shape=shape)
        return True

    def infer_shapes(self) -> list[str]:
        if not self._plan.device.happens("infer_shapes"):
            raise RuntimeError("shapes can't be inferred")
        if self._plan.gains and self._state.gains is None:
            return [DOUBLED]
        return [self._plan.unknown] if self._plan.unknown else []

    def get_tensor_shape(self, name: str) -> Shape:
        shape = self._state.shape
        happens = self._plan.device.happens("get_tensor_shape")
        if shape is None or not happens or name == self._plan.data_dependent:
            return (-1, -1)
        return shape[:1] if name == BRIGHT else shape

    def update_device_memory_size_for_shapes(self) -> int:
        if self._state.shape is None:
            raise MisuseError("the memory of no shape is asked for")
        return self._plan.scratch_bytes(self._state.shape)

    def set_device_memory(self, memory: int, size: int) -> None:
        if memory % _ALIGNMENT:
            raise MisuseError("the memory is not aligned")
        self._plan.device.bytes_at(memory, size)
        self._change(scratch=(memory, size))

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if not self._plan.device.happens("set_tensor_address"):
            return False
        self._change(addresses=tuple(sorted({**dict(self._state.addresses), name: memory}.items())))
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        device = self._plan.device
        if device.capturing and not self._called:
            raise MisuseError("captured before a plain call")
        if not device.happens("execute_async_v3"):
            return False
        state, plan, alive = self._state, self._plan, weakref.ref(self)
        _check_state(plan, state)
        device.enqueue(stream_handle, lambda: _compute(plan, state, alive))
        self._called = True
        return True

    def _change(self, **changes: Any) -> None:
        values = {name: getattr(self._state, name) for name in State.__dataclass_fields__}
        self._become(State(**{**values, **changes}))

    def _become(self, state: State) -> None:
        if state != self._state:
            self._state, self._called = state, False


class CapturableContext(FakeContext):
    """``IExecutionContext`` as it is today."""

    __slots__ = ()

    def is_stream_capturable(self, stream: int) -> bool:
        self._plan.device.queue(stream)
        return self._plan.device.happens("is_stream_capturable") and bool(self._plan.capturable)


def _check_state(plan: Plan, state: State) -> None:
    if state.shape is None or state.scratch is None:
        raise MisuseError("a call without shape or memory")
    if plan.gains and state.gains != state.shape[:1]:
        raise MisuseError("gains of another number than there are images")
    if set(dict(state.addresses)) != set(plan.tensors):
        raise MisuseError("a call without all addresses")
    if state.scratch[1] < plan.scratch_bytes(state.shape):
        raise MisuseError("too little memory to work in")


def _compute(plan: Plan, state: State, alive: Callable[[], FakeContext | None]) -> None:
    context = alive()
    if context is None:
        raise MisuseError("a context is gone whose work is not done")
    if context._state != state:
        raise MisuseError(
            "a context was changed since its graph was captured, or before its call ended"
        )
    shape, scratch, device = state.shape or (), state.scratch or (0, 0), plan.device
    device.bytes_at(*scratch)[...] += 1
    addresses, count = dict(state.addresses), math.prod(shape)
    images = device.bytes_at(addresses[IMAGE], 4 * count).view(np.float32).reshape(shape)
    if plan.gains:
        gains = device.bytes_at(addresses[GAINS], 4 * shape[0]).view(np.float32)
        images = images * gains[:, None, None, None]
    device.bytes_at(addresses[DOUBLED], 4 * count).view(np.float32)[:] = 2 * images.ravel()
    bright = device.bytes_at(addresses[BRIGHT], 4 * shape[0]).view(np.int32)
    bright[:] = (images > 0.5).sum(axis=(1, 2, 3))
    device.done.append("compute")
