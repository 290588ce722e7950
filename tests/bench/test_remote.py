"""The typed worker and the worker itself: two lists of methods that must be one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.accuracy.plan import AccuracyPlan
from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from bench.waves.launch import WORKER, Limits, launch_child
from bench.worker import Worker
from engines.backends.fake import FakeOptions
from engines.store.cache import obtain_engine
from sizewise.core.children.child import ChildError
from sizewise.core.errors import InputError
from sizewise.core.specs import EngineArtifact, EngineSpec, Profile, Size
from sizewise.core.trials import Accuracy
from tests.bench.factories import launch_in_process
from tests.bench.models import CARD, colours
from tests.bench.pictures import write_pictures

OPENING = {"prepare": "__init__"}
"""Methods of the typed worker that have another name in the worker."""
NOT_REMOTE = {"call"}
USERS = {"remote.py", "worker.py", "waves/watching.py", "anchor/worker.py", "interpreter.py"}
"""The typed worker and the worker; the watch with its anchor, which is no engine; and another
interpreter, which builds."""
PLACED = {"accuracy/placed.py", "planned.py"}
"""A plan's accuracy, by a function that a child calls by its name, and its caller."""
ROOM = Path(bench.__file__).parent


def parameters(method: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(method).parameters)


def methods(kind: type) -> dict[str, list[str]]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: parameters(method) for name, method in found if not name.startswith("_")}


def test_the_typed_worker_has_every_method_of_the_worker_with_its_parameters() -> None:
    there = methods(Worker) | {"__init__": parameters(Worker.__init__)}
    here = {
        OPENING.get(name, name): names
        for name, names in methods(RemoteWorker).items()
        if name not in NOT_REMOTE
    }
    assert here == there


class Recorder:
    """Notes which methods are called by name and with which arguments; answers nothing."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, set[str]]] = []

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        self.calls.append((method, set(arguments)))
        raise InputError("Nothing is here", "it is a test", "Nothing.")

    pid = 1

    def close(self) -> None:
        self.calls.append(("close", set()))


GIVEN: dict[str, Any] = {
    "engine": Path("engine"),
    "size": Size(32, 32),
    "sizes": [Size(32, 32), Size(64, 64)],
    "calls": 2,
    "turn": Turn(pause_s=0, cold_calls=0, calls=1, seconds=0),
    "pictures": [Path("picture.png")],
    "repetitions": 2,
    "warmup_calls": 2,
    "plan": AccuracyPlan(data="digits", folder=Path("pictures")),
    "measured_as": Accuracy(images=0, data_sha256="ab"),
    "card": CARD,
    "start": 0,
    "stop": 3,
}


@pytest.mark.parametrize("name", sorted(set(methods(RemoteWorker)) - NOT_REMOTE))
def test_each_method_calls_its_namesake_with_all_its_arguments(name: str) -> None:
    recorder = Recorder()
    method = getattr(RemoteWorker(recorder, timeout_s=1), name)
    names = parameters(method)
    if name == "close":
        method()
    else:
        with pytest.raises(InputError):
            method(**{each: GIVEN[each] for each in names})
    assert recorder.calls == [(OPENING.get(name, name), set(names))]


class Babbler:
    """Answers every call with ``said``."""

    pid = 1

    def __init__(self, said: Any) -> None:
        self._said = said

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        return self._said

    def close(self) -> None: ...


@pytest.mark.parametrize("said", ["x", [1], {"started_ns": "soon"}, [{"name": 3}]])
@pytest.mark.parametrize(
    "name", sorted(set(methods(RemoteWorker)) - NOT_REMOTE - {"close", "prepare", "evaluate"})
)
def test_an_answer_of_another_form_is_a_crash(name: str, said: Any) -> None:
    method = getattr(RemoteWorker(Babbler(said), timeout_s=1), name)
    with pytest.raises(ChildError, match="no answer: what it said has not the form") as caught:
        method(**{each: GIVEN[each] for each in parameters(method)})
    assert (caught.value.reason_code, caught.value.lives) == ("crash_protocol", False)


def called_methods(path: Path) -> set[str]:
    calls = (
        n.func for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)
    )
    return {function.attr for function in calls if isinstance(function, ast.Attribute)}


def test_the_rest_of_the_room_calls_nothing_by_name_and_translates_nothing() -> None:
    """The typed worker and the worker alone know what crosses between processes."""
    crossing = {"call", "to_plain", "from_plain"}
    folders = (
        ROOM,
        *(ROOM / name for name in ("accuracy", "anchor", "planning", "timing", "waves")),
    )
    files = (path for folder in folders for path in folder.glob("*.py"))
    users = {str(path.relative_to(ROOM)) for path in files if crossing & called_methods(path)}
    assert users == USERS | PLACED


@pytest.fixture
def engine(tmp_path: Path, built_here: None) -> EngineArtifact:
    sizes = (Size(32, 32), Size(64, 64))
    spec = EngineSpec(
        backend="fake",
        strategy="dynamic",
        profiles=(Profile.spanning(sizes),),
        options=FakeOptions(copies=0.2),
    )
    return obtain_engine(colours(tmp_path / "model.onnx"), spec, tmp_path / "engines")


@pytest.mark.parametrize("launch", [launch_child, launch_in_process])
def test_values_come_back_as_values(
    tmp_path: Path, engine: EngineArtifact, launch: Callable[[Limits], RemoteWorker]
) -> None:
    data = write_pictures(tmp_path)
    worker = launch(Limits(timeout_s=60))
    try:
        worker.prepare(engine.path, Size(32, 32))
        assert worker.open() > 0
        assert worker.warm_up(2) > 0
        sample = worker.measure(Turn(pause_s=0, cold_calls=1, calls=3, seconds=0))
        assert (sample.cold, len(sample.latency_ns)) == (1, 4)
        parts = worker.parts(2)
        assert {name: len(ns) for name, ns in parts.items()} == {
            "host-to-device": 2,
            "compute": 2,
            "device-to-host": 2,
        }
        memory = worker.memory()
        assert memory is None or memory.peak_bytes >= memory.before_bytes > 0
        walked = worker.walk([Size(32, 32), Size(64, 64)])
        assert walked is None or memory is None or walked > 0
        change = worker.change_shape(1, 2)
        assert change is not None
        assert (change.size, len(change.later_ns)) == (Size(64, 64), 2)
        known = Accuracy(images=0, data_sha256="another")
        with pytest.raises(InputError, match="changed during"):
            worker.prepare_accuracy(AccuracyPlan(data=str(data)), known, CARD)
    finally:
        worker.close()


def test_the_worker_is_found_by_its_dotted_name() -> None:
    module, _, name = WORKER.partition(":")
    assert (module, name) == (Worker.__module__, Worker.__qualname__)
