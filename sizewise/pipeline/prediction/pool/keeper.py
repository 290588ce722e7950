"""Open engines within a budget of memory, used by several threads.

A session holds the arrays of its call, so each has a lock, and one call is made at a time. (One
session a thread would take the memory of an engine once more for each, which no plan has counted;
and an engine already runs on all the threads that it was built for.) Threads overlap where they
decode, scale and read pictures.

One engine is opened at a time, by the thread that needs it: it holds that engine's lock and the
lock of openings, and takes the locks of others only to close them. Whoever holds one of those runs
a call that waits for nothing, so no two threads wait for each other.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from engines.base import Array, Session, example_inputs
from engines.store import opening
from sizewise.core.errors import InferenceError, SizewiseError
from sizewise.core.holding.closing import Closing
from sizewise.pipeline.prediction.pool.counts import EngineCounts
from sizewise.pipeline.prediction.pool.places import Member

REST_S = 30.0
"""So long, an engine that failed is the last choice."""
_PATIENCE_S = 0.02
_MIB = 2**20


@dataclass
class _Held:
    """An engine, open or not. All but ``rests_until`` is changed under its lock."""

    member: Member
    trusted: Collection[str]
    memory_mib: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None
    used: int = 0
    rests_until: float = 0.0
    requests: int = 0
    seconds: float = 0.0
    switches: int = 0
    failures: int = 0
    loads: int = 0
    evictions: int = 0
    padding: float = 0.0

    def close(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def counts(self) -> EngineCounts:
        return EngineCounts(
            name=self.member.name,
            backend=self.member.artifact.spec.backend,
            requests=self.requests,
            seconds=self.seconds,
            switches=self.switches,
            failures=self.failures,
            loads=self.loads,
            evictions=self.evictions,
            loaded=self.session is not None,
            memory_mib=self.memory_mib,
            padding=self.padding / self.requests if self.requests else 0.0,
        )


class Keeper(Closing):
    """Opens the engines of ``members``, and closes the least recently used where the process would
    take more than ``budget_mib`` (None: no limit). It takes ``process_mib`` without engines.
    """

    def __init__(
        self,
        members: Sequence[Member],
        trusted: Mapping[str, Collection[str]],
        *,
        process_mib: float,
        budget_mib: float | None,
    ) -> None:
        self.process_mib, self.budget_mib = process_mib, budget_mib
        self._opening = threading.Lock()
        self._uses = itertools.count(1)
        self._last: _Held | None = None
        self._closed = False
        self._held = {
            member.name: _Held(member, trusted[member.name], _needed_mib(member))
            for member in members
        }

    def counts(self) -> tuple[EngineCounts, ...]:
        return tuple(held.counts() for held in self._held.values())

    @property
    def memory_mib(self) -> float:
        """Of the process with the engines that are open."""
        return self.process_mib + sum(one.memory_mib for one in self._open())

    def rests(self, name: str) -> bool:
        """Whether it failed not long ago."""
        held = self._held[name]
        return held.rests_until > 0 and time.monotonic() < held.rests_until

    def fits(self, name: str) -> bool:
        """Whether it can be opened beside those that are open."""
        held = self._held[name]
        return held.session is not None or not self._lacks(held)

    def infer(
        self, name: str, inputs: Mapping[str, Array], padding: float = 0.0
    ) -> dict[str, Array]:
        """The outputs of one whole call of the engine, which is opened unless it is open.

        ``padding`` is the share of the input without a picture. Raises EngineError, and what
        opening raises; the engine is closed then.
        """
        held = self._held[name]
        with held.lock, self._watched(held):
            session = held.session or self._opened(held)
            started = time.perf_counter()
            outputs = session.infer(inputs)
            held.seconds += time.perf_counter() - started
            held.requests += 1
            held.padding += padding
            held.used = next(self._uses)
            if self._last is not held:
                held.switches += self._last is not None
                self._last = held
            return outputs

    def warm_up(self, name: str) -> None:
        """Open the engine, and make a call at each of its sizes. Raises what :meth:`infer` does."""
        held = self._held[name]
        with held.lock, self._watched(held):
            session = held.session or self._opened(held)
            artifact = held.member.artifact
            for size in held.member.sizes:
                session.infer(example_inputs(artifact, artifact.spec.batch_size, size))

    def note_failure(self, name: str) -> None:
        """Count a call whose outputs can't be used."""
        held = self._held[name]
        with held.lock:
            held.failures += 1

    def close(self) -> None:
        """Close all engines, after the calls that are under way."""
        self._closed = True
        for held in self._held.values():
            with held.lock:
                held.close()

    def demand_open(self) -> None:
        """Raises InferenceError where it was closed."""
        if self._closed:
            raise InferenceError(
                "The engines can't run", "the pool was closed", "Open another EnginePool."
            )

    @contextmanager
    def _watched(self, held: _Held) -> Iterator[None]:
        self.demand_open()
        try:
            yield
        except SizewiseError:
            held.failures += 1
            held.rests_until = time.monotonic() + REST_S
            held.close()
            raise

    def _opened(self, held: _Held) -> Session:
        with self._opening:
            while self._lacks(held):
                self._evict(held)
            before = resident_mib()
            held.session = opening.open_engine(held.member.artifact, held.trusted)
            held.loads += 1
            held.rests_until = 0.0
            if held.member.memory_mib is None:
                held.memory_mib = max(held.memory_mib, resident_mib() - before)
            return held.session

    def _lacks(self, held: _Held) -> bool:
        """Whether there is too little memory for one more engine, and another is open."""
        if self.budget_mib is None or not any(self._open()):
            return False
        return self.memory_mib + held.memory_mib > self.budget_mib

    def _evict(self, wants: _Held) -> None:
        """Close the least recently used of the open engines, once its call is done."""
        others = sorted((one for one in self._open() if one is not wants), key=lambda o: o.used)
        for oldest in others[:1]:
            if oldest.lock.acquire(timeout=_PATIENCE_S):
                try:
                    oldest.evictions += oldest.session is not None
                    oldest.close()
                finally:
                    oldest.lock.release()

    def _open(self) -> list[_Held]:
        return [held for held in self._held.values() if held.session is not None]


def _needed_mib(member: Member) -> float:
    """What an engine adds to the process; where nobody measured it, what it says that it needs of a
    device, or its files."""
    if member.memory_mib is not None:
        return member.memory_mib
    said = member.artifact.memory
    return max(said.total_bytes if said else 0, member.artifact.size_bytes) / _MIB


def resident_mib() -> float:
    """Memory of this process now."""
    import psutil

    return float(psutil.Process().memory_info().rss / _MIB)
