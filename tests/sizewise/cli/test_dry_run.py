"""``sizewise bench --dry-run``: trials and time, and nothing is made."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.sizewise.cli.conftest import Cli

AXES = ("--backend", "fake", "--strategy", "static", "--sizes", "32,64", "--replicas", "2")


def test_it_prints_trials_and_time_and_makes_nothing(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = cli("bench", tiny_model, *AXES, "--rigor", "quick", "--out", out, "--dry-run")
    assert said.code == 0, said
    found = re.search(
        r"4 of 4 trials, 2 engines: (\d+) to (\d+) minutes, at most 10;", " ".join(said.out.split())
    )
    assert found, said.out
    least, most = map(int, found.groups())
    assert 0 < least < most <= 10
    sizes = re.findall(r"(\d+x\d+)\W+(\d+)\W+(\d+)\W+([\d.]+) to ([\d.]+)", said.out)
    assert [size[:3] for size in sizes] == [("32x32", "2", "2"), ("64x64", "2", "2")]
    assert abs(least - sum(float(size[3]) for size in sizes)) <= 1
    assert "10 ms" in said.err, "no latency is known yet"
    assert not out.exists()


def test_as_json_it_gives_the_numbers(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wanted = ("bench", tiny_model, *AXES, "--out", out, "--dry-run", "--json")
    once, thrice = (json.loads(cli(*wanted, "--processes", processes).out) for processes in (1, 3))
    assert (once["trials"], once["pending"], once["engines"]) == (4, 4, 2)
    assert 0 < once["least_minutes"] < once["most_minutes"] < thrice["most_minutes"] < 60
    assert not out.exists()


def test_one_trial_is_told_in_the_singular(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    axes = ("--backend", "fake", "--strategy", "static", "--sizes", "32")
    said = cli("bench", tiny_model, *axes, "--out", tmp_path / "out", "--dry-run")
    assert "1 of 1 trial, 1 engine: " in " ".join(said.out.split())
