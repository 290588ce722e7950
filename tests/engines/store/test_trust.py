"""Engines are opened where this user built them or trusts their manifests, and else not."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines.backends.fake import Fake, FakeSession
from engines.registry import backends
from engines.store import opening
from engines.store.building import build_engine
from engines.store.cache import obtain_engine
from engines.store.contents import engine_sha256
from engines.store.manifest import read_manifest, read_written, signed_text, write_manifest
from engines.store.opening import open_engine
from engines.store.signing import KEY_FILE, is_ours, key_path, user_key
from sizewise.core import codec
from sizewise.core.errors import EngineMismatchError, InputError, OutputError, UsageError
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    FurtherInput,
    Profile,
    Size,
)

FAKE = EngineSpec(
    backend="fake",
    strategy="static",
    profiles=(Profile.fixed(Size(64, 64)),),
    options=Fake.options_type(),
)
EAGER = EngineSpec(
    backend="torch_eager",
    strategy="dynamic",
    profiles=(Profile.fixed(Size(64, 64)),),
    graph_fusion="none",
    threads=1,
)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fake, "native_code", True)


@pytest.fixture
def artifact(net: ExportedModel, tmp_path: Path) -> EngineArtifact:
    return built(net, FAKE, tmp_path)


def built(model: ExportedModel, spec: EngineSpec, folder: Path) -> EngineArtifact:
    home = folder / "engine"
    home.mkdir()
    build_engine(codec.to_plain(model), codec.to_plain(spec), str(home))
    return read_manifest(home)


def rewrite(artifact: EngineArtifact, change: Change) -> EngineArtifact:
    path = artifact.path / "manifest.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return read_manifest(artifact.path)


def refused(artifact: EngineArtifact) -> str:
    with pytest.raises(EngineMismatchError) as caught:
        open_engine(artifact)
    assert caught.value.reason_code == "untrusted"
    return str(caught.value)


def sha256_of(artifact: EngineArtifact) -> str:
    """As ``sha256sum manifest.json`` tells the builder."""
    return hashlib.sha256((artifact.path / "manifest.json").read_bytes()).hexdigest()


def as_another_user(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv(KEY_FILE, str(folder / "theirs"))


def test_back_ends_whose_engines_are_code_say_so() -> None:
    code = {name for name, backend in backends().items() if backend.native_code}
    assert code >= {"onnxruntime_tensorrt", "torch_compile", "torch_eager"}
    assert not code & {"onnxruntime", "onnxruntime_cuda", "openvino"}


def test_what_was_built_here_is_opened_wherever_it_went(
    artifact: EngineArtifact, tmp_path: Path
) -> None:
    open_engine(artifact).close()
    moved = Path(shutil.copytree(artifact.path, tmp_path / "moved"))
    open_engine(read_manifest(moved)).close()


@pytest.mark.parametrize("build_s", [0.0, 5e-07, 5e-05, 0.015, 1.5, 150.0, 1e17])
def test_the_signature_is_of_the_whole_manifest_by_the_users_key(
    artifact: EngineArtifact, build_s: float
) -> None:
    """The text is the file's own: libraries differ in how they write a float (5e-05, 0.00005)."""
    write_manifest(replace(artifact, build_s=build_s))
    written = (artifact.path / "manifest.json").read_text(encoding="utf-8")
    data = json.loads(written)
    signature = data.pop("signature")
    text = written.replace(f',"signature":"{signature}"', "")
    assert json.loads(text) == data
    assert data["engine"]["build_s"] == build_s
    assert signature == hmac.new(user_key(), text.encode(), hashlib.sha256).hexdigest()
    assert artifact.sha256 in text
    open_engine(read_manifest(artifact.path)).close()


def test_an_engine_without_code_is_signed_and_opened_by_its_builder_alone(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its manifest says decides what its outputs mean."""
    monkeypatch.setattr(Fake, "native_code", False)
    artifact = built(net, FAKE, tmp_path)
    assert is_ours(signed_text(artifact), read_written(artifact.path).signature)
    assert read_written(artifact.path).signed_text == signed_text(artifact)
    open_engine(artifact).close()
    as_another_user(monkeypatch, tmp_path)
    user_key()
    said = refused(artifact)
    assert "not signed by you" in said
    assert "it is code" not in said
    assert f"{KEY_FILE} name a copy of the key" in said
    open_engine(artifact, {sha256_of(artifact)}).close()


def test_one_with_the_builders_key_is_its_builder(
    artifact: EngineArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine of theirs, say."""
    mine = tmp_path / "copied"
    shutil.copy(key_path(), mine)
    as_another_user(monkeypatch, tmp_path)
    refused(artifact)
    monkeypatch.setenv(KEY_FILE, str(mine))
    open_engine(artifact).close()


def test_a_key_that_can_not_be_kept_ends_the_build_before_it_starts(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "file" / "key"))
    with pytest.raises(OutputError, match=KEY_FILE):
        built(net, FAKE, tmp_path)
    assert list((tmp_path / "engine").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("signature"),
        lambda data: data.update(signature=""),
        lambda data: data.update(signature=None),
        lambda data: data.update(signature=["0" * 64]),
        lambda data: data.update(signature="0" * 64),
        lambda data: data.update(signature="é"),
        lambda data: data.update(signature=data["signature"].upper()),
        lambda data: data["engine"].update(build_s=1.0),
        lambda data: data["engine"]["card"].update(network="another"),
        lambda data: data["engine"]["spec"]["options"].update(seed=7),
    ],
)
def test_a_manifest_that_was_changed_is_not_ours(artifact: EngineArtifact, change: Change) -> None:
    changed = rewrite(artifact, change)
    said = refused(changed)
    assert "code that runs with your rights" in said
    assert "sizewise build" in said
    assert f"trust_engine {sha256_of(changed)}" in said
    open_engine(changed, {sha256_of(changed)}).close()


