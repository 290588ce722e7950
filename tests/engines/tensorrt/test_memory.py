from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engines.tensorrt.memory import read_memory
from sizewise.core.specs import EngineMemory
from tests.engines.tensorrt.build.builds import trt

LOGGED = EngineMemory(weights_bytes=700, context_bytes=(9, 9, 9))


class Engine:
    """As much of an ICudaEngine as says what it needs, in a version with statistics."""

    num_optimization_profiles = 3

    def __init__(self, weights: int) -> None:
        self._weights = weights

    def get_device_memory_size_for_profile_v2(self, index: int) -> int:
        return 100 * (index + 1)

    def get_engine_stat(self, stat: Any) -> int:
        assert stat == trt.EngineStat.TOTAL_WEIGHTS_SIZE
        return self._weights


class BrokenEngine(Engine):
    """As some 10.x are, whose binding ties the life of the engine to the number."""

    def get_engine_stat(self, stat: Any) -> int:
        raise TypeError("cannot create weak reference to 'int' object")


class OldEngine:
    """Without statistics, as TensorRT 10.8 is."""

    num_optimization_profiles = 1

    def get_device_memory_size_for_profile_v2(self, index: int) -> int:
        return 100


def test_the_engine_is_asked_where_it_knows() -> None:
    found = read_memory(trt, Engine(500), LOGGED)
    assert found == EngineMemory(weights_bytes=500, context_bytes=(100, 200, 300))
    assert found.total_bytes == 500 + 300


@pytest.mark.parametrize("engine", [Engine(-1), BrokenEngine(500), OldEngine()])
def test_the_builders_word_counts_for_weights_where_it_does_not(engine: Any) -> None:
    found = read_memory(SimpleNamespace(EngineStat=trt.EngineStat), engine, LOGGED)
    assert found is not None
    assert found.weights_bytes == LOGGED.weights_bytes
    assert found.context_bytes[0] == 100


def test_nothing_is_said_of_what_nobody_knows() -> None:
    assert read_memory(trt, OldEngine(), None) is None


@pytest.mark.parametrize("fake", [Engine, OldEngine])
def test_the_names_are_the_librarys(fake: type) -> None:
    names = {name for name in vars(fake) if not name.startswith("_")}
    assert names <= set(dir(trt.ICudaEngine))
