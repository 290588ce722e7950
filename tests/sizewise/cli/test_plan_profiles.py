"""``sizewise plan`` over engines of several profiles: their bounds are those of the traffic."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from bench.planning.settings import SweepSettings
from bench.sweep import sweep
from reports.choice.planning.limits import PlanLimits
from reports.load import read_records
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.progress import SILENT
from sizewise.core.specs import Sizes
from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, open_traffic
from sizewise.pipeline.records.planning.profiling import COUNTS, missing_profiles
from sizewise.pipeline.records.planning.setting import read_sources, setting_of
from tests.bench.factories import quietly
from tests.sizewise.cli.conftest import Cli, write_tiny

pytestmark = pytest.mark.usefixtures("quiet_machine", "undrawn")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Of an engine of two profiles that end where no picture of the traffic does."""
    settings = SweepSettings(
        backends=("fake",),
        strategies=("profiles",),
        sizes=Sizes.parse("64:160:32"),
        profiles="2",
        threads=1,
        processes=1,
        rounds=1,
        block_calls=2,
        block_s=0.0,
    )
    model = read_model(write_tiny(tmp_path / "tiny.onnx"))
    sweep((model,), settings, tmp_path / "run", watch=quietly)
    return tmp_path / "run" / "results.sqlite"


@pytest.fixture
def came(tmp_path: Path) -> Path:
    sizes = ["128,64"] * 6 + ["160,160"] * 2 + ["64,64"] * 4
    path = tmp_path / "came.csv"
    path.write_text("\n".join(["width,height", *sizes]) + "\n", encoding="utf-8")
    return path


def test_the_plan_says_how_to_measure_them(
    cli: Cli, results: Path, came: Path, tmp_path: Path
) -> None:
    given = ("plan", results, "--traffic", came, "--max-memory-mib", 4000, "--out", tmp_path / "p")
    missing = json.loads(cli(*given, "--json").out)["missing"]
    (told,) = [one for one in missing if "profiles with bounds for this traffic" in one]
    assert "2 profiles" in told
    assert "(64x128 and 160x160)" in told
    command = shlex.split(told.partition(": sizewise ")[2])
    assert command[command.index("--profiles") + 1] == "64x128,160x160"
    said = cli(*command, "--rigor", "quick", "--processes", 1)
    assert said.code == 0, said
    again = json.loads(cli(*given, "--json").out)
    assert not [one for one in again["missing"] if "profiles with bounds" in one]
    assert ["64x128", "160x160"] in [ends(one) for one in again["plan"]["engines"]]


def test_several_numbers_of_profiles_are_offered(results: Path, came: Path) -> None:
    sources = read_sources(results, None)
    traffic = open_traffic(str(came), TrafficOptions(), SILENT)
    setting = setting_of(sources, traffic, PlanLimits(max_memory_mib=4000.0), None)
    found = missing_profiles(setting, COUNTS)
    assert [one.requested for one in found] == ["64x128,160x160", "64x64,64x128,160x160"]
    (as_many,) = missing_profiles(setting)
    assert as_many == found[0]


@pytest.mark.slow
def test_measure_tries_several_numbers_of_profiles(
    cli: Cli, results: Path, came: Path, tmp_path: Path
) -> None:
    said = cli(
        *("plan", results, "--traffic", came, "--max-memory-mib", 4000, "--out", tmp_path / "p"),
        *("--measure", "--max-engines", 1, "--json"),
    )
    assert said.code == 0, said
    document = json.loads(said.out)
    assert not [one for one in document["missing"] if "profiles with bounds" in one]
    measured = {
        tuple(str(profile.max) for profile in row.result.trial.spec.profiles)
        for row in read_records(results).rows
    }
    assert {("64x128", "160x160"), ("64x64", "64x128", "160x160")} < measured


def ends(engine: dict[str, Any]) -> list[str]:
    """The largest size of each profile."""
    return ["{height}x{width}".format(**one["max"]) for one in engine["spec"]["profiles"]]
