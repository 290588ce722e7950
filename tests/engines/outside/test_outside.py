"""Hostile external data: refused with a sentence, or read as it says; nothing else is opened."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from tests.engines.outside.campaign import TELLING, outcomes, violation
from tests.engines.outside.forms import CHANGES, EITHER, forms
from tests.engines.outside.graphs import HOMES

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and watches by inotify")


def test_some_forms_are_refused_or_right(tmp_path: Path) -> None:
    """Without strace, for it takes time: the canaries are watched."""
    quick = outcomes(tmp_path, 30, 0, backends=("onnxruntime",), trace=False)
    found = list(quick)
    assert TELLING.summed(found)["violations"] == []
    ends = Counter(one["outcome"] for one in found)
    assert ends["refused"] >= 15, ends
    assert ends["equal"] >= 2, ends


def test_forms_differ_and_reach_everything() -> None:
    first = list(islice(forms(0), 250))
    assert len(set(first)) == 250
    assert {wrong for wrong, _ in first} == set(CHANGES)
    assert {home for _, home in first} == set(HOMES)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"outcome": "refused", "wrong": "a pipe"}, ""),
        ({"outcome": "equal", "wrong": "the checksum"}, ""),
        ({"outcome": "equal", "wrong": "a pipe"}, "was taken"),
        ({"outcome": "hung", "wrong": "a pipe", "stage": "child"}, "hung in the stage child: "),
        ({"outcome": "differs", "wrong": "the checksum", "stage": "judge"}, "differs in the stage"),
        ({"outcome": "refused", "wrong": "a pipe", "outside": ["c.bin"]}, "opened c.bin"),
    ],
)
def test_what_is_wrong_is_said(found: dict[str, str], said: str) -> None:
    whole = {"outside": [], "stage": "parent"} | found
    assert violation(whole).startswith(said)
    assert bool(violation(whole)) == bool(said)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_forms_are_refused_or_right(tmp_path: Path) -> None:
    cases = len(CHANGES) * len(HOMES)
    assert cases >= 250
    assert len(EITHER) >= 20
    assert TELLING.summed(outcomes(tmp_path, cases, 0))["violations"] == []
