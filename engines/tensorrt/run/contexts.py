"""Execution contexts: one per profile, all over one block of device memory, since calls take turns.

A context from which a CUDA graph was captured must not be changed any more, or the graph's next
launch is undefined (TensorRT documentation, "Optimizing TensorRT Performance", CUDA Graphs: "use
one execution context per captured graph"). So where calls are captured, there is one per shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engines.tensorrt.run.failures import Failures
from sizewise.core.specs import Profile, Size

Shape = tuple[int, ...]


@dataclass(kw_only=True, eq=False)
class Execution:
    """A context and what it was last prepared for: the images' shape, those of all inputs and of
    the outputs by name, and the addresses at that time.

    ``called``: it ran once since; ``graph`` was captured from it then; ``settings`` live as long as
    the context that was made with them.
    """

    profile: int
    context: Any
    settings: Any
    shape: Shape | None = None
    inputs: dict[str, Shape] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)
    called: bool = False
    graph: int | None = None

    def forget(self) -> None:
        self.shape, self.called = None, False

    def release(self) -> None:
        # The context goes now, whoever still holds this: the traceback of an error does.
        self.context = self.settings = None


class Contexts:
    """One context for each profile, and up to ``more`` for shapes of their own. Raises
    InferenceError where TensorRT refuses one."""

    def __init__(
        self, trt: Any, engine: Any, stream: int, failures: Failures, *, profiles: int, more: int
    ) -> None:
        self._trt, self._engine, self._stream = trt, engine, stream
        self._failures = failures
        self._more, self._most = more, profiles + more
        self._executions: list[Execution] = []

    def take(self, profile: int, shape: Shape) -> Execution:
        """The context that was prepared for ``shape``, else one that may be changed."""
        taken = self._find(profile, shape) or self._create(profile)
        if taken in self._executions:
            self._executions.remove(taken)
        self._executions.append(taken)
        self._prune()
        return taken

    def forget(self) -> None:
        """Forget all preparations: an address that contexts were given is about to become
        invalid."""
        for one in self._executions:
            one.forget()

    def release(self) -> None:
        for one in self._executions:
            one.release()
        self._executions.clear()
        self._engine = None

    def _find(self, profile: int, shape: Shape) -> Execution | None:
        mine = [one for one in self._executions if one.profile == profile]
        prepared = [one for one in mine if one.shape == shape]
        if prepared or len(self._executions) < self._more:
            return next(iter(prepared), None)
        return next((one for one in mine if one.graph is None), None)

    def _prune(self) -> None:
        """Release contexts whose graphs are gone: they would pile up, and each holds memory."""
        idle = [one for one in self._executions[:-1] if one.graph is None]
        for one in idle[: max(len(self._executions) - self._most, 0)]:
            self._executions.remove(one)
            one.release()

    def _create(self, profile: int) -> Execution:
        settings = self._settings()
        context = self._engine.create_execution_context(settings)
        self._failures.demand(context, "make an execution context")
        choice = f"choose the profile {profile}"
        try:
            done = context.set_optimization_profile_async(profile, self._stream)
        except RuntimeError as error:
            raise self._failures.failure(choice, str(error)) from error
        self._failures.demand(done, choice)
        return Execution(profile=profile, context=context, settings=settings)

    def _settings(self) -> Any:
        """Settings that have TensorRT for RTX compile a shape's kernels before it runs.

        In the background it would change kernels between two calls, and nothing could be measured
        or captured.
        """
        memory = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        if not hasattr(self._trt, "DynamicShapesKernelSpecializationStrategy"):
            return memory
        eager = self._trt.DynamicShapesKernelSpecializationStrategy.EAGER
        settings = self._engine.create_runtime_config()
        self._failures.demand(settings, "make a runtime configuration")
        settings.set_execution_context_allocation_strategy(memory)
        settings.dynamic_shapes_kernel_specialization_strategy = eager
        return settings


def nearest_profile(profiles: Iterable[Profile], size: Size) -> int:
    """The index of the profile that admits ``size`` and is tuned for the nearest number of pixels;
    the earlier of two."""
    fitting = [(i, p) for i, p in enumerate(profiles) if p.admits(size)]
    return min(fitting, key=lambda one: abs(one[1].opt.pixels - size.pixels))[0]
