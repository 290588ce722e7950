from __future__ import annotations

import inspect
import sys
from collections.abc import Callable

import numpy as np
import pytest

from engines.tensorrt.run.buffers import Block, Buffer
from engines.tensorrt.run.cleanup import Cleanup
from engines.tensorrt.run.cuda import CudaRuntime
from sizewise.core.errors import BackendUnavailableError, EngineError, InferenceError
from sizewise.core.machine import nvidia
from tests.engines.tensorrt.fake_cuda import Device, FakeCuda

DEVICES = nvidia.find_devices()
on_a_device = pytest.mark.skipif(not DEVICES.found, reason=DEVICES.reason or "there is one")
METHODS = sorted(name for name in vars(CudaRuntime) if not name.startswith("_"))


def call(cuda: CudaRuntime, name: str) -> object:
    """With numbers that mean nothing, as many as it takes."""
    method: Callable[..., object] = getattr(cuda, name)
    return method(*[64] * len(inspect.signature(method).parameters))


@pytest.mark.parametrize("name", METHODS)
def test_without_a_driver_every_call_is_an_error_of_ours(name: str) -> None:
    """Through the real cuda-bindings, which so take what they are given."""
    pytest.importorskip("cuda.bindings.runtime")
    if nvidia.find_devices().found:
        pytest.skip("a driver is here, which these numbers would crash")
    with pytest.raises(BackendUnavailableError, match=r"cuda\w+ gave cudaError\w+ \(.+\)") as error:
        call(CudaRuntime(), name)
    assert error.value.reason_code == "unsupported_backend"


def test_without_bindings_there_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("cuda.bindings", "cuda.bindings.runtime"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendUnavailableError, match="cuda-bindings"):
        CudaRuntime()


@pytest.mark.parametrize(
    ("status", "kind", "reason_code"),
    [
        ("cudaErrorMemoryAllocation", InferenceError, "oom_device"),
        ("cudaErrorNoDevice", BackendUnavailableError, "unsupported_backend"),
        ("cudaErrorInsufficientDriver", BackendUnavailableError, "unsupported_backend"),
        ("cudaErrorIllegalAddress", InferenceError, "error"),
    ],
)
def test_a_status_becomes_an_error_with_its_name(
    status: str, kind: type[EngineError], reason_code: str
) -> None:
    cuda = CudaRuntime(FakeCuda(Device(fail_at=0, status=status)))
    with pytest.raises(kind, match=rf"cudaMalloc gave {status} \(said CUDA\)") as error:
        cuda.allocate(1)
    assert error.value.reason_code == reason_code


def test_memory_of_the_host_runs_out_apart() -> None:
    cuda = CudaRuntime(FakeCuda(Device(fail_at=0, status="cudaErrorMemoryAllocation")))
    with pytest.raises(InferenceError) as error:
        cuda.allocate_pinned(1)
    assert error.value.reason_code == "oom_host"


@pytest.mark.parametrize("fail_at", range(1, 4))
def test_a_capture_that_fails_leaves_nothing(fail_at: int) -> None:
    device = Device()
    cuda = CudaRuntime(FakeCuda(device))
    stream = cuda.create_stream()
    cuda.begin_capture(stream)
    device.fail_at = 1 + fail_at
    with pytest.raises(InferenceError, match=r"Capture|Graph"):
        cuda.end_capture(stream)
    cuda.destroy_stream(stream)
    device.demand_clean()


def test_a_block_grows_and_never_shrinks() -> None:
    device = Device()
    cuda = CudaRuntime(FakeCuda(device))
    left: list[int] = []
    block = Block(cuda.allocate, cuda.free, lambda: left.append(block.address))
    used, addresses = [], []
    for nbytes in (0, 100, 50, 100, 300, 200):
        block.reserve(nbytes)
        used.append(device.used("device"))
        addresses.append(block.address)
    assert used == [1, 100, 100, 100, 300, 300]
    assert left == [addresses[0], addresses[1]], "told before it moves, and then alone"
    assert device.peak_bytes == 300
    block.release()
    block.release()
    device.demand_clean()


def test_a_block_that_could_not_grow_is_empty_and_can_be_used() -> None:
    device = Device(fail_at=2, status="cudaErrorMemoryAllocation")
    cuda = CudaRuntime(FakeCuda(device))
    block = Block(cuda.allocate, cuda.free, lambda: None)
    block.reserve(100)
    with pytest.raises(InferenceError):
        block.reserve(1000)
    assert (block.address, block.nbytes) == (0, 0)
    block.reserve(10)
    assert device.used("device") == 10


def test_a_tensor_of_no_elements_has_a_place() -> None:
    device = Device()
    buffer = Buffer(CudaRuntime(FakeCuda(device)), lambda: None)
    buffer.reserve(0)
    assert buffer.address
    assert buffer.on_host((0, 4), np.float32).shape == (0, 4)
    buffer.release()
    device.demand_clean()


def _fail(name: str) -> None:
    raise InferenceError(name, "so it is", "Do nothing.")


def test_cleaning_up_goes_on_and_tells_the_first_failure() -> None:
    done: list[str] = []
    cleanup = Cleanup()
    for step in ("a", "b", "c"):
        cleanup.callback(done.append, step)
        cleanup.callback(_fail, step)
    with pytest.raises(InferenceError, match=r"^c: ") as error:
        cleanup.close()
    assert done == ["c", "b", "a"]
    assert [note.partition(":")[0][-1] for note in error.value.__notes__] == ["b", "a"]
    cleanup.close()


def test_cleaning_up_does_not_hide_what_led_to_it() -> None:
    cleanup = Cleanup()
    cleanup.callback(_fail, "second")
    with pytest.raises(ValueError, match="first") as error, cleanup:
        raise ValueError("first")
    assert "second" in error.value.__notes__[0]


@pytest.mark.gpu
@on_a_device
def test_a_real_device_copies_captures_and_forgets() -> None:
    cuda = CudaRuntime()
    with Cleanup() as cleanup:
        stream = cuda.create_stream()
        cleanup.callback(cuda.destroy_stream, stream)
        event = cuda.create_event()
        cleanup.callback(cuda.destroy_event, event)
        there, back = Buffer(cuda, lambda: None), Buffer(cuda, lambda: None)
        for buffer in (there, back):
            cleanup.callback(buffer.release)
            buffer.reserve(4000)
        cleanup.callback(cuda.synchronize_stream, stream)
        graph = _captured_round_trip(cuda, stream, there, back)
        cleanup.callback(cuda.destroy_graph, graph)
        given = np.random.default_rng(0).random(1000, dtype=np.float32)
        there.on_host((1000,), np.float32)[:] = given
        cuda.launch_graph(graph, stream)
        cuda.record_event(event, stream)
        cuda.synchronize_event(event)
        np.testing.assert_array_equal(back.on_host((1000,), np.float32), given)


def _captured_round_trip(cuda: CudaRuntime, stream: int, there: Buffer, back: Buffer) -> int:
    cuda.begin_capture(stream)
    there.upload(4000, stream)
    host = back.on_host((4000,), np.uint8).ctypes.data
    cuda.copy_to_host(host, there.address, 4000, stream)
    return cuda.end_capture(stream)


@pytest.mark.gpu
@on_a_device
def test_more_memory_than_there_is_is_an_error_of_ours() -> None:
    with pytest.raises(InferenceError, match="cudaErrorMemoryAllocation") as error:
        CudaRuntime().allocate(1 << 60)
    assert error.value.reason_code == "oom_device"
