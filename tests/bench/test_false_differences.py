"""Does the harness see differences that are not there, and does it see those that are?

Through the whole of plan, waves, worker, harness, store and statistics, on the fake back end's
clock: 2 % slow drift that all engines share, 1.5 % noise per call, 1 % of the calls 30 % slower,
and 1 % offset per process.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from functools import cache

import pytest

from bench import waves
from bench.journal import database
from bench.journal.store import Store
from bench.settings import SweepSettings
from bench.sweep import sweep
from engines.backends._timeline import TIMELINE
from engines.backends.fake import Fake, FakeOptions
from sizewise.core import environment
from sizewise.core.specs import Sizes, Strategy
from sizewise.core.stats import compare_results
from sizewise.core.trials import Run
from tests.bench.factories import launch_in_process
from tests.bench.models import colours

RUNS = 200
PLANTED = 1.05


@dataclass(frozen=True, kw_only=True)
class NoisyMachine(FakeOptions):
    """A dynamic engine takes 5 % longer than a static one."""

    base_ns: float = 10e6
    ns_per_pixel: float = 0.0
    dynamic_cost: float = PLANTED
    process_sd: float = 0.01
    drift: float = 0.02
    drift_period_s: float = 20.0
    noise: float = 0.015
    burst_probability: float = 0.01
    burst: float = 0.3


def leave_to_the_system(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, ...]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fake, "options_type", NoisyMachine)
        # One after another, so that a seed gives the same samples every time.
        patch.setattr(waves, "usable_cores", lambda: 1)
        # Reading the packages' metadata for 4,000 sessions would take most of the time.
        patch.setattr(environment, "installed_versions", cache(environment.installed_versions))
        # 600 commits would wait for the disk, and no power cut is tested here.
        patch.setattr(database, "make_durable", leave_to_the_system)
        model = colours(folder / "model.onnx")
        for seed in range(RUNS):
            TIMELINE.restart(seed)
            settings = SweepSettings(
                backends=("fake",), sizes=Sizes.parse("32"), replicas=2, block_s=0, seed=seed
            )
            sweep([model], settings, folder, launch=launch_in_process)
    with Store.open(folder / "results.sqlite", read_only=True) as store:
        return store.runs()


def verdicts(runs: tuple[Run, ...], *, strategy: Strategy, replica: int) -> Counter[str]:
    """Of an engine, against the first replica of the static one."""
    found: Counter[str] = Counter()
    for run in runs:
        by_cell = {(r.trial.cell.strategy, r.trial.replica): r for r in run.results}
        ratio = compare_results(by_cell[strategy, replica], by_cell["static", 0])
        assert ratio.paired
        found[ratio.verdict] += 1
    assert found.total() == RUNS
    return found


def test_the_same_engine_twice_rarely_shows_a_difference(runs: tuple[Run, ...]) -> None:
    found = verdicts(runs, strategy="static", replica=1)
    assert found["faster"] + found["slower"] <= 8


def test_a_planted_difference_of_five_percent_is_found(runs: tuple[Run, ...]) -> None:
    assert verdicts(runs, strategy="dynamic", replica=0)["slower"] >= 190
    assert verdicts(runs, strategy="dynamic", replica=1)["slower"] >= 190
