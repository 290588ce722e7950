from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import base
from engines.backends.fake import FakeOptions
from engines.store.contents import engine_files
from engines.store.manifest import (
    earlier_engines,
    read_manifest,
    signed_text,
    write_manifest,
)
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError, InputError
from sizewise.core.specs import (
    Deviation,
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
)

SPEC = EngineSpec(
    backend="fake",
    strategy="static",
    profiles=(Profile.fixed(Size(64, 64)),),
    options=FakeOptions(seed=3, fail_at="run", noise=0.25),
)


@pytest.fixture
def artifact(
    build: Callable[[ExportedModel, EngineSpec], EngineArtifact], net: ExportedModel, tmp_path: Path
) -> EngineArtifact:
    folder = shutil.copytree(build(net, SPEC).path, tmp_path / "engine")
    return read_manifest(Path(folder))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_options_come_back_as_the_back_ends_own(artifact: EngineArtifact) -> None:
    assert artifact.spec == SPEC
    assert isinstance(artifact.spec.options, FakeOptions)


def test_what_is_written_is_read(artifact: EngineArtifact) -> None:
    changed = replace(
        artifact,
        build_s=1.5,
        card=replace(artifact.card, stride=8, layout="b_n_5c"),
        machine="another",
    )
    write_manifest(changed)
    assert read_manifest(artifact.path) == changed


@pytest.mark.parametrize("part", ["", "scores"])
def test_a_manifest_of_before_outputs_had_parts_is_read(
    artifact: EngineArtifact, part: str
) -> None:
    found = Deviation(
        size=Size(64, 64),
        output="output0",
        max_abs_error=1.0,
        absmax=2.0,
        relative_error=0.5,
        bound=0.2,
        part=part,
    )
    changed = replace(artifact, card=replace(artifact.card, deviations=(found,)))
    write_manifest(changed)
    written = json.loads((artifact.path / "manifest.json").read_text(encoding="utf-8"))
    (plain,) = written["engine"]["card"]["deviations"]
    assert ("part" in plain) == bool(part)
    assert read_manifest(artifact.path) == changed
    assert ('"part"' in signed_text(changed)) == bool(part)


@pytest.mark.parametrize("text", ["", "{", "\0", '"'])
def test_a_manifest_that_is_no_json_is_an_input_error(artifact: EngineArtifact, text: str) -> None:
    (artifact.path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="isn't an engine of sizewise"):
        read_manifest(artifact.path)


def test_a_folder_without_a_manifest_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="isn't an engine of sizewise"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.clear(),
        lambda data: data.update(format=99),
        lambda data: data.update(engine=None),
        lambda data: data.update(engine=[]),
        lambda data: data.update(format=1),
        lambda data: data["engine"].pop("spec"),
        lambda data: data["engine"].pop("card"),
        lambda data: data["engine"].pop("machine"),
        lambda data: data["engine"]["card"].update(stride="32"),
        lambda data: data["engine"].update(colour="blue"),
        lambda data: data["engine"]["spec"].update(backend="warp"),
        lambda data: data["engine"]["spec"].update(options=None),
        lambda data: data["engine"]["spec"]["options"].update(seed="x"),
        lambda data: data["engine"]["spec"]["options"].update(speed=2),
    ],
)
def test_a_foreign_manifest_is_a_mismatch(
    artifact: EngineArtifact, change: Callable[[dict[str, Any]], object]
) -> None:
    rewrite(artifact.path, change)
    with pytest.raises(EngineMismatchError, match="another version or damaged"):
        read_manifest(artifact.path)


@pytest.mark.parametrize("field", ["backend_version", "machine", "sha256"])
def test_an_engine_of_elsewhere_is_not_opened(artifact: EngineArtifact, field: str) -> None:
    changes: dict[str, Any] = {field: "another"}
    with pytest.raises(EngineMismatchError) as caught:
        open_engine(replace(artifact, **changes))
    assert caught.value.reason_code == "environment"
    assert "'another'" in str(caught.value)


def test_a_file_more_or_less_is_noticed(artifact: EngineArtifact) -> None:
    open_engine(artifact).close()
    extra = artifact.path / "more.txt"
    extra.touch()
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(artifact)
    extra.unlink()
    (artifact.path / "engine.txt").rename(artifact.path / "renamed.txt")
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(artifact)


def test_what_grew_without_end_is_not_read(artifact: EngineArtifact) -> None:
    os.truncate(artifact.path / "engine.txt", 2**36)
    with pytest.raises(EngineMismatchError, match=r"checksum.* 68,719,476,736 bytes"):
        open_engine(artifact)
    os.truncate(artifact.path / "manifest.json", 2**36)
    with pytest.raises(InputError, match="SIZEWISE_MAX_MANIFEST_BYTES"):
        read_manifest(artifact.path)
    assert earlier_engines(artifact.path.parent) == ()


def test_a_pipe_is_no_manifest_and_is_not_waited_for(artifact: EngineArtifact) -> None:
    path = artifact.path / "manifest.json"
    path.unlink()
    os.mkfifo(path)
    for ask in (lambda: read_manifest(artifact.path), lambda: open_engine(artifact)):
        with pytest.raises(InputError, match="it is a pipe"):
            ask()
    assert earlier_engines(artifact.path.parent) == ()


def test_a_name_that_is_no_text_is_a_name(artifact: EngineArtifact) -> None:
    try:
        Path(os.fsdecode(os.fsencode(artifact.path) + b"/\xff")).touch()
    except OSError:
        pytest.skip("the file system takes no such name")
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(artifact)


@pytest.mark.parametrize("name", ["more/manifest.json", "more/more/manifest.json"])
def test_only_the_engines_own_manifest_is_no_part_of_it(
    artifact: EngineArtifact, name: str
) -> None:
    hidden = artifact.path / name
    hidden.parent.mkdir(parents=True)
    hidden.touch()
    assert engine_files(artifact.path) == (artifact.path / "engine.txt", hidden)
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(artifact)


@pytest.mark.parametrize("name", ["linked", "engine.txt", "manifest.json", "folder/linked"])
@pytest.mark.parametrize("to_folder", [True, False])
def test_a_link_is_no_part_of_an_engine(
    artifact: EngineArtifact, tmp_path: Path, name: str, to_folder: bool
) -> None:
    """What it leads to is what was there."""
    link, elsewhere = artifact.path / name, tmp_path / "elsewhere"
    if link.exists() and not to_folder:
        link.rename(elsewhere)
    elif to_folder:
        elsewhere.mkdir()
        link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(EngineMismatchError, match="is a link") as caught:
        open_engine(artifact)
    assert caught.value.reason_code == "environment"


def test_a_machine_with_other_instructions_is_another(
    artifact: EngineArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "this_machine", lambda: f"{artifact.machine} avx1024")
    with pytest.raises(EngineMismatchError, match="avx1024"):
        open_engine(artifact)


@pytest.mark.parametrize(
    ("found", "said"), [(2, "of format 2"), (None, "of no format"), ([], "no")]
)
def test_another_format_is_told_with_the_one_that_is_read(
    artifact: EngineArtifact, found: object, said: str
) -> None:
    rewrite(artifact.path, lambda document: document.update(format=found))
    with pytest.raises(EngineMismatchError, match=f"{said}.*sizewise reads format 4"):
        read_manifest(artifact.path)