def test_the_artifact_that_is_opened_is_the_one_that_was_signed(artifact: EngineArtifact) -> None:
    refused(replace(artifact, build_s=-1.0))


def test_an_engine_that_was_swapped_with_its_hash_is_not_ours(artifact: EngineArtifact) -> None:
    engine = artifact.path / "engine.txt"
    engine.write_text("int8", encoding="utf-8")
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(artifact)
    file_hash = hashlib.sha256(engine.read_bytes()).hexdigest()
    theirs = hashlib.sha256(f"engine.txt {file_hash}\n".encode()).hexdigest()
    swapped = rewrite(artifact, lambda data: data["engine"].update(sha256=theirs))
    refused(swapped)


@pytest.mark.skipif(sys.platform != "linux", reason="paths of open folders are Linux's")
def test_what_is_loaded_is_what_was_hashed(
    artifact: EngineArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another engine gets its name between the two."""
    home, loaded = artifact.path, []

    def opened(self: Fake, engine: EngineArtifact) -> FakeSession:
        loaded.append((engine.path / "engine.txt").read_text(encoding="utf-8"))
        return FakeSession(engine)

    def swapped(folder: Path) -> str:
        found = engine_sha256(folder)
        home.rename(tmp_path / "before")
        home.mkdir()
        (home / "engine.txt").write_text("another", encoding="utf-8")
        return found

    monkeypatch.setattr(Fake, "_open", opened)
    monkeypatch.setattr(opening, "engine_sha256", swapped)
    with open_engine(artifact) as session:
        assert session.artifact == artifact
    assert loaded == ["fp32"]


def test_what_is_refused_is_called_as_the_user_calls_it(artifact: EngineArtifact) -> None:
    (artifact.path / "engine.txt").write_text("more", encoding="utf-8")
    with pytest.raises(EngineMismatchError) as caught:
        open_engine(artifact)
    assert str(artifact.path) in caught.value.what
    assert "/proc/" not in str(caught.value)


def test_another_users_engine_needs_its_hash(
    artifact: EngineArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_another_user(monkeypatch, tmp_path)
    refused(artifact)
    user_key()
    refused(artifact)
    open_engine(artifact, {sha256_of(artifact)}).close()


def test_trust_is_in_bytes(artifact: EngineArtifact) -> None:
    (artifact.path / "engine.txt").write_text("something else", encoding="utf-8")
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(artifact, {sha256_of(artifact)})


def test_trust_is_in_what_the_manifest_says_too(artifact: EngineArtifact) -> None:
    trusted = {sha256_of(artifact)}
    changed = rewrite(artifact, lambda data: data["engine"]["card"].update(layout="b_n_5c"))
    with pytest.raises(UsageError, match=f"is {sha256_of(changed)}"):
        open_engine(changed, trusted)
    with pytest.raises(UsageError, match=r"leaves out what manifest\.json says"):
        open_engine(changed, {artifact.sha256})
    with pytest.raises(EngineMismatchError, match="not what its manifest says"):
        open_engine(artifact, {sha256_of(changed)})


def test_what_further_inputs_are_given_is_the_users_to_say(artifact: EngineArtifact) -> None:
    scale = FurtherInput(name="scale", dtype="float32", shape=(1,))
    open_engine(replace(artifact, further=(scale,))).close()


def test_a_hash_of_another_engine_is_told_even_where_none_is_needed(
    artifact: EngineArtifact,
) -> None:
    with pytest.raises(UsageError, match=f"you trust {'0' * 64}.*{sha256_of(artifact)}"):
        open_engine(artifact, {"0" * 64})


def test_an_engine_of_another_user_in_a_shared_folder_is_moved_aside(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built_here: None
) -> None:
    with monkeypatch.context() as patch:
        as_another_user(patch, tmp_path)
        theirs = obtain_engine(net, FAKE, tmp_path / "engines")
    refused(theirs)
    said: list[str] = []
    ours = obtain_engine(net, FAKE, tmp_path / "engines", remark=said.append)
    assert ours.path == theirs.path
    (aside,) = (tmp_path / "engines").glob(".*.aside-*")
    assert read_manifest(aside) == replace(theirs, path=aside)
    assert "was not signed by you" in said[-1]
    open_engine(ours).close()


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_key_that_can_not_be_used_costs_no_engine(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "key"))
    ours = obtain_engine(net, FAKE, tmp_path / "engines")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        obtain_engine(net, FAKE, tmp_path / "engines")
    (tmp_path / "key").chmod(0o600)
    assert obtain_engine(net, FAKE, tmp_path / "engines") == ours


def test_a_program_of_pytorch_is_opened_by_its_builder_alone(
    net_with_program: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = built(net_with_program, EAGER, tmp_path)
    open_engine(artifact).close()
    as_another_user(monkeypatch, tmp_path)
    refused(artifact)
    with open_engine(artifact, {sha256_of(artifact)}) as session:
        assert session.artifact == artifact


def test_writing_the_manifest_again_signs_it_again(artifact: EngineArtifact) -> None:
    changed = replace(artifact, build_s=2.5)
    write_manifest(changed)
    open_engine(changed).close()
    refused(artifact)
