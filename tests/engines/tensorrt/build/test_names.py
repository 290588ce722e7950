"""Sessions are driven over fakes, so each name of the fakes must be one that the libraries have.

The fakes have no other public names and refuse every other, so that this holds for the sessions.
"""

from __future__ import annotations

import inspect
import re
from enum import EnumMeta
from types import ModuleType
from typing import Any

import pytest

from tests.engines.tensorrt import fake_trt
from tests.engines.tensorrt.fake_cuda import Device, FakeCuda
from tests.engines.tensorrt.run.sessions import infer, open_session, plan_of

runtime = pytest.importorskip("cuda.bindings.runtime")
trt: ModuleType = pytest.importorskip("tensorrt_rtx")

CLASSES = {
    fake_trt.FakeEngine: "ICudaEngine",
    fake_trt.FakeContext: "IExecutionContext",
    fake_trt.CapturableContext: "IExecutionContext",
    fake_trt.FakeSettings: "IRuntimeConfig",
}
IN_11_ONLY = {"is_stream_capturable"}


def public(thing: object) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


TRT_NAMES = [(fake, name) for fake in CLASSES for name in public(fake)]
CUDA_NAMES = public(FakeCuda)
MODULE_NAMES = public(fake_trt.fake_trt(rtx=True))


@pytest.mark.parametrize(("fake", "name"), TRT_NAMES)
def test_tensorrt_has_the_name(fake: type, name: str) -> None:
    real = getattr(getattr(trt, CLASSES[fake]), name)
    mine = getattr(fake, name)
    if inspect.isfunction(mine):
        assert _parameters(mine) in _signatures(real.__doc__), real.__doc__


@pytest.mark.parametrize("name", CUDA_NAMES)
def test_cuda_has_the_name(name: str) -> None:
    real, mine = getattr(runtime, name), getattr(FakeCuda, name)
    if isinstance(mine, EnumMeta):
        _check_members(mine, real)
    elif inspect.isfunction(mine):
        (given,) = _signatures(real.__doc__, first_line=True)
        assert _parameters(mine) == given
    else:
        assert int(real) == mine


@pytest.mark.parametrize("name", MODULE_NAMES)
def test_the_module_has_the_name(name: str) -> None:
    real, mine = getattr(trt, name), getattr(fake_trt, name)
    if isinstance(mine, EnumMeta):
        _check_members(mine, real)
    else:
        assert callable(real)


def test_types_of_tensors_are_named_alike() -> None:
    _check_members(fake_trt.DataType, trt.DataType, values=False)
    for kind in (fake_trt.DataType.FLOAT, fake_trt.DataType.INT32):
        assert trt.nptype(getattr(trt.DataType, kind.name)) is fake_trt.nptype(kind)
    with pytest.raises(TypeError):
        trt.nptype(trt.DataType.BF16)


def test_every_name_of_the_fakes_is_used() -> None:
    """So that none stays that sessions have left behind."""
    source = "".join(inspect.getsource(m) for m in _session_modules())
    names = {name for _, name in TRT_NAMES} | set(CUDA_NAMES) | set(MODULE_NAMES)
    assert [
        name for name in sorted(names) if not re.search(rf"\.{name}\b|\"{name}\"", source)
    ] == []


def test_fakes_take_no_other_name() -> None:
    plan = plan_of()
    context = fake_trt.FakeContext(plan)
    name = "device_memory"
    for fake in (context, fake_trt.FakeEngine(plan), fake_trt.FakeSettings()):
        with pytest.raises(AttributeError):
            getattr(fake, name)
        with pytest.raises(AttributeError):
            setattr(fake, name, 1)
    name = "cudaMallocAsync"
    with pytest.raises(AttributeError):
        getattr(FakeCuda(Device()), name)


def test_a_context_of_an_older_version_lacks_what_came_later() -> None:
    older, newer = public(fake_trt.FakeContext), public(fake_trt.CapturableContext)
    assert set(newer) - set(older) == IN_11_ONLY
    plan = plan_of(capturable=None)
    with open_session(plan) as session:
        for _ in range(3):
            infer(session, 4)
    assert "cudaGraphLaunch" in plan.device.log


def _session_modules() -> list[ModuleType]:
    from engines.tensorrt.run import contexts, cuda, cuda_graphs, io_tensors, session, tensors

    return [contexts, cuda, cuda_graphs, session, io_tensors, tensors]


def _parameters(function: Any) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(function).parameters if name != "self")


def _signatures(text: str, *, first_line: bool = False) -> list[tuple[str, ...]]:
    """Names of the parameters of all overloads, as a docstring of pybind11 or Cython gives them."""
    lines = text.strip().splitlines()[:1] if first_line else text.splitlines()
    heads = [line for line in lines if re.match(r"(\d+\. )?\w+\(.*\)", line.strip())]
    return [_named(head[head.index("(") + 1 : head.rindex(")")]) for head in heads]


def _named(inside: str) -> tuple[str, ...]:
    # A default such as <Strategy.STATIC: 0> and types in brackets hold commas and colons, too.
    flat = re.sub(r"\[[^\[\]]*\]|<[^>]*>", "", inside)
    names = [
        part.split(":")[0].split("=")[0].split()[-1] for part in flat.split(",") if part.strip()
    ]
    return tuple(name for name in names if name != "self")


def _check_members(mine: EnumMeta, real: Any, *, values: bool = True) -> None:
    for member in mine:  # type: ignore[var-annotated]
        assert hasattr(real, member.name)
        assert not values or int(getattr(real, member.name)) == member.value
