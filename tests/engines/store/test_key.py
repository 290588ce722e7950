"""Whatever decides an engine is in its name: every field, those of tomorrow too."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from engines.backends.fake import Fake
from engines.registry import backends
from engines.store import request as request_module
from engines.store.request import Request
from sizewise.core.machine import environment as environment_module
from sizewise.core.machine.environment import Environment, read_environment
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.specs import BatchRange, EngineSpec, FurtherInput, Profile, Size
from tests.engines.nets import unwritten_net

PROFILE = Profile(min=Size(64, 64), opt=Size(64, 96), max=Size(96, 96))
SCALE = FurtherInput(name="scale", dtype="float32", shape=(1,))
SAID_BESIDE = {"sizewise", "kernel", "packages", "boot", "microcode"}
"""Fields of an environment that decide no engine: a back end's version and its builder's number
are in the request, and the rest says which start of the same machine it was."""


def changed(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """``value`` with each of its fields in turn another, at any depth, and that field's name."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            for inner, other in changed(getattr(value, field.name), f"{name}.{field.name}"):
                twin = copy.copy(value)
                object.__setattr__(twin, field.name, other)
                yield inner, twin
    elif isinstance(value, tuple) and value:
        yield f"{name}.length", (*value, value[-1])
        for place, one in enumerate(value):
            for inner, other in changed(one, f"{name}.{place}"):
                yield inner, (*value[:place], other, *value[place + 1 :])
    else:
        yield name, "another"


def full_spec(backend: str) -> EngineSpec:
    """Nothing is left out, the back end's own options neither."""
    spec = EngineSpec(
        backend=backend,
        strategy="dynamic",
        profiles=(PROFILE, Profile.fixed(Size(64, 64))),
        batch_range=BatchRange(1, 4),
    )
    object.__setattr__(spec, "options", backends()[backend].options_type())
    return spec


def a_request(backend: str = "fake") -> Request:
    return Request(unwritten_net(), full_spec(backend), backends()[backend], "ab" * 32, 1)


@pytest.mark.parametrize("backend", sorted(backends()))
def test_each_field_of_a_specification_is_in_the_name(backend: str) -> None:
    request = a_request(backend)
    names = {
        path: replace(request, spec=other).name for path, other in changed(request.spec, "spec")
    }
    tops = {path.split(".")[1] for path in names}
    assert tops == {field.name for field in fields(EngineSpec)}
    options = {path.split(".")[2] for path in names if path.startswith("spec.options.")}
    assert options == {field.name for field in fields(backends()[backend].options_type)}
    assert {"spec.profiles.1.opt.width", "spec.batch_range.min"} <= names.keys()
    assert len({*names.values(), request.name}) == len(names) + 1


def _patched(request: Request, patch: pytest.MonkeyPatch, name: str, value: object) -> Request:
    patch.setattr(Fake, name, value)
    return request


def _with_further(request: Request, patch: pytest.MonkeyPatch) -> Request:
    patch.setattr(request_module, "further_of", lambda model: (SCALE,))
    return request


SOURCES: dict[str, Callable[[Request, pytest.MonkeyPatch], Request]] = {
    "model": lambda r, _: replace(r, model=replace(r.model, sha256="cd" * 32)),
    "spec": lambda r, _: replace(r, spec=replace(r.spec, threads=2)),
    "version": lambda r, patch: _patched(r, patch, "version", lambda self: "2"),
    "builder": lambda r, patch: _patched(r, patch, "builder", 99),
    "environment": lambda r, _: replace(r, fingerprint="cd" * 32),
    "rebuild": lambda r, _: replace(r, rebuild=2),
    "further": _with_further,
}


def test_every_part_of_a_request_is_changed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(_with_further(a_request(), monkeypatch).plain) == set(SOURCES)
    assert {field.name for field in fields(Request)} == {
        *("model", "spec", "backend", "fingerprint", "rebuild")
    }


@pytest.mark.parametrize("part", SOURCES)
def test_each_part_of_a_request_is_in_the_name(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = a_request().name
    assert SOURCES[part](a_request(), monkeypatch).name != before


def test_each_field_of_the_machine_decides_or_is_known_not_to() -> None:
    here = read_environment()
    others: dict[str, Any] = {
        field.name: _another(getattr(here, field.name)) for field in fields(Environment)
    }
    deciding = {
        name
        for name, other in others.items()
        if replace(here, **{name: other}).fingerprint != here.fingerprint
    }
    assert deciding.isdisjoint(SAID_BESIDE)
    assert deciding | SAID_BESIDE == set(others)


def _another(value: Any) -> Any:
    if isinstance(value, str):
        return f"9.{value}"
    if isinstance(value, tuple):
        return (*value, "another")
    if isinstance(value, dict):
        return value | {"another": "1"}
    return 2**40 + (value or 0)


def test_a_gpu_and_its_driver_are_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint(name: str, driver: str) -> str:
        found = (Device(name=name, capability="9.0", memory_bytes=1),)
        devices = Devices(found=found, driver=driver)
        monkeypatch.setattr(environment_module, "find_devices", lambda: devices)
        return read_environment().fingerprint

    known = {fingerprint(*one) for one in (("H100", "580"), ("H200", "580"), ("H100", "590"))}
    assert len(known) == 3
