"""Options of ONNX Runtime's sessions: each is read back, and none is dropped without a word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.backends import onnxruntime as backend_module
from engines.backends._ort import entries
from engines.backends._ort.options import OnnxRuntimeCpuOptions, OnnxRuntimeOptions
from engines.backends._ort.sessions import differing, open_session, session_options
from engines.backends._quantized import saturation
from engines.options import non_default_options, read_options
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.errors import BuildError, EngineMismatchError, UsageError
from sizewise.core.machine import environment
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.typed_nets import write_quantized_net

ort = pytest.importorskip("onnxruntime")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
ORT = find_backend("onnxruntime")
GPU = ("onnxruntime_cuda", "onnxruntime_tensorrt")
SIZE = Size(64, 96)


def spec(*asked: str) -> EngineSpec:
    options = read_options(ORT, asked)
    return EngineSpec(
        backend="onnxruntime",
        strategy="static",
        profiles=(Profile.fixed(SIZE),),
        options=options,
        thread_policy=ORT.thread_policy(1, options),
    )


def opened(artifact: EngineArtifact) -> Any:
    session: Any = open_engine(artifact)
    with session:
        return session._session.get_session_options()


READ = {
    "execution_mode": lambda taken: taken.execution_mode.name,
    "inter_op_threads": lambda taken: taken.inter_op_num_threads,
    "arena": lambda taken: taken.enable_cpu_mem_arena,
    "memory_pattern": lambda taken: taken.enable_mem_pattern,
    "session.force_spinning_stop": None,
    "session.intra_op.allow_spinning": None,
    "session.x64quantprecision": None,
    "session.disable_prepacking": None,
    "session.set_denormal_as_zero": None,
}
DEFAULTS = {
    "execution_mode": "ORT_SEQUENTIAL",
    "inter_op_threads": 1,
    "arena": True,
    "memory_pattern": True,
    "session.force_spinning_stop": "1",
    "session.intra_op.allow_spinning": "",
    "session.x64quantprecision": "1" if saturation.clips_sums() else "0",
    "session.disable_prepacking": "",
    "session.set_denormal_as_zero": "",
}


def taken_by(session_options: Any) -> dict[str, Any]:
    """As ONNX Runtime has them; empty for an entry that is not there."""
    found = {}
    for name, read in READ.items():
        if read is not None:
            found[name] = read(session_options)
            continue
        try:
            found[name] = session_options.get_session_config_entry(name)
        except RuntimeError:
            found[name] = ""
    return found


@pytest.mark.parametrize(
    ("asked", "changed"),
    [
        ([], {}),
        (
            ["execution_mode=parallel", "inter_op_threads=2"],
            {"execution_mode": "ORT_PARALLEL", "inter_op_threads": 2},
        ),
        (["arena=false"], {"arena": False}),
        (["memory_pattern=false"], {"memory_pattern": False}),
        (["spinning=always"], {"session.force_spinning_stop": "0"}),
        (["spinning=never"], {"session.intra_op.allow_spinning": "0"}),
        (["flush_subnormals=true"], {"session.set_denormal_as_zero": "1"}),
        (
            ["session_config=session.disable_prepacking=1, session.force_spinning_stop=0"],
            {"session.disable_prepacking": "1", "session.force_spinning_stop": "0"},
        ),
    ],
)
def test_a_session_has_the_options_that_it_was_given(
    build: Build, net: ExportedModel, asked: list[str], changed: dict[str, Any]
) -> None:
    assert taken_by(opened(build(net, spec(*asked)))) == DEFAULTS | changed


def test_all_sessions_of_an_engine_have_the_same_options(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that saves it, the one that inspects it, and the one that runs it."""
    seen: list[dict[str, Any]] = []

    def noting(path: Path, options: Any, *rest: Any) -> Any:
        seen.append(taken_by(options))
        return open_session(path, options, *rest)

    monkeypatch.setattr(backend_module, "open_session", noting)
    asked = ("arena=false", "spinning=never", "session_config=session.disable_prepacking=1")
    artifact = ORT.build(net, spec(*asked), tmp_path)
    ORT._inspect(artifact)
    ORT.open(artifact).close()
    assert len(seen) == 3
    assert seen[0] != DEFAULTS
    assert seen == seen[:1] * 3


