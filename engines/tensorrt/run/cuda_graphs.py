"""CUDA graphs: the launches of one call, recorded once and replayed whole.

A graph holds one shape and the addresses at that time. It is captured after one plain call, in
which TensorRT does what a change of shape left to do (TensorRT documentation, "Optimizing TensorRT
Performance", CUDA Graphs).
"""

from __future__ import annotations

from engines.tensorrt.run.cleanup import Cleanup
from engines.tensorrt.run.contexts import Execution
from engines.tensorrt.run.cuda import CudaRuntime
from engines.tensorrt.run.failures import Failures
from sizewise.core.errors import EngineError


class CudaGraphs:
    """Up to ``limit`` captured graphs (0: none); the one launched longest ago is dropped first.

    ``refusal`` says why no more are captured: calls continue without.
    """

    def __init__(self, cuda: CudaRuntime, stream: int, limit: int, failures: Failures) -> None:
        self._cuda, self._stream, self._limit = cuda, stream, limit
        self._failures = failures
        self._captured: list[Execution] = []
        self.refusal = ""

    def run(self, execution: Execution) -> None:
        """Start the work of ``execution``, as a graph where it has one or is ready for one. Raises
        InferenceError."""
        self._capture(execution)
        if execution.graph is None:
            done = execution.context.execute_async_v3(self._stream)
            self._failures.demand(done, "run")
            execution.called = True
        else:
            self._captured.remove(execution)
            self._captured.append(execution)
            self._cuda.launch_graph(execution.graph, self._stream)

    def drop(self) -> None:
        """Destroy all graphs. Raises InferenceError, having tried each."""
        with Cleanup() as cleanup:
            for execution in self._captured[:]:
                cleanup.callback(self._destroy, execution)

    def _capture(self, execution: Execution) -> None:
        if execution.graph is not None or not execution.called or self.refusal or not self._limit:
            return
        while len(self._captured) >= self._limit:
            self._destroy(self._captured[0])
        try:
            execution.graph = self._record(execution)
        except EngineError as error:
            self.refusal = f"Calls go on without CUDA graphs. {error.what}: {error.why}."
        else:
            self._captured.append(execution)

    def _destroy(self, execution: Execution) -> None:
        self._captured.remove(execution)
        graph, execution.graph = execution.graph, None
        if graph is not None:
            self._cuda.destroy_graph(graph)

    def _record(self, execution: Execution) -> int:
        # TensorRT 10 can't be asked: there it shows while it is captured.
        if hasattr(execution.context, "is_stream_capturable"):
            answer = execution.context.is_stream_capturable(self._stream)
            self._failures.demand(answer, "let its calls be captured")
        self._cuda.begin_capture(self._stream)
        try:
            done = execution.context.execute_async_v3(self._stream)
        finally:
            graph = self._cuda.end_capture(self._stream)
        if not done:
            self._cuda.destroy_graph(graph)
        self._failures.demand(done, "run while it was captured")
        return graph
