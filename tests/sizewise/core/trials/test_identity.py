"""The key that resuming goes by is found once for each trial."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest

from sizewise.core.trials import trial as of_trials
from sizewise.core.trials.trial import Trial
from tests.bench.factories import trial


def test_it_is_hashed_once_for_each_trial_and_kept_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[int] = []
    find = Trial._hash

    def counted(one: Trial) -> str:
        hashed.append(one.replica)
        return find(one)

    monkeypatch.setattr(Trial, "_hash", counted)
    gc.collect()
    before = len(of_trials._identities)
    one, same, other = trial(0), trial(0), trial(1)
    found = [[each.identity for _ in range(3)] for each in (one, same, other)]
    assert hashed == [0, 0, 1]
    assert found[0] == found[1] != found[2]
    assert len(of_trials._identities) == before + 3
    del one, same, other
    gc.collect()
    assert len(of_trials._identities) == before


def test_trials_that_are_equal_may_have_others() -> None:
    one, other = trial(0), replace(trial(0), replica=False)
    assert one == other
    assert one.identity != other.identity
