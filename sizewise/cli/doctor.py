"""``sizewise doctor``: what is here, what is missing, and why."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.environment import Environment, read_environment


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked for."""

    kind: str
    name: str
    here: bool
    detail: str
    todo: str = ""


def doctor(*, as_json: Json = False) -> None:
    """Say which back ends, devices and data are there, and why any is missing."""
    environment = read_environment()
    findings = [*_devices(environment), *_torch(environment), *_backends(), *_data()]
    if as_json:
        console.show_json(
            {"environment": codec.to_plain(environment), "findings": codec.to_plain(findings)}
        )
        return
    console.show_table(
        f"sizewise {environment.sizewise}, Python {environment.python}",
        ("", "what", "here", "detail", "to do"),
        [(f.kind, f.name, "yes" if f.here else "no", f.detail, f.todo) for f in findings],
    )
    console.next_step("sizewise run examples/digits.toml")


def _devices(environment: Environment) -> list[Finding]:
    flags = " ".join(environment.cpu_flags)
    cpu = Finding(
        kind="device",
        name="CPU",
        here=True,
        detail=f"{environment.cpu}, {environment.cores} cores, "
        f"{environment.memory_bytes / 2**30:.0f} GiB, {flags}",
    )
    gpus = [Finding(kind="device", name="GPU", here=True, detail=d) for d in environment.devices]
    return [cpu, *(gpus or [_no_gpu()])]


def _no_gpu() -> Finding:
    if find_spec("pynvml") is None:
        return Finding(
            kind="device",
            name="GPU",
            here=False,
            detail="not looked for: nvidia-ml-py is not installed",
            todo="With an NVIDIA GPU: pip install 'sizewise[gpu]'",
        )
    return Finding(
        kind="device",
        name="GPU",
        here=False,
        detail="no NVIDIA driver answers",
        todo="Nothing, where there is no NVIDIA GPU; else install its driver",
    )


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
        reasons = dict.fromkeys(a.reason for a in (build, run) if not a.ok)
        verbs = [v for v, a in (("builds", build), ("runs", run)) if a.ok]
        todo = next((a.todo for a in (build, run) if not a.ok), "")
        findings.append(
            Finding(
                kind="back end",
                name=name,
                here=run.ok,
                detail=", ".join(filter(None, (backend.version(), " and ".join(verbs), *reasons))),
                todo=todo,
            )
        )
    return findings


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
