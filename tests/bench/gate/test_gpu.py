"""The GPU's state, by a driver that is made up: none is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.gate import gpu
from bench.gate.gpu import GpuState, gpu_state
from sizewise.core.machine.nvidia import Device, Devices

pynvml = pytest.importorskip("pynvml")
OURS, OTHER, NOBODY = 17, os.getppid(), 2**31 - 1


class Driver(SimpleNamespace):
    """pynvml with two GPUs; ``refused`` are the names of functions that this GPU does not offer.
    ``pids`` compute on it, and those of ``drawing`` draw, by the percent of its time they have."""

    NVMLError = pynvml.NVMLError

    def __init__(
        self, *refused: str, pids: tuple[int, ...] = (), drawing: Mapping[int, int] | None = None
    ) -> None:
        super().__init__(refused=refused, pids=pids, drawing=drawing or {}, asked=0)

    def _answer(self, name: str, gpu_index: int, answer: Any) -> Any:
        assert gpu_index == 1
        if name in self.refused:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return answer

    def nvmlInit(self) -> None:  # noqa: N802 - these names are NVIDIA's
        self.asked += 1
        if "nvmlInit" in self.refused:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}"

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return str(self._answer("nvmlDeviceGetName", handle, f"GPU {handle}"))

    def nvmlDeviceGetClockInfo(self, handle: int, kind: int) -> int:  # noqa: N802
        assert kind == pynvml.NVML_CLOCK_SM
        return int(self._answer("nvmlDeviceGetClockInfo", handle, 1980))

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return int(self._answer("nvmlDeviceGetTemperature", handle, 41))

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        return int(self._answer("nvmlDeviceGetPowerUsage", handle, 312_500))

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: int) -> int:  # noqa: N802
        return int(self._answer("nvmlDeviceGetCurrentClocksEventReasons", handle, 0x24))

    def nvmlDeviceGetViolationStatus(self, handle: int, policy: int) -> Any:  # noqa: N802
        status = SimpleNamespace(violationTime=1000 + policy)
        return self._answer("nvmlDeviceGetViolationStatus", handle, status)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:  # noqa: N802
        listed = [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in self.pids]
        return list(self._answer("nvmlDeviceGetComputeRunningProcesses", handle, listed))

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[Any]:  # noqa: N802
        listed = [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in self.drawing]
        return list(self._answer("nvmlDeviceGetGraphicsRunningProcesses", handle, listed))

    def nvmlDeviceGetProcessUtilization(self, handle: int, since: int) -> list[Any]:  # noqa: N802
        assert since == 0
        work = dict.fromkeys(self.pids, 100) | self.drawing
        samples = [SimpleNamespace(pid=pid, smUtil=share) for pid, share in work.items()]
        return list(self._answer("nvmlDeviceGetProcessUtilization", handle, samples))


FOUND = Devices(found=(Device(name="GPU 1", capability="9.0", memory_bytes=1),))


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    gpu._opened.cache_clear()
    yield
    gpu._opened.cache_clear()


def state(patch: pytest.MonkeyPatch, driver: Driver | None, found: Devices = FOUND) -> Any:
    patch.setitem(sys.modules, "pynvml", driver)
    patch.setattr(gpu, "_uses_a_gpu", lambda pid: pid == OURS)
    patch.setattr(gpu, "find_devices", lambda: found)
    return gpu_state([OURS])


def test_every_name_and_number_is_nvmls() -> None:
    names = [name for name in vars(Driver) if name.startswith("nvml")]
    assert len(names) == 13
    assert all(callable(getattr(pynvml, name)) for name in names)
    bits = {
        *("SwPowerCap", "HwSlowdown", "SyncBoost", "SwThermalSlowdown"),
        *("HwThermalSlowdown", "HwPowerBrakeSlowdown", "DisplayClockSetting"),
    }
    named = {getattr(pynvml, f"nvmlClocksEventReason{name}") for name in bits}
    named.add(pynvml.nvmlClocksThrottleReasonBoardLimit)
    assert named == set(gpu._REASONS)
    policies = {"POWER", "THERMAL", "BOARD_LIMIT"}
    assert {getattr(pynvml, f"NVML_PERF_POLICY_{name}") for name in policies} == set(gpu._POLICIES)


def test_the_state_is_of_the_first_gpu_that_cuda_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(pids=(os.getpid(), OURS, OTHER, NOBODY))
    assert state(monkeypatch, driver) == GpuState(
        name="GPU 1",
        figures={"sm_mhz": 1980.0, "celsius": 41.0, "watts": 312.5},
        reasons=0x24,
        limited_ns={0: 1000, 1: 1001, 3: 1003},
        programs=1,
    )
    state(monkeypatch, driver)
    assert driver.asked == 1


ASKED = {
    name
    for name in vars(Driver)
    if name.startswith("nvmlDeviceGet")
    and name.removeprefix("nvmlDeviceGet") not in {"Count", "HandleByIndex", "UUID"}
}
"""Of the GPU itself, once it is found."""


def test_what_a_gpu_does_not_offer_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = state(monkeypatch, Driver(*ASKED))
    assert found == GpuState(name="GPU", figures={}, reasons=0, limited_ns={}, programs=None)


def test_a_gpu_that_is_lost_during_a_wave_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call then fails, and the wave goes on."""
    driver = Driver(pids=(OURS,))
    assert state(monkeypatch, driver).programs == 0
    driver.refused = ASKED
    found = state(monkeypatch, driver)
    assert found == GpuState(name="GPU 1", figures={}, reasons=0, limited_ns={}, programs=None)


