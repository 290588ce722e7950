"""What ``doctor`` says of back ends that build and don't run, and of GPUs that are not here."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engines.backends.fake import Fake
from engines.base import Availability
from engines.registry import backends
from engines.tensorrt.availability import TENSORRT, TENSORRT_RTX
from sizewise.core.machine import nvidia
from sizewise.core.machine.environment import read_environment
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.pipeline import doctor
from tests.sizewise.cli.conftest import Cli

NOT_HERE = Availability(False, "a reason", "A thing to do")
HERE = Availability(True)


def pretend(patch: pytest.MonkeyPatch, build: Availability, run: Availability) -> None:
    patch.setattr(Fake, "for_tests", False)
    patch.setattr(Fake, "can_build", lambda self: build)
    patch.setattr(Fake, "can_run", lambda self: run)


def finding(cli: Cli, name: str) -> dict[str, Any]:
    findings = json.loads(cli("doctor", "--json").out)["findings"]
    (found,) = [f for f in findings if f["name"] == name]
    assert isinstance(found, dict)
    return found


def row(cli: Cli, name: str) -> list[str]:
    lines = [line for line in cli("doctor").out.splitlines() if f" {name} " in line]
    return [cell.strip() for cell in lines[0].split("│")]


@pytest.mark.parametrize(
    ("cores", "quota", "said"),
    [
        (2, 1.0, "2 cores, of which a quota grants 1, "),
        (64, 2.5, "64 cores, of which a quota grants 2.5, "),
        (2, 4.0, "2 cores, "),
        (2, None, "2 cores, "),
    ],
)
def test_a_quota_of_the_container_stands_beside_its_cores(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, cores: int, quota: float | None, said: str
) -> None:
    here = replace(read_environment(), cores=cores, quota=quota, cpu="A CPU")
    monkeypatch.setattr("sizewise.cli.doctor.read_environment", lambda: here)
    assert finding(cli, "CPU")["detail"].startswith(
        f"A CPU, {said}{here.memory_bytes / 2**30:.0f} GiB"
    )


@pytest.mark.parametrize(
    ("answers", "here", "detail"),
    [
        ((HERE, HERE), "yes", "1, builds and runs"),
        ((HERE, NOT_HERE), "builds only", "1, builds, but does not run: a reason"),
        ((NOT_HERE, HERE), "yes", "1, runs, but does not build: a reason"),
        ((NOT_HERE, NOT_HERE), "no", "1, a reason"),
    ],
)
def test_building_and_running_are_told_apart(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    answers: tuple[Availability, Availability],
    here: str,
    detail: str,
) -> None:
    build, run = answers
    pretend(monkeypatch, build, run)
    found = finding(cli, "fake")
    assert (found["builds"], found["here"], found["detail"]) == (build.ok, run.ok, detail)
    assert found["todo"] == ("" if build.ok and run.ok else "A thing to do")
    assert row(cli, "fake")[3:5] == [here, detail]
    assert ("fake: A thing to do" in cli("doctor").out) == bool(found["todo"])


def test_how_to_install_each_tensorrt_is_said_in_lines_that_can_be_copied(cli: Cli) -> None:
    lines = [line.strip() for line in cli("doctor").out.splitlines()]
    assert lines.count(TENSORRT_RTX.install) == 2
    assert lines.count(TENSORRT.install) == 1
    assert max(len(line) for line in (TENSORRT.install, TENSORRT_RTX.install)) < 100


def test_each_gpu_is_told_with_its_compute_capability(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = tuple(
        Device(name=name, capability=capability, memory_bytes=24 << 30)
        for name, capability in (("RTX 4090", "8.9"), ("H200", "9.0"))
    )
    devices = Devices(found=gpus, driver="580.1", cuda="13.1")
    for module in (nvidia, doctor):
        monkeypatch.setattr(module, "find_devices", lambda: devices)
    findings = json.loads(cli("doctor", "--json").out)["findings"]
    assert [f["detail"] for f in findings if f["name"] == "GPU"] == [
        "RTX 4090, compute capability 8.9, 24 GiB, driver 580.1 (CUDA 13.1)",
        "H200, compute capability 9.0, 24 GiB, driver 580.1 (CUDA 13.1)",
    ]


def test_no_gpu_is_told_with_the_drivers_reason(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Devices(reason="the driver sleeps", todo="Wake it")
    monkeypatch.setattr(doctor, "find_devices", lambda: missing)
    found = finding(cli, "GPU")
    assert (found["here"], found["detail"], found["todo"]) == (
        False,
        "the driver sleeps",
        "Wake it",
    )


def test_back_ends_are_those_that_are_offered(cli: Cli) -> None:
    findings = json.loads(cli("doctor", "--json").out)["findings"]
    offered = [name for name, backend in backends().items() if not backend.for_tests]
    assert [f["name"] for f in findings if f["kind"] == "back end"] == offered
