from __future__ import annotations

from dataclasses import replace

from sizewise.core.machine.unread import unread
from sizewise.core.trials import Reading
from sizewise.core.trials.disturbances import KINDS, disturbances

FULL = Reading(
    steal=0.0, throttled=0.0, swapped_pages=0, devices={"GPU": {"sm_mhz": 1.0}}, gpu_programs=0
)


def test_a_reading_that_is_not_there_is_told() -> None:
    assert unread(FULL) == ()
    assert unread(Reading()) == ("steal", "throttled", "swap", "gpu_clock", "gpu_shared")
    assert unread(replace(FULL, steal=None)) == ("steal",)
    assert unread(replace(FULL, devices={}, gpu_programs=None)) == ("gpu_clock", "gpu_shared")


def test_what_was_not_read_disturbs_nothing() -> None:
    missing = unread(Reading())
    assert set(missing) < set(KINDS)
    assert not set(disturbances(Reading(load=1.0))) & set(missing)
