"""Real commands on disks that fail, by the shim; and which cases of a short run are chosen."""

from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path

import pytest

from engines.store.contents import engine_sha256
from engines.store.manifest import read_manifest
from tests.bench.models import colours
from tests.faults.choosing import MANY, cases_of
from tests.faults.disks import campaign
from tests.faults.lives import Fault, can_be_lived, live

lived = pytest.mark.skipif(not can_be_lived(), reason="needs Linux and a C compiler")


@lived
def test_a_disk_that_is_full_while_a_library_writes(tmp_path: Path) -> None:
    """ONNX Runtime says that a serialization failed: the disk is asked. Nothing is left; the same
    command then builds."""
    pytest.importorskip("onnxruntime")
    model, out = colours(tmp_path / "colours.onnx").path, tmp_path / "out"
    command = (
        *("build", str(model), "--backend", "onnxruntime", "--strategy", "static"),
        *("--sizes", "32", "--threads", "1", "--out", str(out)),
    )
    engine = "out/.onnxruntime-static-32x32-*.draft-*/engine.onnx"
    full = Fault(op="write", path=engine, nth=1, action=errno.ENOSPC, sticky=True)
    life = live(command, tmp_path, full)
    assert life.hit
    assert (life.status, life.survivors) == (1, ()), life.said
    assert f"sizewise: {out}" in life.said
    assert "can't be written: no space left on device. Free some space" in life.said
    assert [path.name for path in out.iterdir()] == []
    again = live(command, tmp_path)
    assert again.status == 0, again.said
    (built,) = out.glob("onnxruntime-*")
    assert engine_sha256(built) == read_manifest(built).sha256


@lived
def test_a_disk_that_can_only_be_read_since_the_key_was_begun(tmp_path: Path) -> None:
    """Its draft can't be removed either: that is no reason for a traceback."""
    model = colours(tmp_path / "colours.onnx").path
    command = ("build", str(model), "--backend", "fake", "--sizes", "32", "--out", str(tmp_path))
    key = Fault(op="write", path="key/*", nth=1, action=errno.EROFS, sticky=True)
    (tmp_path / "key").mkdir()
    life = live(
        command, tmp_path, key, variables={"SIZEWISE_KEY_FILE": str(tmp_path / "key" / "key")}
    )
    assert life.hit
    assert life.status == 1
    assert "Traceback" not in life.said
    assert "read-only file system" in life.said


def test_every_file_and_every_flush_has_its_cases() -> None:
    checkpoint, probe, pictures = "out/a.safetensors", "out", "home/.cache/p/*.jpg"
    operations = [
        *[("create", pictures), ("write", pictures), ("flush", pictures)] * (MANY + 1),
        ("create", probe),
        *(("create", checkpoint), *[("write", checkpoint)] * 5, ("flush", checkpoint)),
        *(("rename", checkpoint), ("flush", "out"), ("change", checkpoint)),
        *[("write", "out/results.sqlite"), ("flush", "out/results.sqlite"), ("flush", "out")] * 4,
    ]
    cases = list(cases_of(operations))
    assert len(set(cases)) == len(cases)
    found = Counter((one.stage, one.fault.op, one.fault.path) for one in cases)
    assert found == {
        ("data", "create", pictures): 1,
        ("data", "write", pictures): 3 * 3,
        ("data", "flush", pictures): 3 + 1,
        ("train", "create", checkpoint): 1,
        ("train", "write", checkpoint): 3 * 3,
        ("train", "flush", checkpoint): 2,
        ("train", "rename", checkpoint): 3,
        ("train", "flush", "out"): 2,
        ("sweep", "write", "out/results.sqlite"): 3 * 3,
        ("sweep", "flush", "out/results.sqlite"): 4 + 1,
        ("sweep", "flush", "out"): 4 + 1,
    }
    assert [one.fault.nth for one in cases if one.fault.path == checkpoint][1:10:3] == [1, 3, 5]
    assert all(one.fault.sticky is (one.fault.action != errno.EIO) for one in cases)


@lived
@pytest.mark.slow
def test_a_short_run_on_disks_that_fail(tmp_path: Path) -> None:
    for needed in ("torch", "onnxruntime", "sklearn", "skimage"):
        pytest.importorskip(needed)
    found = campaign(10, 1, tmp_path)
    assert found["cases"] == 10
    assert found["violations"] == []