def test_an_option_that_a_session_did_not_take_fails_the_build(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ONNX Runtime runs in sequence where it has one thread for operators."""
    options = session_options(1, "ORT_DISABLE_ALL", OnnxRuntimeCpuOptions(arena=False))
    other = session_options(1, "ORT_DISABLE_ALL")
    session = SimpleNamespace(get_session_options=lambda: other)
    assert differing(session, options, {}) == "enable_cpu_mem_arena is True, not False"
    assert differing(session, other, {"session.force_spinning_stop": "0"}) == (
        "session.force_spinning_stop is 1, not 0"
    )
    monkeypatch.setattr(backend_module, "differing", lambda *given: "it is another")
    with pytest.raises(
        BuildError, match="did not take the requested settings: it is ano"
    ) as caught:
        ORT.build(net, spec(), tmp_path)
    assert caught.value.reason_code == "unsupported_options"


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("session.intra_op.allow_spining", "session.intra_op.allow_spinning"),
        ("session.intra_op.allow", ""),
        ("session.no_such_thing", ""),
        ("spinning", ""),
        ("Conv", ""),
        ("x" * 2000, ""),
    ],
)
def test_an_entry_that_the_library_does_not_know_is_refused(
    net: ExportedModel, key: str, near: str
) -> None:
    """ONNX Runtime would take it without a word."""
    with pytest.raises(EngineMismatchError, match="no session entry") as caught:
        ORT.check(net, spec(f"session_config={key}=1"))
    assert caught.value.reason_code == "unsupported_options"
    assert repr(key) in str(caught.value)
    assert near in caught.value.todo


def test_entries_that_are_known_pass(net: ExportedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    ORT.check(net, spec("session_config=session.disable_prepacking=1"))
    # The documentation lists none of these; the library's file holds one as a whole.
    monkeypatch.setattr(entries, "_DOCUMENTED", frozenset())
    entries.is_known.cache_clear()
    try:
        assert entries.is_known("session.intra_op.allow_spinning")
        assert not entries.is_known("session.intra_op.allow_spinnin")
        assert not entries.is_known("ession.intra_op.allow_spinning")
        entries.is_known.cache_clear()
        monkeypatch.setattr(entries, "_files", tuple)
        assert entries.is_known("session.of.a.library.without.files")
    finally:
        entries.is_known.cache_clear()


def test_a_value_that_the_library_refuses_is_told_in_its_words(
    net: ExportedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nowhere else: by itself it prints to where results go, and tries again without."""
    asked = spec(
        "session_config=session.dynamic_block_base=0,session.intra_op_thread_affinities=zz"
    )
    with pytest.raises(BuildError, match="must consist of only digits") as caught:
        ORT.build(net, replace(asked, threads=2), tmp_path)
    assert "session_config" in caught.value.todo
    assert capsys.readouterr().out == ""


def test_what_a_library_says_of_an_entry_itself_is_told(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> Any:
        raise RuntimeError("Config value is longer than maximum length: 2048")

    monkeypatch.setattr(backend_module, "session_options", refuse)
    with pytest.raises(BuildError, match="longer than maximum length") as caught:
        ORT.build(net, spec(), tmp_path)
    assert caught.value.reason_code == "unsupported_options"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["spinning=often"], "call or always or never"),
        (["execution_mode=parallel"], "Give inter_op_threads=2"),
        (["inter_op_threads=2"], "Give execution_mode=parallel"),
        (["inter_op_threads=0"], "at least 1"),
        (["session_config=session.disable_prepacking"], "has not the form KEY=VALUE"),
        (["session_config==1"], "has not the form KEY=VALUE"),
        (["session_config=a.b=1,a.b=2"], "a.b is given twice"),
        (["session_config=session.set_denormal_as_zero=1"], "Give flush_subnormals instead"),
        (["session_config=session.execution_mode=1"], "Give execution_mode instead"),
        (["session_config=session.intra_op_num_threads=3"], "Give threads instead"),
        (["session_config=session.save_model_format=ORT"], "sizewise decides"),
        (["session_config=ep.context_enable=1"], "sizewise decides"),
        (["session_config=session.disable_prepacking=yes"], "it is 0 or 1"),
        (["session_config=session.x64quantprecision=2"], "it is 0 or 1"),
        (
            ["spinning=never", "session_config=session.intra_op.allow_spinning=1"],
            "spinning is never, and session.intra_op.allow_spinning",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_door(asked: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_options(ORT, asked)


@pytest.mark.parametrize(
    ("asked", "policy"),
    [
        ([], "threads spin within a call"),
        (["arena=false"], "threads spin within a call"),
        (["spinning=always"], "threads spin within a call and after it"),
        (["spinning=never"], "threads sleep while they wait"),
        (
            ["session_config=session.force_spinning_stop=0"],
            "threads spin within a call and after it; session.force_spinning_stop=0",
        ),
        (
            ["session_config=session.x64quantprecision=0"],
            "threads spin within a call; session.x64quantprecision=0",
        ),
        (
            ["session_config=session.intra_op.allow_spinning=0"],
            "threads sleep while they wait; session.intra_op.allow_spinning=0",
        ),
        (
            ["execution_mode=parallel", "inter_op_threads=3"],
            "threads spin within a call; up to 3 operators at a time",
        ),
    ],
)
def test_the_policy_of_threads_says_what_was_chosen(asked: list[str], policy: str) -> None:
    assert spec(*asked).thread_policy == policy
    assert ORT.thread_policy(4) == "threads spin within a call"


@pytest.mark.parametrize("name", GPU)
def test_on_a_gpu_there_are_those_that_make_sense_there(name: str) -> None:
    gpu = find_backend(name)
    asked = ("arena=false", "spinning=never", "session_config=session.disable_prepacking=1")
    options: Any = read_options(gpu, (*asked, "execution_mode=parallel", "flush_subnormals=true"))
    assert type(options) is OnnxRuntimeOptions
    assert non_default_options(options) == (
        "spinning=never arena=false session_config=session.disable_prepacking=1"
    )
    given = session_options(1, "ORT_ENABLE_ALL", options)
    assert taken_by(given) == DEFAULTS | {
        "arena": False,
        "session.intra_op.allow_spinning": "0",
        "session.disable_prepacking": "1",
    }
    assert gpu.thread_policy(1, options) == "threads sleep while they wait"


@pytest.mark.parametrize(("flags", "refused"), [(("avx2",), True), (("avx2", "avx_vnni"), False)])
def test_products_that_may_overflow_are_refused_with_the_entry_that_allows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], refused: bool
) -> None:
    here = SimpleNamespace(flags=flags)
    monkeypatch.setattr(environment, "read_processor", lambda: here)
    monkeypatch.setattr(saturation, "largest_weight", lambda proto: 127)
    model = write_quantized_net(tmp_path / "int8.onnx")
    (tmp_path / "engine").mkdir()
    entry = "session_config=session.x64quantprecision=0"
    if not refused:
        assert OnnxRuntimeOptions().entries["session.x64quantprecision"] == "0"
        ORT.build(model, spec(entry), tmp_path / "engine")
        return
    assert OnnxRuntimeOptions().entries["session.x64quantprecision"] == "1"
    with pytest.raises(EngineMismatchError, match="without VNNI sums"):
        ORT.build(model, spec(entry), tmp_path / "engine")
    ORT.build(model, spec(), tmp_path / "engine")


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "arena": st.booleans(),
    "memory_pattern": st.booleans(),
    "flush_subnormals": st.booleans(),
    "spinning": st.sampled_from(["call", "always", "never"]),
    "session_config": st.lists(
        st.sampled_from(["a.b=1", "a.c=2;3,4", "session.disable_prepacking=0"]), unique=True
    ).map(tuple),
}


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_what_is_told_of_options_gives_them_again(values: dict[str, Any]) -> None:
    options = OnnxRuntimeCpuOptions(**values)
    assert read_options(ORT, non_default_options(options).split()) == options
