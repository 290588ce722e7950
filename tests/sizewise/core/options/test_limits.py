"""Numbers of users are held against limits before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bench.planning.settings import SweepSettings
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from sizewise.core.errors import OptionError, UsageError
from sizewise.core.options.declared import fill
from sizewise.core.options.limits import BATCH, Limit
from sizewise.core.options.reading import TEXT, number, whole
from sizewise.core.specs import Size, Sizes
from sizewise.pipeline.models.sources import SourceOptions
from sizewise.pipeline.models.training import TrainOptions

A_MILLION = ",".join(map(str, range(1, 1_000_001)))
TOO_MUCH: list[tuple[type[Any], Mapping[str, object], str]] = [
    (SweepSettings, {"replicas": 101}, "SIZEWISE_MAX_REPLICAS"),
    (SweepSettings, {"processes": 10**9}, "SIZEWISE_MAX_PROCESSES"),
    (SweepSettings, {"rounds": 10**9}, "SIZEWISE_MAX_ROUNDS"),
    (SweepSettings, {"block_calls": 10**9}, "SIZEWISE_MAX_CALLS"),
    (SweepSettings, {"warmup_calls": 10**9}, "SIZEWISE_MAX_CALLS"),
    (SweepSettings, {"threads": 10**9}, "SIZEWISE_MAX_THREADS"),
    (SweepSettings, {"batch": "1000000000"}, "SIZEWISE_MAX_BATCH"),
    (SweepSettings, {"batch": A_MILLION}, "SIZEWISE_MAX_LIST"),
    (SweepSettings, {"backends": ["fake"] * 20_000}, "SIZEWISE_MAX_LIST"),
    (SweepSettings, {"sweep": [{}] * 20_000}, "SIZEWISE_MAX_LIST"),
    (SweepSettings, {"sizes": A_MILLION}, "SIZEWISE_MAX_SIZES"),
    (SweepSettings, {"sizes": list(range(1, 10**6))}, "SIZEWISE_MAX_SIZES"),
    (SweepSettings, {"sizes": ["1:1000:1", "1001:2000:1"]}, "SIZEWISE_MAX_S"),
    (SweepSettings, {"sizes": "1:1000000000:1"}, "SIZEWISE_MAX_SIZES"),
    (SweepSettings, {"sizes": "9" * 5000}, "SIZEWISE_MAX_SIDE"),
    (SweepSettings, {"sizes": f"{'9' * 5000}x1"}, "SIZEWISE_MAX_SIDE"),
    (SweepSettings, {"sizes": 10**5000}, "SIZEWISE_MAX_SIDE"),
    (SourceOptions, {"classes": 10**9}, "SIZEWISE_MAX_CLASSES"),
    (SourceOptions, {"names": ["x"] * 200_000}, "SIZEWISE_MAX_CLASSES"),
    (TrainOptions, {"batch": 10**9}, "SIZEWISE_MAX_BATCH"),
]


@pytest.mark.parametrize(("kind", "given", "variable"), TOO_MUCH)
def test_too_much_is_refused_by_the_limit_that_is_named(
    kind: type[Any], given: Mapping[str, object], variable: str
) -> None:
    with pytest.raises(OptionError, match=variable) as caught:
        fill(kind, given)
    assert caught.value.option in given
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    "given",
    [
        *({name: True} for name in ("processes", "rounds", "replicas", "threads", "sizes", "data")),
        *({name: True} for name in ("timeout_s", "block_s", "seed", "fusion", "profiles")),
        *({name: {}} for name in ("processes", "sizes", "data", "batch", "backends")),
        *({name: [[]]} for name in ("processes", "sizes", "backends", "data")),
        {"seed": 10**5000},
        {"seed": "9" * 5000},
        {"timeout_s": 10**5000},
        {"options": 3},
        {"names": 3},
        {"x" * 10**6: 1},
    ],
)
def test_a_value_of_another_kind_is_refused(given: Mapping[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        fill(SweepSettings, given)
    assert len(str(caught.value)) < 3000


def test_a_truth_is_no_number_and_no_text() -> None:
    for reader in (whole(), number(), TEXT):
        with pytest.raises(ValueError, match="Give a"):
            reader.read(True)


def test_a_variable_raises_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="70,000 images in a batch are more than the limit"):
        fill(SweepSettings, {"batch": 70_000})
    monkeypatch.setenv(BATCH.variable, "70000")
    assert fill(SweepSettings, {"batch": 70_000}).batch[0].size == 70_000
    monkeypatch.setenv(BATCH.variable, "3")
    assert BATCH.most == BATCH.usual


@pytest.mark.parametrize("given", ["0", "-1", "many", "1e9", "9" * 100])
def test_a_variable_that_is_no_limit_is_named(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZEWISE_MAX_APPLES", given)
    with pytest.raises(UsageError, match="SIZEWISE_MAX_APPLES can't be used"):
        _ = Limit("SIZEWISE_MAX_APPLES", 5, "apples").most


def test_any_number_can_be_named() -> None:
    limit = Limit("SIZEWISE_MAX_APPLES", 5, "apples")
    assert limit.excess(5) == ""
    assert limit.excess(6) == "6 apples are more than the limit of 5"
    assert limit.excess(10**5000).startswith("about 10^5000 apples")


def test_engines_are_counted_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.planning.specs.engines_of", pytest.fail)
    axes = fill(EngineAxes, {"backends": ["fake"], "sizes": "8:8000:8", "batch": "1,2,3,4,5,6"})
    with pytest.raises(UsageError, match="12,000 engines are more than the limit"):
        engine_specs((axes,))


def test_what_is_usual_is_below_the_limits() -> None:
    assert len(Sizes.parse("1:1000:1")) == 1000
    assert Sizes.parse(416) == (Size(416, 416),)
    assert Sizes.parse(f"{'0' * 5000}64") == (Size(64, 64),)
    assert Size.parse("65536x1") == Size(65536, 1)
