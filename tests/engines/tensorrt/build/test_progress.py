from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.tensorrt.build.progress import Phases, watching
from sizewise.core.errors import BuildError
from sizewise.core.specs import ExportedModel
from tests.engines.tensorrt.build.builds import built, never, spec_of, trt


@dataclass(frozen=True)
class Phase:
    """``steps`` are announced; phases stand within it before its steps, or beside them."""

    name: str
    steps: int
    done: int
    within: tuple[tuple[Phase, ...], ...] = field(default=())


names = st.sampled_from(["Building engine", "Timing tactics", "Computing costs", "Optimizing"])


def phases(within: st.SearchStrategy[Phase] | None = None) -> st.SearchStrategy[Phase]:
    """As many steps as announced or fewer, or more; names may come again, also within one
    another."""
    inner = st.lists(within, max_size=2).map(tuple) if within is not None else st.just(())
    return st.builds(
        Phase, names, st.integers(0, 4), st.integers(0, 5), st.lists(inner, max_size=4).map(tuple)
    )


trees = phases(phases(phases()))


class Watched:
    """What a bar is shown of a sequence of phases."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.notes: list[str] = []
        self.phases = Phases(self._hear)

    def _hear(self, share: float, note: str) -> None:
        self.shares.append(share)
        self.notes.append(note)

    def go_through(self, phase: Phase, parent: str | None = None, path: str = "") -> None:
        name = f"{path}{phase.name}"
        self.phases.start(name, parent, phase.steps)
        for step in range(max(phase.done, len(phase.within))):
            for inner in phase.within[step] if step < len(phase.within) else ():
                self.go_through(inner, name, path=f"{name}/")
            if step < phase.done:
                self.phases.step(name, step)
        self.phases.finish(name)


@given(trees)
def test_a_bar_goes_from_nothing_to_all_and_never_back(tree: Phase) -> None:
    watched = Watched()
    watched.go_through(tree)
    assert watched.shares[0] == 0
    assert watched.shares == sorted(watched.shares)
    assert all(0 <= share <= 1 for share in watched.shares)
    assert watched.shares[-1] == pytest.approx(1)
    assert watched.notes[-1] == tree.name


def test_a_step_of_the_whole_is_shared_out_among_those_of_the_phase_within() -> None:
    watched = Watched()
    watched.phases.start("whole", None, 2)
    watched.phases.step("whole", 0)
    watched.phases.start("part", "whole", 4)
    for step in range(4):
        watched.phases.step("part", step)
    assert watched.shares == pytest.approx([0, 0.5, 0.5, 0.625, 0.75, 0.875, 1])


def test_a_phase_that_ends_behind_the_steps_of_its_parent_does_no_harm() -> None:
    """As the library does: it starts "Determining refit engines" and steps what is around it."""
    watched = Watched()
    watched.phases.start("whole", None, 3)
    watched.phases.start("part", "whole", 1)
    watched.phases.step("part", 0)
    watched.phases.step("whole", 0)
    watched.phases.step("whole", 1)
    watched.phases.finish("part")
    watched.phases.finish("whole")
    assert watched.shares == sorted(watched.shares)
    assert watched.shares[-1] == 1


def test_what_never_began_is_not_told() -> None:
    watched = Watched()
    watched.phases.step("strange", 3)
    watched.phases.finish("strange")
    assert watched.shares == []


@pytest.mark.parametrize("strategy", ["static", "dynamic", "profiles"])
def test_a_real_build_is_watched_from_nothing_to_all(
    net: ExportedModel, tmp_path: Path, strategy: str
) -> None:
    watched = Watched()
    report = watched.phases._report
    built(net, spec_of(strategy), tmp_path / "plan", report=report)
    assert watched.shares[0] == 0
    assert watched.shares == sorted(watched.shares)
    assert watched.shares[-1] == 1
    assert len(set(watched.shares)) > 10
    assert all(watched.notes)


@pytest.mark.parametrize("after", [0, 1, 7, 30])
def test_a_build_that_is_cancelled_gives_no_plan(
    net: ExportedModel, tmp_path: Path, after: int
) -> None:
    """``after``: how many times it is asked before."""
    answers: Iterator[bool] = iter([False] * after + [True] * 10_000)
    with pytest.raises(BuildError, match="the build was cancelled"):
        built(net, spec_of("dynamic"), tmp_path / "plan", cancelled=lambda: next(answers))
    assert not (tmp_path / "plan").exists()


def test_a_version_without_monitors_is_not_watched() -> None:
    assert watching(SimpleNamespace(), Watched()._hear, never) is None


def test_a_monitor_is_the_modules_own_and_goes_on_until_it_is_cancelled() -> None:
    stop: list[bool] = []
    watched = Watched()
    monitor = watching(trt, watched._hear, lambda: bool(stop))
    assert isinstance(monitor, trt.IProgressMonitor)
    monitor.phase_start("whole", None, 2)
    assert monitor.step_complete("whole", 0) is True
    stop.append(True)
    assert monitor.step_complete("whole", 1) is False
    monitor.phase_finish("whole")
    assert watched.shares == [0, 0.5, 1, 1]


def test_several_threads_may_tell_it_at_once() -> None:
    heard: list[float] = []
    phases = Phases(lambda share, _: heard.append(share))
    phases.start("all", None, 4)

    def work(name: str) -> None:
        for turn in range(200):
            phases.start(f"{name} {turn}", "all", 2)
            phases.step(f"{name} {turn}", 0)
            phases.finish(f"{name} {turn}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(work, name) for name in "abcd"]:
                done.result()
    finally:
        sys.setswitchinterval(interval)
    phases.finish("all")
    assert heard == sorted(heard)
    assert heard[-1] == 1
