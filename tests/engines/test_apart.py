"""An engine in a process of its own computes what it does in ours, and can't harm us."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from engines.apart import EngineApart, RunLimits, _arrays, _Stored, _written
from engines.backends.fake import FakeOptions
from engines.base import example_inputs
from engines.store.opening import open_engine
from sizewise.core import codec
from sizewise.core.children.child import ChildError
from sizewise.core.errors import EngineMismatchError, InferenceError, OutputError
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.conftest import Build
from tests.engines.store.requests import SPEC

SIZE = Size(64, 64)
LIMITS = RunLimits(timeout_s=300.0)
ARRAYS: dict[str, NDArray[np.generic]] = {
    "half": np.arange(6, dtype=np.float16).reshape(2, 3),
    "scalar": np.array(2.5, np.float32),
    "nothing": np.zeros((0, 4), np.int64),
    "truth": np.array([True, False, True]),
    "turned": np.arange(6, dtype=np.uint8).reshape(2, 3).T,
}


def apart(
    artifact: EngineArtifact, limits: RunLimits = LIMITS, trusted: tuple[str, ...] = ()
) -> EngineApart:
    return EngineApart(artifact, limits, name="net.onnx", trusted=trusted)


def failing(net: ExportedModel, build: Build, options: FakeOptions) -> EngineArtifact:
    return build(net, replace(SPEC, options=options))


def their_processes() -> Iterator[psutil.Process]:
    for process in psutil.Process().children():
        if any("engines.apart" in word for word in process.cmdline()):
            yield process


def test_its_outputs_are_those_of_a_session_bit_by_bit(net: ExportedModel, build: Build) -> None:
    """Larger ones and smaller ones in turn: both are written into the same file."""
    pytest.importorskip("onnxruntime")
    profile = Profile(min=Size(32, 32), opt=SIZE, max=Size(96, 96))
    spec = EngineSpec(backend="onnxruntime", strategy="dynamic", profiles=(profile,), batch_size=2)
    artifact = build(net, spec)
    with open_engine(artifact) as session, apart(artifact) as engine:
        assert engine.artifact == artifact
        for side, seed in ((32, 0), (96, 1), (64, 2), (96, 3)):
            given = example_inputs(artifact, 2, Size(side, 96), seed)
            ours, theirs = engine.infer(given), session.infer(given)
            assert list(ours) == list(theirs)
            for name, found in ours.items():
                assert found.dtype == theirs[name].dtype
                assert_array_equal(found, theirs[name])


def test_what_fails_there_fails_here_in_the_same_words(net: ExportedModel, build: Build) -> None:
    artifact = failing(net, build, FakeOptions(most_pixels=64 * 64))
    with apart(artifact) as engine:
        with pytest.raises(InferenceError, match="its options allow 4096 pixels"):
            engine.infer(example_inputs(artifact, 1, Size(96, 96)))
        (process,) = their_processes()
        engine.infer(example_inputs(artifact, 1, SIZE))
        assert list(their_processes()) == [process]
    assert not list(their_processes())
    with pytest.raises(EngineMismatchError, match="is not what its manifest says"):
        apart(replace(artifact, build_s=0.5))
    assert not list(their_processes())


def test_after_a_crash_the_next_call_opens_it_again(net: ExportedModel, build: Build) -> None:
    artifact = failing(net, build, FakeOptions(seed=3))
    given = example_inputs(artifact, 1, SIZE)
    with apart(artifact) as engine:
        before = engine.infer(given)
        (process,) = their_processes()
        process.kill()
        with pytest.raises(ChildError, match=r"^The engine of net\.onnx crashed"):
            engine.infer(given)
        assert_array_equal(engine.infer(given)["boxes"], before["boxes"])


def test_a_call_without_end_ends_with_the_option_to_raise(net: ExportedModel, build: Build) -> None:
    artifact = failing(net, build, FakeOptions(call_s=1e6))
    said = r"^The engine of net.onnx did not end within 2 s: .* Raise the limit with timeout_s"
    with (
        pytest.raises(ChildError, match=said) as raised,
        apart(artifact, RunLimits(timeout_s=2.0)) as engine,
    ):
        engine.infer(example_inputs(artifact, 1, SIZE))
    assert raised.value.reason_code == "timeout"
    assert not list(their_processes())


def test_arrays_of_every_type_and_form_come_back(tmp_path: Path) -> None:
    path = tmp_path / "arrays.bin"
    path.write_bytes(b"what an earlier call left" * 100)
    found = _arrays(path, codec.from_plain(_written(path, ARRAYS), tuple[_Stored, ...]))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "other", [{"shape": (10**12,)}, {"shape": (-1, -1)}, {"dtype": "object"}, {"dtype": "tensor"}]
)
def test_what_a_process_says_of_its_arrays_is_held_against_the_file(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    """Nothing is made of its numbers before."""
    path = tmp_path / "arrays.bin"
    _written(path, {"x": np.zeros(4, np.float32)})
    said = _Stored(**{"name": "x", "dtype": "float32", "shape": (4,)} | other)
    with pytest.raises((ValueError, TypeError)):
        _arrays(path, [said])


def test_a_full_disk_is_said_with_the_variable_of_temporary_files(
    net: ExportedModel, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = failing(net, build, FakeOptions())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with apart(artifact) as engine:
        monkeypatch.setattr(Path, "open", full)
        with pytest.raises(OutputError, match="choose another folder with TMPDIR"):
            engine.infer(example_inputs(artifact, 1, SIZE))
