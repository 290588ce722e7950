"""Back ends that take their process with them, at random moments, beside one that is healthy.

``python -m tests.bench.waves.failing CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import psutil

from bench.builds import Builds
from bench.waves.launch import Limits, launch_child
from bench.waves.measured import State
from engines.backends._failing import WAYS, Way
from engines.backends.fake import FakeOptions, Moment
from sizewise.core.errors import EngineError
from tests.attempts import Found, main
from tests.bench.waves.test_waves import group_of, measured

CODES: dict[str, str] = {
    "crash": "crash_SIGABRT",
    "segfault": "crash_SIGSEGV",
    "hang": "timeout",
    "memory": "oom_host",
    "exit": "crash_exit_0",
    "garbage": "crash_protocol",
    "leave": "crash_exit_0",
}
MOMENTS: tuple[Moment, ...] = ("build", "open", "run")
LIMITS = Limits(timeout_s=60, memory_bytes=2**29)
AT_ONCE = 10
_MARK = "SIZEWISE_TEST_FAMILY"
_PATIENCE_S = 20.0
"""For what is dying already; nothing that stays is over by then."""


def campaign(cases: int, seed: int, folder: Path) -> Found:
    """Each way to fail in turn, ten engines of it at a time.

    Those that can be built are the same for all trials of their kind: each process that opens one
    is under test.
    """
    chance, found = random.Random(seed), Found()
    ways: list[Way] = [way for way in get_args(Way) if way in WAYS]
    left = {way: cases // len(ways) + (n < cases % len(ways)) for n, way in enumerate(ways)}
    for way in ways:
        while (some := min(left[way], AT_ONCE)) > 0:
            left[way] -= some
            moments = [chance.choice(MOMENTS) for _ in range(some)]
            failing = [
                FakeOptions(
                    fail_at=moment,
                    fail_by=way,
                    seed=found.cases + number if moment == "build" else 0,
                )
                for number, moment in enumerate(moments)
            ]
            _take_batch(found, folder, failing)
    return found


def _take_batch(found: Found, folder: Path, failing: Sequence[FakeOptions]) -> None:
    """What is wrong with the whole of a batch is told of its first case."""
    first = found.cases
    states, wrong = batch(folder, failing)
    for number, (one, state) in enumerate(zip(failing, states, strict=True), start=first):
        found.take(number, lambda: _outcome(one, state))  # noqa: B023 - called at once
    found.violations += [f"case {first} or one of the next: {one}" for one in wrong]


def _outcome(failing: FakeOptions, state: State) -> str:
    said = f"{failing.fail_by} at {failing.fail_at}"
    told = f"{said}: {state.status}, {state.reason_code}: {state.reason}"
    assert (state.status, state.reason_code) == ("failed", CODES[failing.fail_by]), told
    assert state.reason, f"{said}: it has no reason"
    return f"{said}: {state.reason_code}"


def batch(folder: Path, failing: Sequence[FakeOptions]) -> tuple[list[State], list[str]]:
    """What is known of each engine after a wave of those that could be built, beside one that is
    healthy; and what is wrong with the healthy one, or left over."""
    hangs = any(one.fail_by == "hang" for one in failing)
    limits = replace(LIMITS, timeout_s=10) if hangs else LIMITS
    group = group_of(folder, FakeOptions(), *failing, rounds=1, block_s=0)
    sound, *planned = group.members
    builds, states = Builds(folder / "engines", limits), dict[int, State]()
    token = os.environ[_MARK] = secrets.token_hex(8)
    try:
        for number, one in enumerate(planned):
            try:
                builds.obtain(one)
            except EngineError as error:
                states[number] = State.of(error)
        opened = [number for number in range(len(planned)) if number not in states]
        members = replace(group, members=(sound, *(planned[number] for number in opened)))
        healthy, *others = measured(folder, members, launch_child, limits=limits).members
        wrong = [f"{one} is left running" for one in left_running(token)]
    finally:
        del os.environ[_MARK]
    wrong += ["an engine that failed has turns" for one in others if one.turns]
    states |= {number: member.state for number, member in zip(opened, others, strict=True)}
    if healthy.state != State() or len(healthy.turns) != 1:
        wrong.append(f"the healthy engine beside it: {healthy.state.reason or 'no turn'}")
    engines = folder / "engines"
    wrong += [f"{one.name} is left" for one in engines.iterdir() if one.name.startswith(".")]
    return [states[number] for number in range(len(planned))], wrong


def left_running(token: str) -> list[str]:
    """The processes of this family, also those whose parent is gone; not this one and its guard."""
    end = time.monotonic() + _PATIENCE_S
    while (found := list(_family(token))) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _family(token: str) -> Iterator[str]:
    for one in psutil.process_iter():
        try:
            shown, of = " ".join(one.cmdline()), one.environ().get(_MARK)
        except psutil.Error:
            continue
        if of == token and one.pid != os.getpid() and "guard" not in shown:
            yield f"{one.pid} ({shown})"


if __name__ == "__main__":
    main(campaign)
