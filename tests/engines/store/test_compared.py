"""How far an engine is from its FP32 file: found once, while all that decides it is the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import comparing
from engines.comparing import compare
from engines.differences import Comparison
from engines.store.compared import keep, kept
from engines.store.names import compared_of, discard
from engines.store.signing import KEY_FILE
from sizewise.core.errors import InputError
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Part,
    Preprocessing,
    Profile,
    Size,
)
from tests.engines.nets import write_net

SIZE = Size(64, 64)
SPEC = EngineSpec(backend="onnxruntime", strategy="static", profiles=(Profile.fixed(SIZE),))
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
OF = {"engine": "ab", "parts": {}}
FOUND = [{"output": "boxes", "max_abs_error": 1e-6}, {"output": "scores", "max_abs_error": None}]


@pytest.fixture
def artifact(build: Build, net: ExportedModel) -> EngineArtifact:
    pytest.importorskip("onnxruntime")
    found = build(net, SPEC)
    compared_of(found.path).unlink(missing_ok=True)
    return found


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that were run to be compared."""
    ran: list[str] = []

    def run(target: str, arguments: dict[str, Any], **limits: object) -> Any:
        ran.append(arguments["engine"])
        return comparing.compare_engine(**arguments)

    monkeypatch.setattr(comparing, "run_in_child", run)
    return ran


def compared(artifact: EngineArtifact, model: ExportedModel, **other: Any) -> Comparison:
    return compare(artifact, model.path, timeout_s=60, **{"sha256": model.sha256} | other)


def test_the_same_is_not_compared_again(
    artifact: EngineArtifact, net: ExportedModel, runs: list[str]
) -> None:
    first = compared(artifact, net)
    assert [one.reason for one in first.differences] == [""]
    assert compared(artifact, net) == first
    assert len(runs) == 1
    assert compared(artifact, net, sha256="") == first, "of a file without a hash nothing is kept"
    assert len(runs) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"sha256": "ef" * 32},
        {"spec": replace(SPEC, threads=2)},
        {"backend_version": "0.1"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_engine_is_compared(
    artifact: EngineArtifact, net: ExportedModel, runs: list[str], other: dict[str, Any]
) -> None:
    compared(artifact, net)
    compared(replace(artifact, **other), net)
    assert len(runs) == 2


def test_so_is_an_engine_with_another_file_parts_or_code_of_ours(
    artifact: EngineArtifact,
    net: ExportedModel,
    runs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = write_net(tmp_path / "other.onnx", card=None)
    assert other.sha256 != net.sha256
    whole = Part(name="", axis=0, start=0, stop=1)
    compared(artifact, net)
    compared(artifact, other)
    compared(artifact, other, parts={"boxes": (whole,)})
    monkeypatch.setattr(comparing, "COMPARISON", 0)
    compared(artifact, other, parts={"boxes": (whole,)})
    assert len(runs) == 4


def test_what_is_said_of_pictures_counts_where_it_is_unusual_alone(
    artifact: EngineArtifact, net: ExportedModel, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    of: list[dict[str, Any]] = []
    monkeypatch.setattr(comparing, "keep", lambda path, what, found: of.append(what))
    wide = replace(artifact.card, preprocessing=Preprocessing(most=255))
    compared(artifact, net)
    compared(replace(artifact, card=wide), net)
    usual, other = of
    assert other == usual | {"preprocessing": {"most": 255}}
    assert "preprocessing" not in usual, "what an earlier version found is found no more"


def test_a_file_that_changed_meanwhile_is_not_taken_for_what_it_was(
    artifact: EngineArtifact, net: ExportedModel, runs: list[str]
) -> None:
    found = compared(artifact, net, sha256="ab" * 32)
    assert "it changed after it was read" in found.reason
    assert found.reason_code == "not_compared"
    assert not compared_of(artifact.path).exists()


def test_only_what_this_user_found_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "onnxruntime-static-64x64-0123456789"
    assert kept(engine, OF) is None
    keep(engine, OF, FOUND)
    assert kept(engine, OF) == FOUND
    assert kept(engine, OF | {"engine": "cd"}) is None
    path = compared_of(engine)
    text = path.read_text()
    for damaged in (text.replace("1e-6", "2e-6"), text[:-9], "[]", "{}", "", "[" * 10**5):
        assert damaged != text
        path.write_text(damaged)
        assert kept(engine, OF) is None
    path.write_text(text)
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "another"))
    assert kept(engine, OF) is None


def test_without_a_key_or_with_a_figure_that_json_has_not_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "onnxruntime-static-64x64-0123456789"
    keep(engine, OF, [{"max_abs_error": float("inf")}])
    assert not compared_of(engine).exists()
    monkeypatch.setenv(KEY_FILE, str(tmp_path))
    keep(engine, OF, FOUND)
    assert not compared_of(engine).exists()


def test_it_goes_with_its_engine(tmp_path: Path) -> None:
    engine = tmp_path / "onnxruntime-static-64x64-0123456789"
    engine.mkdir()
    keep(engine, OF, FOUND)
    assert compared_of(engine).exists()
    assert discard(engine)
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_that_failed_is_made_again(
    artifact: EngineArtifact, net: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise InputError("No", "the process ended with SIGSEGV", "Try again.")

    monkeypatch.setattr(comparing, "run_in_child", crash)
    assert compared(artifact, net).reason_code == "not_compared"
    assert not compared_of(artifact.path).exists()


@pytest.mark.timeout(60)
def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(compared_of(tmp_path / "engine"))
    assert kept(tmp_path / "engine", OF) is None
