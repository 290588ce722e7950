"""The guard's side: what it is told, and of whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.children import guard
from sizewise.core.children.guard import Groups, is_stopped
from tests.sizewise.core.children.processes import PATIENCE_S


@given(st.lists(st.tuples(st.booleans(), st.integers(2, 5))), st.lists(st.integers(1, 5)))
def test_what_is_told_may_come_in_any_pieces(
    changes: list[tuple[bool, int]], lengths: list[int]
) -> None:
    text = "".join(f"{'+' if added else '-'}{number}\n" for added, number in changes).encode()
    groups, kept = Groups(), set[int]()
    for length in [*lengths, len(text)]:
        groups.hear(text[:length])
        text = text[length:]
    for added, number in changes:
        kept = kept | {number} if added else kept - {number}
    assert groups._numbers == kept
    assert bool(groups) == bool(kept)


def test_who_runs_or_is_gone_is_not_stopped() -> None:
    assert not is_stopped(os.getpid())
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert not is_stopped(process.pid)


def test_it_ends_the_groups_that_it_watches_and_itself() -> None:
    command = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid())]
    sleeps = [subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(2)]
    watched, forgotten = sleeps
    text = f"+{watched.pid}\n+{forgotten.pid}\n-{forgotten.pid}\n"
    with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
        assert watched.wait(PATIENCE_S) == -signal.SIGTERM
    assert process.returncode == 0
    assert forgotten.poll() is None
    forgotten.kill()
    forgotten.wait()
