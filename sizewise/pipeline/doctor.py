"""What can be used on this machine, what is missing, and why."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sizewise.core.machine.environment import Environment
from sizewise.core.machine.nvidia import find_devices

if TYPE_CHECKING:
    from engines.base import Availability


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked for.

    ``here``: it can be used (a back end: it runs engines). ``builds``: it builds engines, even if
    only for another machine.
    """

    kind: str
    name: str
    here: bool
    detail: str
    todo: str = ""
    builds: bool = False

    @property
    def answer(self) -> str:
        return "yes" if self.here else "builds only" if self.builds else "no"


def examine(environment: Environment) -> tuple[Finding, ...]:
    """Everything that was looked for: devices, PyTorch, back ends and data."""
    return (*_devices(environment), *_torch(environment), *_backends(), *_data())


def _devices(environment: Environment) -> list[Finding]:
    flags = " ".join(environment.cpu_flags)
    cpu = Finding(
        kind="device",
        name="CPU",
        here=True,
        detail=f"{environment.cpu}, {_cores(environment)}, "
        f"{environment.memory_bytes / 2**30:.0f} GiB, {flags}",
    )
    return [cpu, *_gpus()]


def _cores(environment: Environment) -> str:
    """``2 cores, of which a quota grants 1``: a container's quota is less than its cores."""
    quota = environment.quota
    limited = quota is not None and quota < environment.cores
    return f"{environment.cores} cores" + (
        f", of which a quota grants {quota:g}" if limited else ""
    )


def _gpus() -> list[Finding]:
    devices = find_devices()
    if not devices.found:
        return [
            Finding(kind="device", name="GPU", here=False, detail=devices.reason, todo=devices.todo)
        ]
    driver = f"driver {devices.driver} (CUDA {devices.cuda})"
    return [
        Finding(
            kind="device",
            name="GPU",
            here=True,
            detail=f"{device.name}, compute capability {device.capability}, "
            f"{device.memory_bytes / 2**30:.0f} GiB, {driver}",
        )
        for device in devices.found
    ]


def _torch(environment: Environment) -> list[Finding]:
    version = environment.packages.get("torch")
    return [
        Finding(
            kind="training, export",
            name="PyTorch",
            here=version is not None,
            detail=version or "not installed: train, export and the torch back ends need it",
            todo="" if version else "pip install 'sizewise[torch]'",
        )
    ]


def _backends() -> list[Finding]:
    from engines.registry import backends

    findings = []
    for name, backend in backends().items():
        if backend.for_tests:
            continue
        build, run = backend.can_build(), backend.can_run()
        todos = [answer.todo for answer in (build, run) if not answer.ok]
        findings.append(
            Finding(
                kind="back end",
                name=name,
                here=run.ok,
                detail=", ".join(filter(None, (backend.version(), _abilities(build, run)))),
                todo=todos[0] if todos else "",
                builds=build.ok,
            )
        )
    return findings


def _abilities(build: Availability, run: Availability) -> str:
    if build.ok and run.ok:
        return "builds and runs"
    if build.ok:
        return f"builds, but does not run: {run.reason}"
    if run.ok:
        return f"runs, but does not build: {build.reason}"
    return " and ".join(dict.fromkeys((build.reason, run.reason)))


def _data() -> list[Finding]:
    from netzoo.data.sources import datasets

    findings = []
    for name, entry in datasets().items():
        missing = [package for package in entry.packages if find_spec(package) is None]
        findings.append(
            Finding(
                kind="data",
                name=name,
                here=not missing,
                detail=entry.description,
                todo=f"pip install 'sizewise[{entry.extra}]'" if missing else "",
            )
        )
    return findings
