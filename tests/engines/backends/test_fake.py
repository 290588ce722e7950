"""The scripted clock: what the options say is what the clock shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.backends._timeline import TIMELINE
from engines.backends.fake import FakeOptions
from engines.base import Session, example_input
from engines.feeding import infer_images
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError, InferenceError
from sizewise.core.specs import BatchRange, EngineArtifact, EngineSpec, ExportedModel, Profile, Size

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
QUIET = FakeOptions(base_ns=1000.0, ns_per_pixel=2.0, dynamic_cost=1.5)
SIDE = 64


@pytest.fixture(autouse=True)
def restarted() -> Iterator[None]:
    TIMELINE.restart(1)
    yield
    TIMELINE.restart(1)


@pytest.fixture
def engine(build: Build, net: ExportedModel) -> Callable[..., EngineArtifact]:
    def made(options: FakeOptions, **spec: Any) -> EngineArtifact:
        profiles = (Profile.spanning([Size(SIDE, SIDE), Size(2 * SIDE, 2 * SIDE)]),)
        wanted = EngineSpec(
            backend="fake", strategy="dynamic", profiles=profiles, options=options, **spec
        )
        return build(net, wanted)

    return made


def calls(session: Session, count: int, side: int = SIDE) -> NDArray[np.float64]:
    """Latencies as the harness would see them, in ns."""
    artifact = session.artifact
    images = example_input(artifact, artifact.image.shape(1, Size(side, side)))
    clock = find_backend("fake").clock()
    session.bind({"images": images})
    seen = []
    for _ in range(count):
        before = clock()
        session.enqueue()
        session.synchronize()
        seen.append(clock() - before)
    return np.array(seen, float)


def test_a_quiet_call_takes_the_base_and_so_much_per_pixel(
    engine: Callable[..., EngineArtifact],
) -> None:
    session = open_engine(engine(QUIET))
    for side in (SIDE, 2 * SIDE):
        expected = 1.5 * (1000 + 2 * side**2)
        np.testing.assert_allclose(calls(session, 3, side), expected, rtol=1e-3)


def test_after_a_restart_everything_repeats(engine: Callable[..., EngineArtifact]) -> None:
    artifact = engine(replace(QUIET, noise=0.1, process_sd=0.1, drift=0.1, burst_probability=0.1))

    def run() -> NDArray[np.float64]:
        TIMELINE.restart(5)
        return np.concatenate([calls(open_engine(artifact), 20) for _ in range(3)])

    np.testing.assert_array_equal(run(), run())


def test_noise_bursts_and_offsets_are_of_the_size_asked(
    engine: Callable[..., EngineArtifact],
) -> None:
    quiet = 1.5 * (1000 + 2 * SIDE**2)
    noisy = calls(open_engine(engine(replace(QUIET, noise=0.02))), 2000) / quiet
    assert noisy.std() == pytest.approx(0.02, rel=0.1)
    bursts = calls(open_engine(engine(replace(QUIET, burst_probability=0.1, burst=0.3))), 2000)
    assert (bursts > 1.2 * quiet).mean() == pytest.approx(0.1, abs=0.03)
    assert bursts.max() == pytest.approx(1.3 * quiet, rel=1e-3)
    shifted = engine(replace(QUIET, process_sd=0.02))
    offsets = [calls(open_engine(shifted), 1)[0] / quiet for _ in range(200)]
    assert np.std(offsets) == pytest.approx(0.02, rel=0.2)


def test_drift_is_shared_by_the_sessions_of_a_process(
    engine: Callable[..., EngineArtifact],
) -> None:
    artifact = engine(replace(QUIET, drift=0.2, drift_period_s=0.01))
    first, second = open_engine(artifact), open_engine(artifact)
    pairs = np.array([[calls(s, 1)[0] for s in (first, second)] for _ in range(500)])
    assert np.ptp(pairs[:, 0]) > 0.3 * pairs.mean()
    np.testing.assert_allclose(pairs[:, 0], pairs[:, 1], rtol=0.05)


def test_a_planted_difference_is_there(engine: Callable[..., EngineArtifact]) -> None:
    slow = replace(QUIET, base_ns=1050.0, ns_per_pixel=2.1)
    ratio = calls(open_engine(engine(slow)), 5) / calls(open_engine(engine(QUIET)), 5)
    np.testing.assert_allclose(ratio, 1.05, rtol=1e-3)


def test_outputs_have_their_declared_shapes(engine: Callable[..., EngineArtifact]) -> None:
    artifact = engine(QUIET, batch_size=3)
    images = example_input(artifact, (3, 3, SIDE, SIDE))
    boxes = open_engine(artifact).infer({"images": images})["boxes"]
    assert (boxes.shape[0], boxes.shape[2], boxes.dtype.name) == (3, 4, "float32")
    assert np.isfinite(boxes).all()


def test_an_engine_for_a_range_of_batches_takes_all_of_them_and_no_other(
    engine: Callable[..., EngineArtifact],
) -> None:
    session = open_engine(engine(QUIET, batch_size=4, batch_range=BatchRange(2, 6)))
    images = example_input(session.artifact, (8, 3, SIDE, SIDE))
    for count in range(1, 9):
        given = {"images": images[:count]}
        if 2 <= count <= 6:
            assert session.infer(given)["boxes"].shape[0] == count
            continue
        with pytest.raises(EngineMismatchError, match=r"\(batches of 2 to 6\)") as caught:
            session.infer(given)
        assert caught.value.reason_code == "unsupported_input"


def test_images_fill_a_range_of_batches_no_more_than_they_must(
    engine: Callable[..., EngineArtifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_engine(engine(QUIET, batch_size=4, batch_range=BatchRange(2, 6)))
    bound: list[int] = []
    monkeypatch.setattr(session, "_bind", _noting(session._bind, bound))
    images = example_input(session.artifact, (6, 3, SIDE, SIDE))
    assert [len(infer_images(session, list(images[:count]))) for count in (1, 2, 3, 6)] == [
        1,
        2,
        3,
        6,
    ]
    assert bound == [2, 2, 3, 6]


def _noting(bind: Callable[..., None], bound: list[int]) -> Callable[..., None]:
    def noting(images: Any, further: Any) -> None:
        bound.append(len(images))
        bind(images, further)

    return noting


def test_failures_come_when_they_are_asked_for(engine: Callable[..., EngineArtifact]) -> None:
    with pytest.raises(EngineMismatchError):
        open_engine(engine(replace(QUIET, fail_at="open")))
    with pytest.raises(InferenceError):
        calls(open_engine(engine(replace(QUIET, fail_at="run"))), 1)
    wrong = engine(replace(QUIET, wrong=True))
    images = example_input(wrong, (1, 3, SIDE, SIDE))
    assert np.isnan(open_engine(wrong).infer({"images": images})["boxes"]).all()


def test_opening_a_built_engine_imports_no_library(
    engine: Callable[..., EngineArtifact],
) -> None:
    program = (
        "import sys; from pathlib import Path; from engines.store.manifest import read_manifest;"
        "from engines.store.opening import open_engine; "
        "open_engine(read_manifest(Path(sys.argv[1])));"
        "print(*{'onnx', 'onnxruntime', 'openvino', 'torch', 'pandas'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", program, str(engine(QUIET).path)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == ""
