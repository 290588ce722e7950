"""The objects in the children, called in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.audit import bare
from bench.audit.bare import BareWorker
from bench.audit.inputs import InputWorker, pool_size
from bench.audit.models import CHAIN_SIZE, LARGE, write_chain, write_pyramid
from bench.audit.null import Overhead, time_nothing
from bench.timing.harness import Turn
from engines.base import Array, Clock
from sizewise.core import codec
from sizewise.core.specs import EngineArtifact, Size
from sizewise.core.trials import Sample
from tests.bench.audit.audits import MS, fake_engine
from tests.engines.nets import reference

TURN = codec.to_plain(Turn(pause_s=0, cold_calls=2, calls=4, seconds=0))


def test_a_library_is_called_for_each_call_that_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []

    def opened(
        backend: str, source: Path, images: Array, threads: int, *, static: bool
    ) -> Callable[[], None]:
        assert (backend, source, threads, static) == ("onnxruntime", Path("a.onnx"), 2, True)
        assert images.shape == (1, 3, 8, 8)
        assert images.dtype == np.float32
        return lambda: calls.append(None)

    monkeypatch.setattr(bare, "bare_call", opened)
    worker = BareWorker("onnxruntime", "a.onnx", [1, 3, 8, 8], 2, True)
    assert worker.open() >= 0
    worker.warm_up(3)
    sample = codec.from_plain(worker.measure(TURN), Sample)
    assert len(calls) == 3 + 2 + 4
    assert (sample.cold, len(sample.warm_ns)) == (2, 4)


def script(harness_ns: Sequence[int], alone_ns: Sequence[int]) -> Clock:
    """A clock by which calls of an engine that does nothing take these times, after two cold ones
    of a millisecond, and readings with nothing between them those of ``alone_ns``."""

    def readings() -> Iterator[int]:
        yield 0
        now = 0
        for taken_ns in (MS, MS):
            yield now
            now += taken_ns
            yield now
        yield now
        for taken_ns in (*harness_ns, *alone_ns):
            yield now
            now += taken_ns
            yield now

    return readings().__next__


def calls_of(median_ns: int, p99_ns: int) -> list[int]:
    """A hundred calls with this median, of which two take as long as ``p99_ns``."""
    return [median_ns] * 98 + [p99_ns] * 2


@pytest.mark.parametrize(
    ("harness_ns", "clock_ns", "answer"),
    [
        ((300, 500), (100, 200), "yes"),
        ((5_000, 20_000), (100, 200), "yes"),
        ((5_001, 20_000), (100, 200), "no"),
        ((5_000, 20_001), (100, 200), "no"),
        ((5_001, 20_001), (5_001, 6_000), "not shown"),
        ((300, 20_001), (100, 20_001), "not shown"),
        ((300, 500), (5_001, 20_001), "yes"),
    ],
)
def test_what_the_harness_adds_to_a_call_is_held_against_its_limits(
    harness_ns: tuple[int, int], clock_ns: tuple[int, int], answer: str
) -> None:
    clock = script(calls_of(*harness_ns), calls_of(*clock_ns))
    found = codec.from_plain(time_nothing(100, clock), Overhead)
    assert found.calls == 100
    assert (found.harness.median_ns, found.harness.p99_ns) == harness_ns
    assert (found.clock.median_ns, found.clock.p99_ns) == clock_ns
    assert found.answer == answer
    assert found.at_fault == (answer == "no")


def test_an_engine_that_does_nothing_is_timed_by_the_real_clock() -> None:
    overhead = codec.from_plain(time_nothing(1000), Overhead)
    assert overhead.calls == 1000
    assert 0 <= overhead.clock.median_ns <= overhead.clock.p99_ns
    assert 0 < overhead.harness.median_ns <= overhead.harness.p99_ns


@pytest.fixture
def engine(tmp_path: Path, built_here: None) -> EngineArtifact:
    return fake_engine(tmp_path, Size(64, 64))[1]


@pytest.mark.parametrize("arrays", [1, 3])
def test_inputs_take_turns(
    engine: EngineArtifact, arrays: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = InputWorker(str(engine.path), "64x64", arrays)
    worker.open()
    bound = []
    bind = worker._session.bind

    def noted(given: dict[str, Array]) -> None:
        bound.append(id(given))
        bind(given)

    monkeypatch.setattr(worker._session, "bind", noted)
    worker.warm_up(2)
    sample = codec.from_plain(worker.measure(TURN), Sample)
    worker.close()
    assert len(sample.warm_ns) == 4
    assert len(bound) == 1 + 2 + 4
    assert len(set(bound)) == arrays


def test_the_pool_is_larger_than_caches_and_never_one(engine: EngineArtifact) -> None:
    assert pool_size(engine, LARGE) == (256 << 20) // (4 * 3 * 416 * 416)
    assert pool_size(engine, Size(16384, 16384)) == 2


def test_a_chain_has_a_tenth_more_work_and_numbers_that_keep_their_size(tmp_path: Path) -> None:
    few, many = (write_chain(tmp_path / f"{n}.onnx", n) for n in (10, 11))
    import onnx

    counts = [
        sum(node.op_type == "Conv" for node in onnx.load(one.path).graph.node)
        for one in (few, many)
    ]
    assert counts == [11, 12]
    images = np.random.default_rng(0).random((1, 3, 16, 16), dtype=np.float32)
    (means,) = reference(many, images).values()
    assert np.isfinite(means).all()
    assert 1e-3 < np.abs(means).mean() < 1e3
    assert not few.refusal(CHAIN_SIZE)


def test_the_pyramid_takes_its_sizes_and_halves_three_times(tmp_path: Path) -> None:
    model = write_pyramid(tmp_path / "pyramid.onnx")
    images = np.zeros((1, 3, 64, 96), np.float32)
    (maps,) = reference(model, images).values()
    assert maps.shape == (1, 8, 8, 12)
