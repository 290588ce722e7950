"""Pressure, quotas and swap, from made-up files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.gate.waiting import pressure_ns, swapped_pages, throttled_ns

PRESSURE = """\
some avg10=30.58 avg60=18.46 avg300=12.64 total=8940443755
full avg10=0.00 avg60=0.00 avg300=0.00 total=17
"""
V2 = "usage_usec 99\nuser_usec 90\nnr_periods 40\nnr_throttled 7\nthrottled_usec {}\n"
V1 = "nr_periods 40\nnr_throttled 7\nthrottled_time {}\n"


def filed(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_pressure_is_the_time_that_some_task_waited(tmp_path: Path) -> None:
    assert pressure_ns(filed(tmp_path / "cpu", PRESSURE)) == 8940443755_000


@pytest.mark.parametrize("text", ["", "full avg10=0.00 total=17\n"])
def test_no_pressure_where_the_kernel_counts_none(tmp_path: Path, text: str) -> None:
    assert pressure_ns(filed(tmp_path / "cpu", text)) is None
    assert pressure_ns(tmp_path / "nothing") is None


def test_quotas_of_all_cgroups_above_stop_us(tmp_path: Path) -> None:
    """cgroup v2: one tree; the root has no times."""
    filed(tmp_path / "cpu.stat", "usage_usec 99\n")
    filed(tmp_path / "pod/cpu.stat", V2.format(500))
    filed(tmp_path / "pod/own/cpu.stat", V2.format(30))
    filed(tmp_path / "pod/other/cpu.stat", V2.format(7000))
    own = filed(tmp_path / "own", "0::/pod/own\n")
    assert throttled_ns(tmp_path, own) == 530_000


def test_quotas_of_version_1_stop_us(tmp_path: Path) -> None:
    """cgroup v1: a tree for each controller, and in a container the inner one is its root."""
    filed(tmp_path / "cpu,cpuacct/cpu.stat", V1.format(123_456_789))
    filed(tmp_path / "memory/docker/1f/cpu.stat", V1.format(5))
    own = filed(tmp_path / "own", "9:memory:/docker/1f\n5:cpu,cpuacct:/docker/1f\n0::/\n")
    assert throttled_ns(tmp_path, own) == 123_456_789


def test_no_quota_without_cgroups(tmp_path: Path) -> None:
    assert throttled_ns(tmp_path, tmp_path / "nothing") is None
    own = filed(tmp_path / "own", "0::/user.slice\n")
    assert throttled_ns(tmp_path, own) is None


def test_pages_count_both_ways(tmp_path: Path) -> None:
    vmstat = filed(tmp_path / "vmstat", "nr_free_pages 81\npswpin 12\npswpout 30\npgfault 9\n")
    assert swapped_pages(vmstat) == 42


@pytest.mark.parametrize("text", ["", "nr_free_pages 81\n", "pswpin 12\n"])
def test_no_pages_where_the_system_has_no_swap(tmp_path: Path, text: str) -> None:
    assert swapped_pages(filed(tmp_path / "vmstat", text)) is None
