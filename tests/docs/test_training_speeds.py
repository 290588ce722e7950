"""docs/training.md says what was measured (docs/make/training)."""

from __future__ import annotations

from typing import Any

import pytest

from docs.make.training import page

SPENT = {"images": 10, "wall_s": 5.0, "cpu_s": 1.0}
RECORD: dict[str, Any] = {
    "environment": {"cpu": "a processor"},
    "load_averages": [0.25, 1.5],
    "loop": {
        "ours": [SPENT | {"cpu_s": 2.0}, SPENT | {"cpu_s": 1.25}, SPENT],
        "bare": [SPENT, SPENT, SPENT],
    },
    "loader": {"none": [SPENT], "mosaic": [SPENT | {"cpu_s": 0.5}]},
    "consumer": {"cores": 2, "turns": [SPENT | {"images": 1}]},
}


def test_the_page_says_what_the_record_says() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert "\n".join(page.speeds()) in text


def test_shares_are_medians_of_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "read_record", lambda _: RECORD)
    said, *table = page.speeds()
    assert "Measured on a processor with 2 cores. Its load was 0.2 to 1.5" in said
    assert "The loop of `train` has 80% of a bare" in said
    assert "(single turns 50% to 100%; " in said
    assert "consumes 2.0 images a second where 2 cores work on it" in said
    assert table[-4:-2] == [
        "| `--augment none` | 10 | 5.0 |",
        "| `--augment mosaic` | 20 | 10.0 |",
    ]


def test_without_a_record_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "read_record", lambda _: None)
    assert page.speeds() == ["*Not measured yet.*"]
