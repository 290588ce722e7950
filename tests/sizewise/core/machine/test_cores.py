"""Cores by affinity, by hyper-threads and by a quota, on trees of files that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from sizewise.core.machine import cores


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "allowed_cpus", lambda: frozenset({0, 1, 2, 3}))


def topology(folder: Path, siblings: dict[int, str]) -> Path:
    for cpu, listed in siblings.items():
        path = folder / f"cpu{cpu}" / "topology"
        path.mkdir(parents=True)
        (path / "thread_siblings_list").write_text(f"{listed}\n")
    return folder


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("siblings", "count"),
    [
        ({0: "0", 1: "1", 2: "2", 3: "3"}, 4),
        ({0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}, 2),
        ({0: "0,4", 1: "1,5", 2: "2,6", 3: "3,7"}, 4),
        ({}, 4),
    ],
    ids=["no hyper-threads", "neighbours", "the others are not ours", "unknown"],
)
def test_hyper_threads_of_one_core_count_once(
    tmp_path: Path, siblings: dict[int, str], count: int
) -> None:
    assert cores.physical_cores(topology(tmp_path, siblings)) == count


def cgroups(folder: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    for name, content in files.items():
        path = folder / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    listed = folder / "own"
    listed.write_text(own)
    return folder / "cgroup", listed


@pytest.mark.parametrize(
    ("own", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 0.5),
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n", "cpu.max": "300000 100000\n"}, 1.5),
        ("0::/docker/seen-from-outside\n", {"cpu.max": "250000 100000"}, 2.5),
        (
            "4:memory:/m\n3:cpu,cpuacct:/job\n",
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "150000\n",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            1.5,
        ),
        (
            "3:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("", {}, None),
    ],
    ids=["v2", "above", "the smallest", "container", "v1", "v1 without", "v2 without", "none"],
)
def test_the_quota_is_the_smallest_of_all_cgroups_above(
    tmp_path: Path, own: str, files: dict[str, str], quota: float | None
) -> None:
    assert cores.cpu_quota(*cgroups(tmp_path, own, files)) == quota


@pytest.mark.parametrize(
    ("physical", "quota", "threads"),
    [(8, None, 8), (64, 2.0, 2), (64, 2.5, 2), (4, 16.0, 4), (4, 0.5, 1)],
)
def test_an_engine_has_a_thread_for_each_core_that_is_granted(
    monkeypatch: pytest.MonkeyPatch, physical: int, quota: float | None, threads: int
) -> None:
    monkeypatch.setattr(cores, "physical_cores", lambda: physical)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    assert cores.default_threads() == threads
