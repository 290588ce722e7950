from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import with_further
from engines.tensorrt.log import Messages
from engines.tensorrt.options import RtxOptions
from engines.tensorrt.run.contexts import nearest_profile
from sizewise.core.errors import EngineMismatchError, InferenceError, SizewiseError
from sizewise.core.specs import BackendOptions, BatchRange, Profile, Size
from tests.engines.tensorrt.fake_cuda import Device
from tests.engines.tensorrt.fake_trt import BRIGHT, GAINS, IMAGE, DataType, Plan
from tests.engines.tensorrt.run.sessions import (
    artifact_of,
    check_outputs,
    images,
    infer,
    open_session,
    plan_of,
)

sides = st.integers(1, 12)


@st.composite
def profiles(draw: st.DrawFn) -> tuple[Profile, ...]:
    def one() -> Profile:
        heights = sorted(draw(st.lists(sides, min_size=3, max_size=3)))
        widths = sorted(draw(st.lists(sides, min_size=3, max_size=3)))
        return Profile(
            **{
                name: Size(h, w)
                for name, h, w in zip(("min", "opt", "max"), heights, widths, strict=True)
            }
        )

    return tuple(one() for _ in range(draw(st.integers(1, 5))))


@given(profiles(), sides, sides)
def test_the_profile_is_the_nearest_that_fits(
    given_profiles: tuple[Profile, ...], height: int, width: int
) -> None:
    best, least = None, float("inf")
    for index, p in enumerate(given_profiles):
        fits = p.min.height <= height <= p.max.height and p.min.width <= width <= p.max.width
        away = abs(p.opt.height * p.opt.width - height * width)
        if fits and away < least:
            best, least = index, away
    if best is not None:
        assert nearest_profile(given_profiles, Size(height, width)) == best


def test_a_context_is_made_when_its_profile_is_first_used() -> None:
    plan = plan_of()
    with open_session(plan, cuda_graphs=False) as session:
        assert plan.contexts == 0
        infer(session, 4)
        assert plan.profile_of == [0]
        infer(session, 12)
        infer(session, 5)
        infer(session, 7)  # both admit it: 49 pixels are nearer to 16 than to 144
        infer(session, 16)
        assert plan.profile_of == [0, 1]
    plan.device.demand_clean()


@pytest.mark.parametrize("rtx", [True, False])
@pytest.mark.parametrize("capturable", [True, None])
@pytest.mark.parametrize("cuda_graphs", [True, False])
@pytest.mark.parametrize("gains", [False, True])
def test_calls_of_all_sizes_and_batches(
    rtx: bool, capturable: bool | None, cuda_graphs: bool, gains: bool
) -> None:
    """As TensorRT 10 and 11 and TensorRT for RTX have it: each has what another lacks."""
    plan = plan_of(rtx=rtx, capturable=capturable, gains=gains)
    with open_session(plan, cuda_graphs=cuda_graphs) as session:
        for seed, (side, batch) in enumerate([(4, 1), (4, 3), (16, 4), (16, 4), (2, 1), (4, 1)]):
            infer(session, side, batch, seed)
        assert session.remarks == ()
    plan.device.demand_clean()


