"""Images per second, with a clock that does not tick by itself."""

from __future__ import annotations

import re

import pytest
import torch

from netzoo.training.loop import pace as module
from netzoo.training.loop.pace import Pace


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_passes_between_steps_does_not_count() -> None:
    clock = Clock()
    pace = Pace(torch.device("cpu"), clock)
    for images, seconds in ((8, 2.0), (2, 1.0)):
        clock.now_s += 50  # a validation
        pace.begin()
        clock.now_s += seconds
        assert pace.end(images) == images / seconds
    assert str(pace).startswith("3.33 images/s")


@pytest.mark.parametrize(
    ("images", "said"), [(1, "0.0100"), (1234, "12.3"), (123456, "1235"), (0, "0")]
)
def test_three_digits_are_shown(images: int, said: str) -> None:
    clock = Clock()
    pace = Pace(torch.device("cpu"), clock)
    clock.now_s += 100
    pace.end(images)
    assert str(pace).split()[0] == said


def test_memory_is_left_out_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    pace = Pace(torch.device("cpu"), clock)
    clock.now_s += 1
    pace.end(4)
    monkeypatch.setattr(module, "peak_bytes", lambda: 3 * 2**20)
    assert str(pace) == "4.00 images/s, 3 MiB"
    monkeypatch.setattr(module, "peak_bytes", lambda: None)
    assert str(pace) == "4.00 images/s"


def test_before_the_first_step_there_is_no_speed() -> None:
    assert re.fullmatch(r"(\d+ MiB)?", str(Pace(torch.device("cpu"))))
