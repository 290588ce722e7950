"""The anchor computes the same each time, on one thread and on two."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from bench.anchor import kernel as anchor_kernel
from bench.anchor import worker as anchor
from bench.anchor.kernel import Kernel
from bench.anchor.worker import VARIABLES, AnchorWorker, kernel_name
from bench.timing.harness import Turn
from sizewise.core import codec
from sizewise.core.errors import InferenceError
from sizewise.core.machine.cores import default_threads
from sizewise.core.trials import Sample

TURN = Turn(pause_s=0.0, cold_calls=1, calls=3, seconds=0.0)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls with little work: how much it is says nothing of whether it is right."""
    monkeypatch.setattr(anchor_kernel, "_STREAM", 1 << 12)
    monkeypatch.setattr(anchor_kernel, "_SIDE", 32)


@pytest.fixture(params=[1, 2])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with Kernel(request.param) as made:
        yield made


def test_every_call_computes_the_same(kernel: Kernel) -> None:
    kernel.run()
    first = kernel.result()
    for _ in range(3):
        kernel.clear()
        assert kernel.result() != first
        kernel.run()
        assert kernel.result() == first


def test_the_result_is_that_of_plain_arithmetic(kernel: Kernel) -> None:
    kernel.run()
    exact = kernel._left.astype(np.float64) @ kernel._right.astype(np.float64)
    np.testing.assert_allclose(kernel._products, exact, rtol=1e-5)
    np.testing.assert_array_equal(kernel._sums, kernel._first + kernel._second)


def test_threads_share_the_work_and_change_no_bit() -> None:
    """Both work at once, so that one of them can't take every piece before the other begins."""
    barrier = threading.Barrier(2, timeout=60)
    with Kernel(1) as alone, Kernel(2) as shared:
        plain = shared._work

        def together() -> None:
            barrier.wait()
            plain()

        shared._work = together  # type: ignore[method-assign]
        shared._helpers[0]._work = together
        alone.run()
        shared.run()
        assert alone.result() == shared.result()


def test_threads_end_with_the_kernel() -> None:
    before = threading.active_count()
    with Kernel(3):
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def test_a_call_waits_for_all_threads() -> None:
    """A helper that is held up holds up the call, though nothing is left to do."""
    with Kernel(2) as kernel:
        held, ended = threading.Event(), threading.Event()

        def held_up() -> None:
            held.wait(60)

        kernel._helpers[0]._work = held_up

        def call() -> None:
            kernel.run()
            ended.set()

        caller = threading.Thread(target=call)
        caller.start()
        assert not ended.wait(0.05)
        held.set()
        caller.join()
        assert ended.is_set()


def test_what_fails_in_a_thread_fails_in_the_call() -> None:
    with Kernel(2) as kernel:

        def fail() -> None:
            raise MemoryError("no room")

        kernel._helpers[0]._work = fail
        with pytest.raises(MemoryError, match="no room"):
            kernel.run()


def test_a_turn_is_timed_as_an_engines_is() -> None:
    with AnchorWorker() as worker:
        sample = codec.from_plain(worker.measure(codec.to_plain(TURN)), Sample)
    assert (len(sample.latency_ns), sample.cold) == (4, 1)
    assert all(latency > 0 for latency in sample.latency_ns)


def test_another_result_than_the_first_is_an_error() -> None:
    with AnchorWorker() as worker:
        worker._kernel._left[0, 0] += 1
        with pytest.raises(InferenceError, match="computed something else") as failed:
            worker.measure(codec.to_plain(TURN))
    assert failed.value.reason_code == "numerics"


@pytest.mark.parametrize(("usable", "threads"), [(1, 1), (2, 2), (64, 2)])
def test_the_name_tells_kernels_apart(
    monkeypatch: pytest.MonkeyPatch, usable: int, threads: int
) -> None:
    monkeypatch.setattr(anchor, "default_threads", lambda: usable)
    name = kernel_name()
    assert name.startswith(f"anchor {anchor.ANCHOR}, threads {threads}, numpy {np.__version__}, ")
    monkeypatch.setattr(anchor, "ANCHOR", anchor.ANCHOR + 1)
    assert kernel_name() != name


THREADS = """
import os, threading
from bench.anchor.worker import AnchorWorker
worker = AnchorWorker()
listed = len(os.listdir('/proc/self/task')) if os.path.isdir('/proc/self/task') else None
print(listed, threading.active_count())
"""


def test_the_library_adds_no_threads_to_ours() -> None:
    counted = subprocess.run(
        [sys.executable, "-c", THREADS],
        env=os.environ | VARIABLES,
        capture_output=True,
        text=True,
        check=True,
    )
    listed, ours = counted.stdout.split()
    assert int(ours) == min(2, default_threads())
    assert listed in (ours, "None")
