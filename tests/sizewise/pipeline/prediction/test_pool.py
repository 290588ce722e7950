"""Engines behind one call: the right one, the same boxes, within memory, from many threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sizewise as sw
from engines.base import Array, Session
from engines.store import opening
from sizewise.core.errors import EngineMismatchError, InferenceError, InputError, UsageError
from sizewise.core.specs import EngineArtifact, Size
from sizewise.core.specs.stored_plan import write_plan
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from tests.sizewise.cli.finders import CARD, write_finder
from tests.sizewise.pipeline.prediction.pools import built, plan_of, rectangle

pytestmark = pytest.mark.usefixtures("built_here")
PICTURES = (Size(60, 64), Size(90, 96))


@pytest.fixture
def artifacts(tmp_path: Path) -> tuple[EngineArtifact, ...]:
    return built(tmp_path, "64,96")


class Watched:
    """In the place of the store: notes what is open, and lets sessions be watched."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.open: list[str] = []
        self.most_open = 0
        self.before: Callable[[str], object] = lambda name: None
        self.fails: set[str] = set()
        self._real = opening.open_engine
        patch.setattr(opening, "open_engine", self._opened)

    def _opened(self, artifact: EngineArtifact, trusted: Collection[str] = ()) -> Session:
        name = artifact.path.name
        if name in self.fails:
            raise EngineMismatchError(f"{name} was not opened", "the test says so", "Mend it.")
        session = self._real(artifact, trusted)
        infer, close = session.infer, session.close

        def watched(inputs: Mapping[str, Array]) -> dict[str, Array]:
            self.before(name)
            return infer(inputs)

        def closed() -> None:
            self.open.remove(name)
            close()

        session.infer, session.close = watched, closed  # type: ignore[method-assign]
        self.open.append(name)
        self.most_open = max(self.most_open, len(self.open))
        return session


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_it_finds_the_very_boxes_that_predict_finds(
    artifacts: tuple[EngineArtifact, ...], tmp_path: Path
) -> None:
    """Through the plan's file, by a path, the file's bytes and the pixels."""
    sizes = (*PICTURES, Size(41, 90))
    for number, size in enumerate(sizes):
        Image.fromarray(rectangle(size.height, size.width, seed=number)).save(
            tmp_path / f"{number}.png"
        )
    write_plan(plan_of(artifacts, PICTURES), tmp_path / "plan.json")
    with sw.EnginePool(tmp_path / "plan.json") as pool:
        for number, engine in ((0, 0), (1, 1), (2, 1)):
            path = tmp_path / f"{number}.png"
            found = [
                pool.predict(one) for one in (path, path.read_bytes(), np.array(Image.open(path)))
            ]
            expected = sw.predict(artifacts[engine].path, path, out=tmp_path / "out").results()
            assert {one.engine for one in found} == {f"e{engine}"}
            for one in found:
                assert one.results() == [
                    {k: r[k] for k in ("bbox", "score")} | {"category_id": r["category_id"] - 1}
                    for r in expected
                ]
                assert one.describe() == "1× white"
                assert set(one.arrays()) == {spec.name for spec in one.predictor.array_specs}


def test_engines_without_a_plan_take_what_fits_best(tmp_path: Path) -> None:
    artifacts = (*built(tmp_path, "64,96"), *built(tmp_path, "64,96", strategy="dynamic"))
    with EnginePool([artifact.path for artifact in artifacts], load="lazy") as pool:
        chosen = {
            size: [(r.place.engine, r.place.input) for r in pool.routes(size)]
            for size in (Size(64, 64), Size(50, 90), Size(960, 720), Size(40, 40))
        }
        found = pool.predict(rectangle(50, 90))
    small, large, dynamic = (artifact.path.name for artifact in artifacts)
    assert chosen[Size(64, 64)][0] == (small, Size(64, 64))
    assert chosen[Size(50, 90)] == [
        (dynamic, Size(64, 90)),
        (large, Size(96, 96)),
        (small, Size(64, 64)),
    ]
    assert chosen[Size(960, 720)][0] == (dynamic, Size(96, 72))
    assert chosen[Size(40, 40)][0] == (small, Size(64, 64))
    assert (found.engine, found.input) == (dynamic, Size(64, 90))


