"""First calls and the parts of a call, by a scripted clock."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.timing.apart import another_shape, another_size, measure_parts, time_call
from engines.base import Array, Session
from sizewise.core.specs import BatchRange, EngineSpec, Profile, Size

sizes = st.builds(Size, st.integers(1, 9), st.integers(1, 9))
profiles = st.lists(sizes, min_size=1, max_size=4).map(Profile.spanning)


@dataclass
class Scripted(Session):
    """Binding takes 1 ns, synchronize 10 ns, and what is started by itself takes effect in it."""

    now_ns: int = 0
    pending_ns: int = 0
    log: list[str] = field(default_factory=list)

    def bind(self, inputs: object) -> None:
        assert not gc.isenabled()
        self.now_ns += 1

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        raise NotImplementedError

    def enqueue(self) -> None:
        self.pending_ns += 100

    def synchronize(self) -> None:
        self.now_ns += 10 + self.pending_ns
        self.pending_ns = 0

    def outputs(self) -> dict[str, Array]:
        raise NotImplementedError

    def parts(self) -> dict[str, Callable[[], None]]:
        return {"in": self._part("in", 1000), "compute": self._part("compute", 20000)}

    def _part(self, name: str, takes_ns: int) -> Callable[[], None]:
        def start() -> None:
            assert not gc.isenabled()
            self.log.append(name)
            self.pending_ns += takes_ns

        return start


def test_a_call_apart_is_from_bind_to_the_end_of_synchronize() -> None:
    session = Scripted()
    images = {"images": np.zeros(1)}
    assert time_call(session, lambda: session.now_ns, images) == 111
    assert gc.isenabled()


@given(repetitions=st.integers(1, 20))
def test_parts_run_by_turns_and_each_to_its_end(repetitions: int) -> None:
    session = Scripted()
    parts = measure_parts(session, lambda: session.now_ns, repetitions=repetitions)
    assert session.log == ["in", "compute"] * repetitions
    assert parts == {"in": [1010] * repetitions, "compute": [20010] * repetitions}


@given(st.lists(profiles, min_size=1, max_size=4), sizes)
def test_the_other_size_is_taken_by_the_engine_and_of_another_profile_if_it_can_be(
    found: list[Profile], size: Size
) -> None:
    spec = EngineSpec(backend="fake", strategy="profiles", profiles=tuple(found))
    other = another_size(spec, size)
    named = {end for p in found for end in (p.min, p.opt, p.max)}
    if other is None:
        assert named <= {size}
        return
    assert other != size
    assert other in named
    home = [p for p in found if p.admits(size)]
    elsewhere = {end for end in named - {size} if not any(p.admits(end) for p in home)}
    rivals = elsewhere or named - {size}
    assert other in rivals
    assert other.pixels == min(end.pixels for end in rivals)


@given(profiles, sizes, st.integers(1, 3), st.integers(0, 2), st.integers(0, 2))
def test_the_other_shape_is_of_another_size_or_else_of_another_batch(
    profile: Profile, size: Size, least: int, below: int, above: int
) -> None:
    tuned = least + below
    spec = EngineSpec(
        backend="fake",
        strategy="dynamic",
        profiles=(profile,),
        batch_size=tuned,
        batch_range=BatchRange(least, tuned + above),
    )
    other = another_shape(spec, size)
    if named := another_size(spec, size):
        assert other == (tuned, named)
    elif below or above:
        assert other in {(least, size), (tuned + above, size)} - {(tuned, size)}
    else:
        assert other is None
