from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.trials import Reading
from sizewise.core.trials.disturbances import DRIFT, KINDS, describe, disturbances, todos

QUIET = Reading(
    load=0.1, steal=0.03, resolution=0.01, pressure=1.0, throttled=0.01, swapped_pages=0
)


@pytest.mark.parametrize(
    ("reading", "codes"),
    [
        pytest.param(Reading(), (), id="nothing is known"),
        pytest.param(QUIET, (), id="just within all limits"),
        pytest.param(Reading(load=0.105, resolution=0.01), (), id="load within its resolution"),
        pytest.param(Reading(load=0.112, resolution=0.01), ("load",), id="load"),
        pytest.param(Reading(load=0.05, steal=0.05, resolution=0.01), ("steal",), id="steal"),
        pytest.param(Reading(throttled=0.011), ("throttled",), id="a quota"),
        pytest.param(Reading(swapped_pages=1), ("swap",), id="swap, in an unknown time"),
        pytest.param(Reading(swapped_pages=250, elapsed_s=2.5), (), id="swap now and then"),
        pytest.param(Reading(swapped_pages=251, elapsed_s=2.5), ("swap",), id="swap"),
        pytest.param(Reading(stopped_s=1.1), ("stopped",), id="a stop"),
        pytest.param(Reading(gpu_limits=("heat",)), ("gpu_clock",), id="a lowered GPU clock"),
        pytest.param(Reading(gpu_programs=1), ("gpu_shared",), id="a shared GPU"),
        pytest.param(Reading(gpu_programs=0), (), id="a GPU of our own"),
        pytest.param(
            Reading(load=0.9, steal=0.5, throttled=1.0, swapped_pages=9),
            ("load", "steal", "throttled", "swap"),
            id="all at once",
        ),
    ],
)
def test_a_round_is_disturbed_by_what_passes_its_limit(
    reading: Reading, codes: tuple[str, ...]
) -> None:
    assert disturbances(reading) == codes


SOME = Reading(
    load=0.137,
    steal=0.05,
    throttled=0.2,
    swapped_pages=12,
    stopped_s=12.4,
    gpu_limits=("heat", "its power limit"),
    gpu_programs=2,
)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("load", "other programs took 14 % of the cores"),
        ("steal", "the hypervisor took 5 % of the cores"),
        ("throttled", "a CPU quota stopped us for 20 % of it"),
        ("swap", "12 pages went to or from swap"),
        ("stopped", "the measurement was stopped for 12 s"),
        ("gpu_clock", "the GPU's clock was lowered by heat and its power limit"),
        ("gpu_shared", "other programs on the GPU: 2"),
        ("drift", "the machine's own speed changed"),
        ("cosmic_rays", "cosmic_rays"),
    ],
)
def test_a_sentence_says_how_much_there_was(code: str, sentence: str) -> None:
    assert describe(code, SOME) == sentence


@pytest.mark.parametrize("code", KINDS)
def test_every_kind_can_be_said_where_nothing_is_known(code: str) -> None:
    assert describe(code, Reading())
    kind = KINDS[code]
    assert kind.counted
    assert kind.rule
    assert kind.todo.endswith(".")


def test_what_to_do_is_said_once_and_in_order() -> None:
    said = todos(["swap", DRIFT, "load", "swap", "cosmic_rays"])
    assert said == f"{KINDS['load'].todo} {KINDS['swap'].todo} {KINDS[DRIFT].todo}"
    assert todos([]) == ""


@given(load=st.floats(0, 1), steal=st.floats(0, 1), resolution=st.floats(0, 0.1))
def test_more_of_it_is_never_less_of_a_disturbance(
    load: float, steal: float, resolution: float
) -> None:
    some = Reading(load=load, steal=steal, resolution=resolution)
    more = Reading(load=load + 0.1, steal=steal + 0.1, resolution=resolution)
    assert set(disturbances(some)) <= set(disturbances(more))
