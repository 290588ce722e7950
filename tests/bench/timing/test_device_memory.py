"""GPU memory, by a driver that is made up: none is needed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from bench.timing import readings

OTHERS = os.getpid() + 1


@dataclass
class FakeNvml:
    """``devices`` has a list of (process number, bytes) each; ``fails_in`` is a function's name."""

    devices: list[list[tuple[int, int | None]]]
    fails_in: str = ""
    open: int = 0
    calls: list[str] = field(default_factory=list)
    NVMLError: type[Exception] = RuntimeError

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fails_in:
            raise self.NVMLError(name)

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        self._called("nvmlInit")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self._called("nvmlShutdown")
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        self._called("nvmlDeviceGetCount")
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        self._called("nvmlDeviceGetHandleByIndex")
        return index

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:  # noqa: N802
        self._called("nvmlDeviceGetComputeRunningProcesses")
        found = self.devices[handle]
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in found]


def reported(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> int | None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    used = readings.device_bytes()
    assert nvml.open == 0
    return used


def test_ours_is_summed_over_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.getpid()
    nvml = FakeNvml([[(ours, 300), (OTHERS, 7000)], [(OTHERS, 50)], [(ours, 20)]])
    assert reported(monkeypatch, nvml) == 320


@pytest.mark.parametrize(
    "devices",
    [
        pytest.param([[(OTHERS, 300)], []], id="not listed"),
        pytest.param([[(os.getpid(), None)]], id="no figure"),
        pytest.param([[(os.getpid(), 300)], [(os.getpid(), None)]], id="a figure for one of two"),
        pytest.param([], id="no device"),
    ],
)
def test_what_is_not_reported_is_none(
    monkeypatch: pytest.MonkeyPatch, devices: list[list[tuple[int, int | None]]]
) -> None:
    assert reported(monkeypatch, FakeNvml(devices)) is None


@pytest.mark.parametrize(
    "name",
    [
        "nvmlInit",
        "nvmlDeviceGetCount",
        "nvmlDeviceGetHandleByIndex",
        "nvmlDeviceGetComputeRunningProcesses",
    ],
)
def test_a_driver_that_refuses_reports_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    nvml = FakeNvml([[(os.getpid(), 300)]], fails_in=name)
    assert reported(monkeypatch, nvml) is None
    assert nvml.calls[-1] == ("nvmlInit" if name == "nvmlInit" else "nvmlShutdown")


def test_without_the_library_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert readings.device_bytes() is None


def test_the_library_has_every_name_that_is_used() -> None:
    names = [name for name in dir(FakeNvml) if name.startswith("nvml")]
    assert len(names) == 5
    assert all(callable(getattr(pynvml, name)) for name in names)
    assert issubclass(pynvml.NVMLError, Exception)
    assert "usedGpuMemory" in dict(pynvml.c_nvmlProcessInfo_v3_t._fields_)
