"""Builds in children: taken again where nothing changed, and a failure costs itself alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.backends.fake import FakeOptions
from engines.registry import find_backend
from engines.store import cache
from engines.store.building import build_engine
from engines.store.cache import engine_name, obtain_engine
from engines.store.opening import open_engine
from sizewise.core import files
from sizewise.core.children.child import ChildError
from sizewise.core.errors import BuildError, EngineError, InputError, OutputError
from sizewise.core.machine.environment import read_environment
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import BackendOptions, EngineSpec, ExportedModel, Profile, Size, Strategy
from tests.engines.nets import reference, unwritten_net, write_net

SPEC = EngineSpec(
    backend="fake",
    strategy="static",
    profiles=(Profile.fixed(Size(64, 96)),),
    options=FakeOptions(seed=7, process_sd=0.01),
)


def failing(**options: Any) -> EngineSpec:
    return replace(SPEC, options=FakeOptions(**options))


def test_an_engine_is_built_once_and_taken_again(net: ExportedModel, tmp_path: Path) -> None:
    first = obtain_engine(net, SPEC, tmp_path)
    again = obtain_engine(net, SPEC, tmp_path)
    assert first == again
    assert first.spec == SPEC
    assert first.path.name.startswith("fake-static-64x96-")
    assert [path.name for path in tmp_path.iterdir()] == [first.path.name]


def test_a_damaged_engine_is_built_again(net: ExportedModel, tmp_path: Path) -> None:
    first = obtain_engine(net, SPEC, tmp_path)
    for damage in ("engine.txt", "manifest.json"):
        (first.path / damage).write_text("no", encoding="utf-8")
        again = obtain_engine(net, SPEC, tmp_path)
        assert again.sha256 == first.sha256
        open_engine(again).close()


@pytest.mark.parametrize(
    ("spec", "kind", "code"),
    [
        (failing(fail_at="build", fail_by="crash"), ChildError, "crash_SIGABRT"),
        (failing(fail_at="build", fail_by="hang"), ChildError, "timeout"),
        (failing(fail_at="build", fail_by="error"), BuildError, "error"),
    ],
)
def test_a_failed_build_costs_one_build_with_its_reason(
    net: ExportedModel, tmp_path: Path, spec: EngineSpec, kind: type[EngineError], code: str
) -> None:
    timeout_s = 2.0 if code == "timeout" else 60.0
    with pytest.raises(kind) as caught:
        obtain_engine(net, spec, tmp_path, timeout_s=timeout_s)
    assert caught.value.reason_code == code
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_is_cancelled_leaves_nothing(net: ExportedModel, tmp_path: Path) -> None:
    heard: list[str] = []

    def interrupt(done: float, note: str) -> None:
        name = engine_name(net, failing(build_s=600.0), find_backend("fake"))
        draft, lock = sorted(path.name for path in tmp_path.iterdir())
        assert draft.startswith(f".{name}.draft-")
        assert lock == f".{name}.lock"
        heard.append(note)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain_engine(net, failing(build_s=600.0), tmp_path, on_progress=interrupt)
    assert heard == ["pretending to build"]
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_build_at_once_the_first_is_taken(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built_twice(target: str, arguments: dict[str, Any], **limits: Any) -> None:
        build_engine(**arguments)
        rival = tmp_path / engine_name(net, SPEC, find_backend("fake"))
        rival.mkdir()
        build_engine(**(arguments | {"folder": str(rival)}))

    monkeypatch.setattr(cache, "run_in_child", built_twice)
    artifact = obtain_engine(net, SPEC, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [artifact.path.name]


def test_a_new_engine_gets_its_name_when_it_is_on_the_disk(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[tuple[str, str]] = []

    def noted(draft: Path, path: Path) -> None:
        renamed.append((draft.name, path.name))
        files.rename_durably(draft, path)

    monkeypatch.setattr(cache, "rename_durably", noted)
    artifact = obtain_engine(net, SPEC, tmp_path)
    ((draft, name),) = renamed
    assert draft.startswith(f".{artifact.path.name}.draft-")
    assert name == artifact.path.name


def test_a_model_that_changed_meanwhile_is_not_built(tmp_path: Path) -> None:
    model = write_net(tmp_path / "net.onnx")
    with model.path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match="changed"):
        obtain_engine(model, SPEC, tmp_path / "engines")


def test_a_folder_that_can_not_be_is_told(net: ExportedModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        obtain_engine(net, SPEC, tmp_path / "file" / "engines")


CHANGES: tuple[Callable[[EngineSpec], EngineSpec], ...] = (
    lambda s: replace(s, threads=s.threads + 1),
    lambda s: replace(s, streams=s.streams + 1),
    lambda s: replace(s, batch_size=s.batch_size + 1),
    lambda s: replace(s, graph_fusion="basic"),
    lambda s: replace(s, strategy="profiles"),
    lambda s: replace(s, profiles=(Profile.fixed(Size(96, 64)),)),
    lambda s: replace(s, options=FakeOptions(seed=8)),
)


@given(st.lists(st.sampled_from(range(len(CHANGES))), unique=True, min_size=1))
@settings(max_examples=15, deadline=None)
def test_the_name_stands_for_the_whole_specification(chosen: list[int]) -> None:
    fake, spec = find_backend("fake"), SPEC
    model = unwritten_net()
    names = {engine_name(model, spec, fake)}
    for index in chosen:
        spec = CHANGES[index](spec)
        names.add(engine_name(model, spec, fake))
    assert len(names) == len(chosen) + 1
    assert engine_name(model, spec, fake) in names
    assert engine_name(replace(model, sha256="cd" * 32), spec, fake) not in names


def test_another_version_or_machine_is_another_engine(
    net: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = find_backend("fake")
    before = engine_name(net, SPEC, fake)
    monkeypatch.setattr(type(fake), "version", lambda self: "2")
    newer = engine_name(net, SPEC, fake)
    environment = read_environment()
    monkeypatch.setattr(cache, "read_environment", lambda: replace(environment, cpu="another"))
    assert len({before, newer, engine_name(net, SPEC, fake)}) == 3


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("strategy", ["static", "dynamic"])
def test_weights_that_lie_beside_the_file_are_built_in(
    backend: str, strategy: Strategy, tmp_path: Path
) -> None:
    model = write_net(tmp_path / "net.onnx")
    proto = onnx.load(model.path)
    (tmp_path / "apart").mkdir()
    path = tmp_path / "apart" / "net.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights", size_threshold=64)
    spec = replace(SPEC, backend=backend, strategy=strategy, options=BackendOptions())
    artifact = obtain_engine(read_model(path), spec, tmp_path / "engines")
    images = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    with open_engine(artifact) as session:
        found = session.infer({"images": images})
    for name, wanted in reference(model, images).items():
        np.testing.assert_allclose(found[name], wanted, atol=1e-4)
