"""Memory by the machine and by cgroups, on trees of files that are made up."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from sizewise.core.machine import memory
from tests.sizewise.core.machine.test_cores import cgroups

MIB = 2**20
V2, V1 = "0::/a/b\n", "4:memory:/docker/job\n3:cpu:/elsewhere\n"
TREES = {
    "v2": (
        V2,
        {"a/b/memory.max": f"{100 * MIB}\n", "a/b/memory.current": f"{60 * MIB}\n"},
        100,
        40,
    ),
    "above it": (
        V2,
        {
            "a/memory.max": f"{80 * MIB}",
            "a/memory.current": f"{80 * MIB}",
            "a/memory.stat": f"anon 1\ninactive_file {30 * MIB}\n",
            "a/b/memory.max": "max\n",
        },
        80,
        30,
    ),
    "v1": (
        V1,
        {
            "memory/docker/job/memory.limit_in_bytes": f"{50 * MIB}",
            "memory/docker/job/memory.usage_in_bytes": f"{45 * MIB}",
            "memory/docker/job/memory.stat": f"cache 7\ntotal_inactive_file {5 * MIB}\n",
        },
        50,
        10,
    ),
    "more is taken than granted": (
        V2,
        {"memory.max": f"{10 * MIB}", "memory.current": f"{11 * MIB}"},
        10,
        0,
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_a_cgroup_grants_less_than_the_machine_has(tmp_path: Path, name: str) -> None:
    own, files, usable, free = TREES[name]
    found = cgroups(tmp_path, own, files)
    assert memory.usable_bytes(*found) == usable * MIB
    assert memory.free_bytes(*found) == free * MIB


@pytest.mark.parametrize("files", [{}, {"memory.max": "max"}, {"memory.max": "", "x": ""}])
def test_without_a_limit_it_is_all_of_the_machine(tmp_path: Path, files: dict[str, str]) -> None:
    found = cgroups(tmp_path, V2, files)
    assert memory.usable_bytes(*found) == psutil.virtual_memory().total
    assert 0 < memory.free_bytes(*found) <= memory.usable_bytes(*found)


def test_a_child_may_take_some_of_it_and_not_all() -> None:
    assert 0 < memory.default_limit_bytes() < memory.usable_bytes()


@pytest.mark.parametrize(
    ("own", "files", "kills"),
    [
        (V2, {"a/b/memory.events": "low 0\noom 9\noom_kill 3\noom_group_kill 1\n"}, 3),
        (V1, {"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"}, 2),
        (V1, {"memory/memory.oom_control": "under_oom 0\n"}, 7),
        (V2, {}, 7),
    ],
)
def test_the_kernels_kills_are_counted_where_they_are_told(
    tmp_path: Path, own: str, files: dict[str, str], kills: int
) -> None:
    machine = tmp_path / "vmstat"
    machine.write_text("pgpgin 5\noom_kill 7\n")
    found = cgroups(tmp_path, own, files)
    assert memory.oom_kills(*found, machine) == kills
    assert memory.oom_kills(*found, tmp_path / "none") == (0 if kills == 7 else kills)
