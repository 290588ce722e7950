"""Options as fields of dataclasses: read at the door, errors that name them as the user wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import OptionError
from sizewise.core.options.declared import (
    again,
    changed,
    fill,
    option,
    options_of,
    spelled,
    spelling,
)
from sizewise.core.options.limits import Limit
from sizewise.core.options.reading import (
    PATH,
    SIZES,
    SWITCH,
    TEXT,
    WORDS,
    choices,
    number,
    optional,
    several,
    whole,
)
from sizewise.core.specs import Size, Sizes


@dataclass(frozen=True, kw_only=True)
class Trip:
    """What a journey is told."""

    where: str = option(TEXT, help="Name a place.")
    days: int = option(whole(1), 3, help="Days.")
    pace: float = option(number(0, most=2), 1.0, help="Pace.")
    by: tuple[str, ...] = option(choices("train", "foot", least=1), ("foot",), help="How.")
    stops: tuple[str, ...] = option(WORDS, (), help="Stops.")
    sizes: Sizes = option(SIZES, Sizes.parse("32"), help="Sizes.")
    map: Path | None = option(optional(PATH), None, help="A map.")
    weights: tuple[float, ...] = option(several(number(0)), (), help="Weights.")
    light: bool = option(SWITCH, False, help="Little luggage.")
    rest_hours: float | None = option(optional(number(0)), None, help="Rest.", older="pause")


def test_text_and_values_fill_the_same_trip() -> None:
    text = {"where": "x", "days": "2", "by": "train, foot", "sizes": "32:64:32", "weights": "1,0.5"}
    plain = {
        "where": "x",
        "days": 2,
        "by": ["train", "foot"],
        "sizes": [Size(32, 32), 64],
        "weights": [1, 0.5],
    }
    assert fill(Trip, text) == fill(Trip, plain)
    assert fill(Trip, text).sizes.text == "32:64:32"


def test_what_is_not_given_stays_as_it_was() -> None:
    base = fill(Trip, {"where": "x", "days": 9})
    assert fill(Trip, {"pace": 2}, base) == fill(Trip, {"where": "x", "days": 9, "pace": 2})
    assert changed(base) == ("where", "days")
    assert changed(base, "days", "pace") == ("days",)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("days", "two", "Invalid value 'two' for days. Give a whole number, 1 or more."),
        ("days", 0, "Invalid value 0 for days. Give a whole number, 1 or more."),
        ("days", True, "Invalid value True for days. Give a whole number, 1 or more."),
        ("pace", "nan", "Invalid value 'nan' for pace. Give a number from 0 to 2."),
        ("by", "foot,car", "Invalid value 'car' for by. Choose from: train, foot."),
        ("weights", "1,x", "Invalid value 'x' for weights. Give a number, 0 or more."),
        ("light", "yes", "Invalid value 'yes' for light. Give true or false."),
        ("map", "", "Invalid value '' for map. Give the path of a file or folder."),
        ("stop", "a", "There is no option stop. Did you mean stops?"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: object, words: str) -> None:
    with pytest.raises(OptionError) as caught:
        fill(Trip, {"where": "x", name: value})
    assert str(caught.value) == words


_TIMES = Limit("SIZEWISE_MAX_TURNS", 8, "turns")


@pytest.mark.parametrize(
    "value",
    [0, 9, "9", 10**5000, "9" * 5000, -1, True, "x" * 10**6],
    ids=["0", "9", "text", "long", "long text", "-1", "true", "a file"],
)
def test_a_bound_is_named_and_what_was_given_is_cut(value: object) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Bounded:
        times: int = option(whole(1, _TIMES), 1, help="How often.")

    with pytest.raises(
        OptionError,
        match=r"for times\. (Give a whole number, 1 or more\.|9 turns are more than the limit)",
    ) as caught:
        fill(Bounded, {"times": value})
    assert len(str(caught.value)) < 400
    assert [fill(Bounded, {"times": one}).times for one in (1, "8")] == [1, 8]


def test_a_required_option_that_is_missing_is_named() -> None:
    with pytest.raises(OptionError, match=r"^where is missing: it is required. Name a place.$"):
        fill(Trip, {})


def test_names_are_spelled_as_the_door_does() -> None:
    with spelling(lambda name: f"--{name}"), pytest.raises(OptionError, match="for --days"):
        fill(Trip, {"where": "x", "days": "two"})
    assert spelled("days") == "days"


def test_an_option_can_be_had_with_another_default() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Walk(Trip):
        days: int = again(Trip, "days", 1)

    assert fill(Walk, {"where": "x"}).days == 1
    assert options_of(Walk)["days"] == options_of(Trip)["days"]


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_whole_numbers_are_taken_from_their_least(least: int, given_number: int) -> None:
    reader = whole(least)
    if given_number >= least:
        assert reader.read(given_number) == reader.read(str(given_number)) == given_number
    else:
        with pytest.raises(ValueError, match=f"{least} or more"):
            reader.read(given_number)


def test_an_older_name_means_the_same_option() -> None:
    older, newer = ({"where": "x", name: "1.5"} for name in ("pause", "rest_hours"))
    assert fill(Trip, older) == fill(Trip, newer)
    assert fill(Trip, newer).rest_hours == 1.5
    assert fill(Trip, {"pause": 2}, Trip(where="y", rest_hours=1.0)).rest_hours == 2
    with pytest.raises(OptionError, match="Invalid value 'x' for pause"):
        fill(Trip, {"where": "x", "pause": "x"})
    with pytest.raises(OptionError, match="rest_hours is given twice: pause is its older name"):
        fill(Trip, {"where": "x", "pause": 1, "rest_hours": 1})
    with pytest.raises(OptionError, match="Did you mean rest_hours"):
        fill(Trip, {"where": "x", "rest_hour": 1})