def test_what_it_counts(artifacts: tuple[EngineArtifact, ...]) -> None:
    with EnginePool(plan_of(artifacts, PICTURES)) as pool:
        for size in (PICTURES[0], PICTURES[0], PICTURES[1], PICTURES[0]):
            pool.predict(rectangle(size.height, size.width))
        counts = pool.counts()
    small, large = counts.engines
    assert [(one.requests, one.switches, one.loads, one.failures) for one in counts.engines] == [
        (3, 1, 1, 0),
        (1, 1, 1, 0),
    ]
    assert small.padding == pytest.approx(4 / 64)
    assert large.padding == pytest.approx(6 / 96)
    assert small.seconds > 0
    assert (counts.memory_mib, counts.fallbacks) == (52.0, 0)
    assert small.loaded
    assert small.backend == "onnxruntime"
    assert not pool.counts().engines[0].loaded, "closed"


def test_it_stays_within_its_memory(
    artifacts: tuple[EngineArtifact, ...], watched: Watched
) -> None:
    """Room for one of the two: each makes room for the other."""
    plan = plan_of(artifacts, PICTURES, memory_mib=(30, 40), max_memory_mib=95)
    with EnginePool(plan) as pool:
        assert watched.open == [artifacts[0].path.name], "the second does not fit beside it"
        for number in range(6):
            pool.predict(rectangle(*((60, 64), (90, 96))[number % 2]))
        counts = pool.counts()
    assert watched.most_open == 1
    assert watched.open == []
    assert [one.evictions for one in counts.engines] == [3, 2]
    assert [one.loads for one in counts.engines] == [3, 3]
    assert counts.memory_mib == 90
    with EnginePool(plan, max_memory_mib=200) as pool:
        assert len(watched.open) == 2


@pytest.mark.parametrize("budget", [95, None])
def test_threads_get_their_own_boxes_one_call_at_a_time(
    artifacts: tuple[EngineArtifact, ...], watched: Watched, budget: float | None
) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def before(name: str) -> None:
        with lock:
            running[name] += 1
            most[name] = max(most[name], running[name])
        threading.Event().wait(0.001)
        with lock:
            running[name] -= 1

    plan = plan_of(artifacts, PICTURES, memory_mib=(30, 40), max_memory_mib=budget)
    pictures = [rectangle(*((60, 64), (90, 96))[n % 2], seed=n) for n in range(40)]
    with EnginePool(plan, load="lazy") as pool:
        expected = [pool.predict(picture).results() for picture in pictures]
        watched.before = before
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda p: pool.predict(p).results(), pictures))
        counts = pool.counts()
    assert found == expected
    assert set(most.values()) == {1}
    assert sum(one.requests for one in counts.engines) == 80
    assert watched.most_open == (2 if budget is None else 1)


