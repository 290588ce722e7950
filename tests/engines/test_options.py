"""Options of back ends as users write them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.backends.fake import FakeOptions
from engines.base import Backend
from engines.options import demand_known, non_default_options, read_options
from engines.registry import backends, find_backend
from engines.store.manifest import spec_from_plain
from engines.tensorrt.options import RtxOptions, TensorRtOptions
from sizewise.core import codec
from sizewise.core.errors import UsageError
from sizewise.core.specs import BackendOptions, EngineSpec, Profile, Size

RTX, FAKE = find_backend("tensorrt_rtx"), find_backend("fake")


def read(*asked: str, backend: Backend = RTX) -> BackendOptions:
    return read_options(backend, asked)


def test_values_are_read_by_the_types_of_the_fields() -> None:
    assert read("workspace_mib=2048", " tf32 = true", "tiling=full", "capabilities=8.9, 12.0") == (
        RtxOptions(workspace_mib=2048, tf32=True, tiling="full", capabilities=("8.9", "12.0"))
    )
    assert read("capabilities=", "cuda_graphs=0") == RtxOptions(cuda_graphs=False)
    fake = read("base_ns=1e3", "fail_at=build", "wrong=false", backend=FAKE)
    assert fake == FakeOptions(base_ns=1000.0, fail_at="build")
    assert read("fail_at=null", backend=FAKE) == FakeOptions()


def test_what_another_back_end_has_is_left_to_it() -> None:
    demand_known([RTX, FAKE], ["seed=3", "tf32=true"])
    assert read("seed=3", "tf32=true") == RtxOptions(tf32=True)
    assert read("seed=3", "tf32=true", backend=FAKE) == FakeOptions(seed=3)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            ["workspace_mib=much"],
            "The option workspace_mib of tensorrt_rtx can't be 'much': .*whole number",
        ),
        (["workspace_mib=2.5"], "whole number"),
        (["workspace_mib="], "whole number"),
        (["tf32=yes"], "true or false"),
        (["tiling=hard"], "none or fast or moderate or full"),
        (["tf32=true", "tf32=false"], "tf32 .*can't be 'true' and 'false': it is given twice"),
        (["tf32"], "'tf32' for options: .*NAME=VALUE"),
        (["=3"], "Invalid value '=3' for options"),
        (["workspace_mib=-1"], "workspace_mib is -1"),
        (["workspace_mib=1048577"], "workspace_mib is 1048577: it must be from 0 to"),
        (["cuda_graph_limit=0"], "cuda_graph_limit is 0"),
        (["capabilities=eight"], "'eight'"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_there_is(asked: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(*asked)


@pytest.mark.parametrize("name", ["workspace", "allow_fallback", "Tf32"])
def test_a_name_that_none_has_lists_those_there_are(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        demand_known([RTX, find_backend("torch_cuda")], [f"{name}=1"])
    said = str(caught.value)
    assert f"'{name}' isn't an option of tensorrt_rtx or torch_cuda" in said
    for field in set(fields(RtxOptions)) - set(fields(BackendOptions)):
        assert (field.name in said) == (field.name != "allow_fallback")
    assert "tiling (none or fast or moderate or full; none unless given)" in said
    assert "torch_cuda has no options." in said


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("a.b=1", ("a.b=1",)),
        ("a.b=1, a.c=2 ,", ("a.b=1", "a.c=2")),
        ("a.b=1,2;3,a.c=,a.d=4,5", ("a.b=1,2;3", "a.c=", "a.d=4,5")),
    ],
)
def test_a_value_of_an_assignment_may_have_commas(asked: str, taken: tuple[str, ...]) -> None:
    options: Any = read(f"session_config={asked}", backend=find_backend("onnxruntime"))
    assert options.session_config == taken


def test_options_at_their_defaults_have_one_form() -> None:
    """That of before, where a back end had no options of its own at first."""
    for name, backend in backends().items():
        kind = backend.options_type
        profiles = (Profile.fixed(Size(64, 96)),)
        made = [
            EngineSpec(backend=name, strategy="static", profiles=profiles, options=options)
            for options in (kind(), kind(allow_fallback=True), BackendOptions())
        ]
        plain = kind.plain_at_default or kind is BackendOptions
        assert (type(made[0].options) is BackendOptions) is plain
        assert (made[0] == made[2]) is plain
        assert made[0].options.own(kind) == kind()
        assert made[1].options.own(kind) == kind(allow_fallback=True)
        assert spec_from_plain(codec.to_plain(made[1])) == made[1]
        assert kind.takes(made[0].options)
        assert kind.takes(BackendOptions()) is plain


def test_a_switch_of_its_own_is_kept() -> None:
    assert read_options(RTX, ["tf32=true"], allow_fallback=True).allow_fallback


KINDS: dict[str, st.SearchStrategy[Any]] = {
    "workspace_mib": st.integers(0, 10**6),
    "tf32": st.booleans(),
    "cuda_graphs": st.booleans(),
    "tiling": st.sampled_from(["none", "fast", "moderate", "full"]),
    "weights": st.sampled_from(["inside", "refittable", "stripped"]),
    "cuda_graph_limit": st.integers(1, 100),
    "capabilities": st.lists(st.sampled_from(["7.5", "8.9", "12.0"]), unique=True).map(tuple),
}


@given(st.fixed_dictionaries({}, optional=KINDS))
def test_what_is_told_is_what_can_be_given(values: dict[str, Any]) -> None:
    options = RtxOptions(**values)
    told = non_default_options(options)
    assert read(*told.split()) == options
    assert (told == "") == (options == RtxOptions())


@pytest.mark.parametrize("backend", backends().values(), ids=lambda b: b.name)
def test_every_back_end_can_be_told_its_own_defaults(backend: Backend) -> None:
    common = {field.name for field in fields(BackendOptions)}
    own = [f for f in fields(backend.options_type) if f.name not in common]
    texts = {"None": "null", "True": "true", "False": "false", "()": ""}
    asked = [f"{f.name}={texts.get(str(f.default), f.default)}" for f in own]
    demand_known([backend], asked)
    assert read_options(backend, asked) == backend.options_type()


def test_options_survive_a_manifest() -> None:
    spec = EngineSpec(
        backend="fake",
        strategy="static",
        profiles=(Profile.fixed(Size(64, 96)),),
        options=read("base_ns=5", "seed=3", backend=FAKE),
    )
    assert spec_from_plain(codec.to_plain(spec)) == spec
    others = replace(spec, options=read("base_ns=6", backend=FAKE))
    assert codec.to_json(others) != codec.to_json(spec)


def test_options_of_tensorrt_are_checked_wherever_they_are_made() -> None:
    with pytest.raises(UsageError, match="workspace_mib is -5"):
        TensorRtOptions(workspace_mib=-5)
