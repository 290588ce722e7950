from __future__ import annotations

from typing import Any

import pytest

from engines.tensorrt.run.session import TensorRtSession
from tests.engines.tensorrt.fake_cuda import Device
from tests.engines.tensorrt.fake_trt import IMAGE, Plan
from tests.engines.tensorrt.run.sessions import check_outputs, images, infer, open_session, plan_of

LAUNCHES = ("execute_async_v3", "cudaGraphInstantiate", "cudaGraphLaunch", "cudaGraphExecDestroy")


def launches(plan: Plan, session: TensorRtSession, *sides: int) -> list[str]:
    """What calls of these sizes launched, made and destroyed, in order."""
    begin = len(plan.device.log)
    for side in sides:
        infer(session, side)
    return [name for name in plan.device.log[begin:] if name in LAUNCHES]


PLAIN, CAPTURE, MADE, REPLAY, DESTROYED = (
    "execute_async_v3",
    "execute_async_v3",
    *LAUNCHES[1:],
)


def test_the_second_call_is_captured_and_those_after_it_are_replayed() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        assert launches(plan, session, 4) == [PLAIN]
        assert launches(plan, session, 4) == [CAPTURE, MADE, REPLAY]
        assert launches(plan, session, 4, 4) == [REPLAY, REPLAY]


def test_each_shape_has_its_graph_and_keeps_it() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 16, batch=4)  # no buffer grows after this
        launches(plan, session, 4, 4, 5, 5, 12, 12)
        assert launches(plan, session, 4, 5, 12, 4) == [REPLAY] * 4


def test_batches_are_shapes() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 16, batch=4)
        for _ in range(3):
            infer(session, 4, batch=1)
            infer(session, 4, batch=2)
        assert list(plan.device.live.values()).count("graph") == 2


def test_the_graph_that_was_launched_longest_ago_goes_first() -> None:
    plan = plan_of()
    with open_session(plan, cuda_graph_limit=2) as session:
        infer(session, 16, batch=4)
        launches(plan, session, 4, 4, 5, 5, 4)
        # The limit is kept at every moment: one goes before the next is made.
        assert launches(plan, session, 6, 6) == [PLAIN, DESTROYED, CAPTURE, MADE, REPLAY]
        assert launches(plan, session, 4, 6) == [REPLAY, REPLAY], "5 has gone"
        assert launches(plan, session, 5)[0] != REPLAY


def test_sizes_that_take_turns_are_captured_each() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 16, batch=4)
        assert launches(plan, session, 4, 5) == [PLAIN, PLAIN]
        assert launches(plan, session, 4, 5) == [CAPTURE, MADE, REPLAY] * 2
        assert launches(plan, session, 4, 5) == [REPLAY, REPLAY]


def test_more_sizes_than_graphs_need_few_contexts() -> None:
    plan = plan_of()
    with open_session(plan, cuda_graph_limit=2) as session:
        infer(session, 16, batch=4)
        launches(plan, session, *range(2, 9), *range(2, 9), *range(10, 17), *range(2, 9))
        assert plan.contexts <= 2 + len(plan.profiles)


def test_without_graphs_every_call_is_plain() -> None:
    plan = plan_of()
    with open_session(plan, cuda_graphs=False) as session:
        assert launches(plan, session, 4, 4, 4) == [PLAIN] * 3
        assert session.remarks == ()


@pytest.mark.parametrize("context_memory", ["largest", "shape"])
def test_graphs_are_dropped_before_a_buffer_moves(context_memory: str) -> None:
    plan = plan_of()
    with open_session(plan, context_memory=context_memory) as session:
        infer(session, 4)
        infer(session, 4)
        begin = len(plan.device.log)
        assert launches(plan, session, 5) == [DESTROYED, PLAIN]
        log = plan.device.log[begin:]
        assert log.index(DESTROYED) < log.index("cudaFree") < log.index("cudaMalloc")
        assert launches(plan, session, 4, 4) == [PLAIN, CAPTURE, MADE, REPLAY]


def test_graphs_outlive_a_smaller_size() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        launches(plan, session, 8, 8, 4)
        assert launches(plan, session, 8) == [REPLAY]


def test_copies_are_no_part_of_a_graph() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        launches(plan, session, 4, 4)
        given = images(4, seed=3)
        session.bind({IMAGE: given})
        plan.device.done.clear()
        session.parts()["compute"]()
        session.synchronize()
        assert plan.device.done == ["compute"]
        check_outputs(session.infer({IMAGE: given}), given)


@pytest.mark.parametrize(
    "name",
    [
        "is_stream_capturable",
        "cudaStreamBeginCapture",
        "cudaStreamEndCapture",
        "cudaGraphInstantiate",
        "cudaGraphDestroy",
    ],
)
def test_a_capture_that_fails_costs_the_graph_and_not_the_call(name: str) -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 4)
        plan.device.fail_at = _number_of(name)
        infer(session, 4)
        assert plan.device.log[plan.device.fail_at] == name
        (remark,) = session.remarks
        assert "without CUDA graphs" in remark
        assert launches(plan, session, 4, 5, 5) == [PLAIN] * 3, "it is not tried again"
        assert session.remarks == (remark,)
    plan.device.demand_clean()


def test_a_call_that_fails_in_its_capture_is_made_plainly() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 4)
        plan.device.fail_at = _number_of("execute_async_v3", after=len(plan.device.log))
        assert launches(plan, session, 4) == [CAPTURE, MADE, DESTROYED, PLAIN]
        assert "run while it was captured" in session.remarks[0]
    plan.device.demand_clean()


def test_a_context_that_can_not_be_captured_is_not() -> None:
    plan = plan_of(capturable=False)
    with open_session(plan) as session:
        assert launches(plan, session, 4, 4, 4) == [PLAIN] * 3
        assert "let its calls be captured" in session.remarks[0]
        assert "cudaStreamBeginCapture" not in plan.device.log


def test_graphs_made_before_a_capture_failed_are_still_used() -> None:
    plan = plan_of()
    with open_session(plan) as session:
        infer(session, 16, batch=4)
        launches(plan, session, 4, 4, 5)
        plan.capturable = False
        assert launches(plan, session, 5, 4) == [PLAIN, REPLAY]


def _number_of(name: str, after: int = 0) -> int:
    """Of the operation ``name`` in two calls of one size."""
    plan: Any = plan_of(Device())
    with open_session(plan) as session:
        infer(session, 4)
        infer(session, 4)
        found: int = plan.device.log.index(name, after)
    return found