def test_an_engine_that_fails_is_replaced_with_a_warning(
    artifacts: tuple[EngineArtifact, ...], watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is closed, and the last choice for a while; then it is tried again."""
    now = [1000.0]
    monkeypatch.setattr("sizewise.pipeline.prediction.pool.keeper.time.monotonic", lambda: now[0])
    bad, good = (artifact.path.name for artifact in artifacts)

    def before(name: str) -> None:
        if name == bad:
            raise InferenceError("The call failed", "the test says so", "Mend it.")

    picture = rectangle(60, 64)
    with EnginePool(plan_of(artifacts, PICTURES)) as pool:
        expected = pool.predict(picture)
        watched.before = before
        with pytest.warns(RuntimeWarning, match=r"engine e0 failed\. The call failed: the test"):
            found = pool.predict(picture)
        assert (found.engine, found.fell_back, expected.fell_back) == ("e1", True, False)
        assert found.describe() == expected.describe() == "1× white"
        assert watched.open == [good]
        watched.before = lambda name: None
        assert pool.predict(picture).engine == "e1", "e0 rests"
        now[0] += 60
        assert pool.predict(picture).engine == "e0"
        counts = pool.counts()
    assert [one.failures for one in counts.engines] == [1, 0]
    assert counts.fallbacks == 2


def test_engines_that_do_not_open_are_said_and_all_of_them_are_an_error(
    artifacts: tuple[EngineArtifact, ...], watched: Watched
) -> None:
    watched.fails = {artifacts[0].path.name}
    plan = plan_of(artifacts, PICTURES)
    with pytest.warns(RuntimeWarning, match="e0 failed.*was not opened"):
        pool = EnginePool(plan)
    with pool:
        assert pool.predict(rectangle(60, 64)).engine == "e1"
        watched.before = lambda name: (_ for _ in ()).throw(InferenceError("No", "w", "t"))
        with pytest.warns(RuntimeWarning), pytest.raises(InferenceError, match="No engine could"):
            pool.predict(rectangle(60, 64))
    watched.fails |= {artifacts[1].path.name}
    with pytest.warns(RuntimeWarning), pytest.raises(EngineMismatchError, match="not opened"):
        EnginePool(plan)


def test_outputs_that_are_no_numbers_are_left_to_another_engine(tmp_path: Path) -> None:
    """Another precision may do better; the engine itself is not at fault, and stays open."""
    (good,) = built(tmp_path, "64")
    (tmp_path / "nan").mkdir()
    write_finder(tmp_path / "nan" / "finder.onnx", nan=True)
    (bad,) = built(tmp_path / "nan", "64")
    black = np.zeros((64, 64, 3), np.uint8)
    with EnginePool([bad, good]) as pool:
        assert pool.predict(rectangle(64, 64)).engine == bad.path.name
        with pytest.warns(RuntimeWarning, match="failed"):
            found = pool.predict(black)
        assert found.fell_back
        assert [(e.failures, e.loaded) for e in pool.counts().engines] == [(1, True), (0, True)]


def test_plans_that_can_not_be_used_are_refused(
    artifacts: tuple[EngineArtifact, ...], tmp_path: Path
) -> None:
    plan = plan_of(artifacts, PICTURES, memory_mib=(30, 40), max_memory_mib=85)
    with pytest.raises(UsageError, match=r"e1 can't be loaded within 85 MiB.*max_memory_mib"):
        EnginePool(plan)
    with pytest.raises(InputError, match=r"is no plan of sizewise"):
        EnginePool(tmp_path / "absent.json")

    def changed(**values: Any) -> Any:
        first, *others = plan_of(artifacts, PICTURES).engines
        engines = (replace(first, **values), *others)
        return replace(plan_of(artifacts, PICTURES), engines=engines)

    with pytest.raises(InputError, match=r"made without building it.*sizewise plan"):
        EnginePool(changed(artifact="", sha256=""))
    with pytest.raises(InputError, match="gone is not there"):
        EnginePool(changed(artifact=str(tmp_path / "gone")))
    with pytest.raises(EngineMismatchError, match="another engine than the one that was planned"):
        EnginePool(changed(artifact=str(artifacts[1].path)))


def test_engines_that_find_different_things_are_refused(tmp_path: Path) -> None:
    (first,) = built(tmp_path, "64")
    (tmp_path / "other").mkdir()
    write_finder(tmp_path / "other" / "finder.onnx", card=replace(CARD, classes=("a", "b")))
    (second,) = built(tmp_path / "other", "64")
    with pytest.raises(UsageError, match="differ in their task or their classes"):
        EnginePool([first, second])
    with pytest.raises(UsageError, match="There is no engine"):
        EnginePool([])


def test_an_engine_of_others_needs_its_hash(
    artifacts: tuple[EngineArtifact, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from engines.store.manifest import read_written
    from engines.store.signing import KEY_FILE

    monkeypatch.setenv(KEY_FILE, str(tmp_path / "another-key"))
    ours = artifacts[0]
    (tmp_path / "another-key").write_bytes(b"k" * 32)
    (tmp_path / "another-key").chmod(0o600)
    with pytest.raises(EngineMismatchError, match="not signed by you"):
        EnginePool([ours])
    trusted = read_written(ours.path).sha256
    with EnginePool([ours], trust_engines=trusted) as pool:
        assert pool.predict(rectangle(64, 64)).describe() == "1× white"


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        b"no picture",
    ],
)
def test_what_is_no_picture_is_refused(artifacts: tuple[EngineArtifact, ...], picture: Any) -> None:
    with EnginePool(artifacts, load="lazy") as pool:
        with pytest.raises(InputError, match="picture"):
            pool.predict(picture)
        with pytest.raises(UsageError, match="it is a list"):
            pool.predict([1])  # type: ignore[arg-type]
        assert not any(one.failures for one in pool.counts().engines)


def test_a_closed_pool_says_so(artifacts: tuple[EngineArtifact, ...]) -> None:
    pool = EnginePool(artifacts)
    pool.close()
    with pytest.raises(InferenceError, match="the pool was closed"):
        pool.predict(rectangle(64, 64))
    pool.close()