@pytest.mark.parametrize(
    ("computing", "drawing", "programs"),
    [
        ((OURS,), {}, 0),
        ((OURS, OTHER), {}, 1),
        ((OURS, NOBODY), {}, 0),  # it ended meanwhile
        ((OURS,), {OTHER: 50}, 1),
        ((OURS,), {OTHER: 2}, 0),  # a desktop at rest
        ((OURS, OTHER), {OTHER: 50}, 1),  # one that does both
        ((OURS,), {OURS: 90}, 0),
        ((), {}, None),
        ((NOBODY, OTHER), {}, None),  # ours is listed by a number of another name space
        ((OTHER,), {OTHER: 50}, None),
    ],
)
def test_other_programs_are_counted_where_ours_are_listed(
    monkeypatch: pytest.MonkeyPatch,
    computing: tuple[int, ...],
    drawing: dict[int, int],
    programs: int | None,
) -> None:
    found = state(monkeypatch, Driver(pids=computing, drawing=drawing))
    assert found.programs == programs


def test_programs_that_draw_do_not_count_where_their_work_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver("nvmlDeviceGetProcessUtilization", pids=(OURS,), drawing={OTHER: 50})
    assert state(monkeypatch, driver).programs == 0


def test_without_a_gpu_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    assert state(monkeypatch, driver, Devices(reason="no driver")) is None
    assert driver.asked == 0


def test_a_driver_that_failed_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver("nvmlInit")
    assert state(monkeypatch, driver) is None
    driver.refused = ()
    assert state(monkeypatch, driver).name == "GPU 1"
    assert driver.asked == 2


def test_a_hidden_gpu_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert state(monkeypatch, Driver()) is None


def test_a_gpu_that_no_engine_uses_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "find_devices", lambda: FOUND)
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    monkeypatch.setattr(gpu, "_uses_a_gpu", lambda pid: False)
    assert gpu_state([OURS]) is None
    assert gpu_state([]) is None


@pytest.mark.parametrize(
    ("opened", "uses"),
    [
        (("/dev/null", "/dev/nvidiactl", "/dev/nvidia0"), True),
        (("/dev/dxg",), True),
        (("/dev/null", "pipe:[3321]", "/data/nvidia"), False),
        ((), False),
    ],
)
def test_a_process_that_uses_a_gpu_has_it_open(
    tmp_path: Path, opened: tuple[str, ...], uses: bool
) -> None:
    folder = tmp_path / str(OURS) / "fd"
    folder.mkdir(parents=True)
    for number, path in enumerate(opened):
        (folder / str(number)).symlink_to(path)
    assert gpu._uses_a_gpu(OURS, tmp_path) is uses


def test_whether_a_gpu_is_used_may_be_unknown(tmp_path: Path) -> None:
    """A child that ended uses none; on systems without /proc any may."""
    assert not gpu._uses_a_gpu(OURS, tmp_path)
    assert gpu._uses_a_gpu(OURS, tmp_path / "nothing")