calls = st.lists(
    st.tuples(st.sampled_from([2, 4, 7, 9, 16]), st.integers(1, 3), st.integers(1, 3)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(calls, st.integers(1, 3), st.sampled_from(["largest", "shape"]), st.booleans())
def test_any_sequence_of_calls(
    sequence: list[tuple[int, int, int]], limit: int, context_memory: str, by_parts: bool
) -> None:
    plan = plan_of()
    options: dict[str, Any] = {"cuda_graph_limit": limit, "context_memory": context_memory}
    with open_session(plan, **options) as session:
        for seed, (side, batch, repetitions) in enumerate(sequence):
            given_images = images(side, batch, seed)
            session.bind({IMAGE: given_images})
            for _ in range(repetitions):
                if by_parts:
                    for part in session.parts().values():
                        part()
                        session.synchronize()
                else:
                    session.enqueue()
                    session.synchronize()
                check_outputs(session.outputs(), given_images)
            assert list(plan.device.live.values()).count("graph") <= limit
            assert plan.contexts <= limit + len(plan.profiles)
        assert session.remarks == ()
    plan.device.demand_clean()


def test_what_a_user_says_of_an_input_reaches_the_engine() -> None:
    plan = plan_of(gains=True)
    artifact = artifact_of(plan, RtxOptions())
    said = tuple(replace(one, values=(3.0,)) for one in artifact.further)
    given = images(4, batch=2)
    with open_session(plan, artifact=replace(artifact, further=said)) as session:
        outputs = session.infer(with_further(session.artifact, given))
        check_outputs(outputs, 3 * given)
    plan.device.demand_clean()


def test_an_input_that_changes_between_calls_of_a_graph_is_uploaded_again() -> None:
    plan, given = plan_of(gains=True), images(4)
    with open_session(plan) as session:
        for gain in (1.0, 2.0, 3.0, 4.0):
            gains = np.full(1, gain, dtype=np.float32)
            check_outputs(session.infer({IMAGE: given, GAINS: gains}), gain * given)
        assert plan.device.count("cudaGraphLaunch") > 1
    plan.device.demand_clean()


def test_a_call_uploads_computes_and_downloads() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        session.bind({IMAGE: images(4)})
        assert plan.device.done == []
        session.enqueue()
        assert plan.device.done == [], "a call is not waited for"
        session.synchronize()
        assert plan.device.done == ["upload", "compute", "download", "download"]


def test_the_parts_of_a_call_are_apart() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        session.bind({IMAGE: images(4)})
        parts = session.parts()
        assert list(parts) == ["host-to-device", "compute", "device-to-host"]
        for part, done in zip(parts.values(), ("upload", "compute", "download"), strict=True):
            plan.device.done.clear()
            part()
            session.synchronize()
            assert set(plan.device.done) == {done}
        check_outputs(session.outputs(), images(4))


def test_what_was_bound_may_be_changed_at_once() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        mine = images(4)
        session.bind({IMAGE: mine})
        mine[...] = -1
        session.enqueue()
        check_outputs(session.outputs(), images(4))


def test_binding_waits_for_the_call_before() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        session.bind({IMAGE: images(4, seed=1)})
        session.enqueue()
        session.bind({IMAGE: images(4, seed=2)})
        assert plan.device.done[-1] == "download"
        session.enqueue()
        check_outputs(session.outputs(), images(4, seed=2))


def test_outputs_are_copies() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        first = session.infer({IMAGE: images(4, seed=1)})
        session.infer({IMAGE: images(4, seed=2)})
        check_outputs(first, images(4, seed=1))


@pytest.mark.parametrize("what", ["enqueue", "outputs", "host-to-device", "compute"])
def test_nothing_is_done_before_images_are_bound(what: str) -> None:
    plan = plan_of()
    with open_session(plan) as session:
        actions: dict[str, Any] = {
            "enqueue": session.enqueue,
            "outputs": session.outputs,
            **session.parts(),
        }
        with pytest.raises(InferenceError, match="bound"):
            actions[what]()


def test_outputs_of_an_earlier_call_are_not_given_for_the_next() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 4)
        session.bind({IMAGE: images(4, seed=1)})
        with pytest.raises(InferenceError, match="no call was started"):
            session.outputs()


def test_memory_for_the_largest_size_is_asked_for_once() -> None:
    plan = plan_of()
    needed = max(plan.largest_scratch_bytes(0), plan.largest_scratch_bytes(1))
    with open_session(plan, context_memory="largest") as session:
        infer(session, 2)
        before = plan.device.used("device")
        assert before > needed
        infer(session, 16, batch=4)
        grown = images(16, 4).nbytes * 2 + 4 * 4 - (images(2).nbytes * 2 + 4)
        assert plan.device.used("device") == before + grown, "buffers alone have grown"


def test_memory_grows_with_the_shape_and_never_shrinks() -> None:
    plan = plan_of()
    with open_session(plan, context_memory="shape") as session:
        used = []
        for side in (4, 2, 16, 4):
            infer(session, side)
            shape = (1, 3, side, side)
            expected = plan.scratch_bytes(shape) + 2 * images(side).nbytes + 4
            used.append(plan.device.used("device"))
            assert used[-1] >= expected
        assert used == [used[0], used[0], used[2], used[2]]
        assert used[2] == plan.scratch_bytes((1, 3, 16, 16)) + 2 * images(16).nbytes + 4
        assert plan.device.peak_bytes == used[2], "old and new stood side by side"


def test_a_session_is_closed_once_and_leaves_nothing() -> None:
    plan = plan_of()
    session = open_session(plan)
    for side in (4, 4, 4, 12, 12):
        infer(session, side)
    plan.device.log.clear()
    session.close()
    plan.device.demand_clean()
    assert plan.contexts == 0
    order = list(dict.fromkeys(plan.device.log))
    assert order[:2] == ["cudaStreamSynchronize", "cudaGraphExecDestroy"]
    assert order[-2:] == ["cudaEventDestroy", "cudaStreamDestroy"]
    session.close()
    with pytest.raises(InferenceError, match="bound"):
        session.enqueue()
    with pytest.raises(InferenceError, match="closed"):
        infer(session, 4)


def _open_and_run_all(plan: Plan) -> None:
    with open_session(plan, cuda_graph_limit=2) as session:
        _run_all(session)


def _run_all(session: Any) -> None:
    for side, batch in ((4, 1), (4, 1), (4, 1), (5, 2), (5, 2), (16, 4), (16, 4), (4, 1)):
        infer(session, side, batch)


@pytest.mark.parametrize("status", ["cudaErrorUnknown", "cudaErrorMemoryAllocation"])
@pytest.mark.parametrize(
    ("context_memory", "gains"), [("largest", False), ("shape", False), ("shape", True)]
)
def test_every_operation_that_fails_gives_an_error_and_no_leak(
    status: str, context_memory: str, gains: bool
) -> None:
    """Or, where it only cost a graph, a remark. A session that failed in one call does the next."""
    outcomes: list[str] = []
    fail_at = 0
    while True:
        plan = plan_of(Device(fail_at, status), gains=gains)
        outcome = _outcome(plan, context_memory)
        plan.device.demand_clean()
        assert plan.contexts == 0
        if len(plan.device.log) <= fail_at:
            break
        assert outcome, f"{plan.device.log[fail_at]} failed, and nobody was told"
        outcomes.append(outcome)
        fail_at += 1
    assert outcome == ""
    assert {"opening", "a call", "a remark", "closing"} <= set(outcomes)


def _outcome(plan: Plan, context_memory: str) -> str:
    """Where an error came to light; empty where none did."""
    try:
        session = open_session(plan, context_memory=context_memory, cuda_graph_limit=2)
    except SizewiseError:
        return "opening"
    found = ""
    try:
        _run_all(session)
    except SizewiseError:
        found = "a call"
        _run_all(session)
    if session.remarks:
        found = found or "a remark"
    try:
        session.close()
    except SizewiseError:
        found = found or "closing"
    return found


@pytest.mark.parametrize("operations", range(1, 120, 7))
def test_a_lost_device_is_told_once_and_cleaned_up_after(operations: int) -> None:
    """Where nothing works any more, the first error is the one that is told."""
    plan = plan_of(Device(status="cudaErrorIllegalAddress"))
    plan.device.fail_from = operations
    with pytest.raises(InferenceError, match="cudaErrorIllegalAddress") as failure:
        _open_and_run_all(plan)
    failed = [name for name in plan.device.log[operations:] if name.startswith("cuda")]
    # A capture that fails costs no more than its graph, so that the next operation tells.
    first = next(
        name for name in failed if "Capture" not in name and name != "cudaGraphInstantiate"
    )
    assert first in str(failure.value)
    assert any("Cleaning up failed" in note for note in failure.value.__notes__)
    plan.device.demand_clean()


def test_contexts_are_gone_while_the_error_is_still_there() -> None:
    """Its traceback holds frames in which they were used."""
    plan = plan_of(data_dependent=BRIGHT)
    with pytest.raises(InferenceError) as failure:
        _open_and_run_all(plan)
    assert plan.made
    assert plan.contexts == 0, failure


def test_closing_tells_what_fails() -> None:
    plan = plan_of()
    session = open_session(plan)
    infer(session, 4)
    plan.device.fail_from = len(plan.device.log)
    with pytest.raises(InferenceError, match="cuda"):
        session.close()
    plan.device.demand_clean()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kinds": {IMAGE: DataType.BF16}}, "BF16"),
        ({"kinds": {BRIGHT: DataType.BF16}}, "BF16"),
        ({"kinds": {IMAGE: DataType.INT32}}, "int32"),
        ({"on_host": BRIGHT}, "on the host"),
        ({"gains": True, "kinds": {GAINS: DataType.INT32}}, "type of gains"),
        ({"gains": True, "on_host": GAINS}, "on the host"),
    ],
)
def test_engines_that_can_not_be_used_are_refused(change: dict[str, Any], why: str) -> None:
    plan = plan_of(**change)
    with pytest.raises(EngineMismatchError, match=why):
        open_session(plan)
    plan.device.demand_clean()


@pytest.mark.parametrize("gains", [False, True])
def test_an_engine_that_is_not_its_manifest_is_refused(gains: bool) -> None:
    plan = plan_of(gains=gains)
    artifact = artifact_of(plan, RtxOptions())
    fewer = replace(artifact, spec=replace(artifact.spec, profiles=plan.profiles[:1]))
    for wrong in (
        replace(artifact, outputs=artifact.outputs[:1]),
        fewer,
        replace(artifact, spec=replace(artifact.spec, options=BackendOptions())),
        artifact_of(plan_of(gains=not gains), RtxOptions()),
    ):
        with pytest.raises(EngineMismatchError, match="can't be used"):
            open_session(plan, artifact=wrong)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"data_dependent": BRIGHT}, "depends on"), ({"unknown": "steps"}, "steps are not known")],
)
def test_outputs_of_unknown_size_are_refused(change: dict[str, Any], why: str) -> None:
    plan = plan_of(**change)
    with open_session(plan) as session, pytest.raises(InferenceError, match=why):
        infer(session, 4)
    plan.device.demand_clean()


def test_a_smaller_batch_than_the_engine_takes_is_refused() -> None:
    plan = plan_of(batches=BatchRange(2, 4))
    with open_session(plan) as session, pytest.raises(EngineMismatchError):
        infer(session, 4, batch=1)


def test_what_tensorrt_says_is_the_reason() -> None:
    messages = Messages()
    messages.add("ERROR", "an old story")
    plan = plan_of()
    with open_session(plan, messages=messages) as session:
        infer(session, 4)
        plan.device.fail_at = len(plan.device.log) + plan_index(plan, "execute_async_v3")
        messages.add("ERROR", "CUDA error 2 for 1024-byte allocation: out of memory")
        with pytest.raises(InferenceError, match=r"could not run.*1024-byte") as failure:
            infer(session, 12)
    assert failure.value.reason_code == "oom_device"
    assert "old story" not in str(failure.value)


def plan_index(plan: Plan, name: str) -> int:
    """How many operations a first call of another profile has before ``name``."""
    other = plan_of()
    with open_session(other) as session:
        infer(session, 4)
        begin = len(other.device.log)
        infer(session, 12)
    return other.device.log[begin:].index(name)


def test_sizes_of_images_need_not_be_square() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        wide = np.random.default_rng(0).random((2, 3, 4, 8), dtype=np.float32)
        check_outputs(session.infer({IMAGE: wide}), wide)
