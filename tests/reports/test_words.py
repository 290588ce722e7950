from __future__ import annotations

import math
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text.words import (
    command_without_folders,
    counted,
    listed,
    measured,
    number,
    plain_without_folders,
    without_folders,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True)
PATHS = st.lists(NAMES, min_size=2, max_size=5).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012345, "0.0123"),
        (1.2345, "1.23"),
        (123.45, "123"),
        (1234.5, "1234"),
        (0.0, "0.00"),
        (0.9999, "1.00"),
    ],
)
def test_a_number_has_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-4, 1e5), st.floats(0, 0.5))
def test_an_interval_is_written_to_the_places_of_its_point(value: float, half: float) -> None:
    text = measured(value, value * (1 - half), value * (1 + half))
    point, low, high = re.findall(r"[\d.]+", text)
    assert {len(part.partition(".")[2]) for part in (low, high)} == {len(point.partition(".")[2])}
    assert float(low) <= float(point) <= float(high)
    assert math.isclose(float(point), value, rel_tol=5.1e-4)


def test_a_value_without_an_interval_stands_alone() -> None:
    assert measured(1.5, math.nan, math.nan) == "1.500"
    assert number(math.nan) == "–"


def test_lists_read_as_english() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
    assert [counted(1, "size"), counted(2, "size")] == ["1 size", "2 sizes"]
    assert counted(3, "process") == "3 processes"


@given(path=PATHS, before=st.sampled_from(["", "in ", "(", "'", "--model=", "file://", "at: "]))
def test_no_folder_of_a_path_is_left_in_a_sentence(path: str, before: str) -> None:
    sentence = f"Reading {before}{path}{before if before == chr(39) else ''} failed"
    told = without_folders(sentence)
    assert path.rpartition("/")[0] + "/" not in told
    assert path.rpartition("/")[2].rstrip(".") in told


@pytest.mark.parametrize(
    "text",
    [
        "81 images/s and 3/4 of the calls",
        "see https://example.org/docs/page",
        "runs/digits/model.onnx is relative",
        "a / b",
        "~ 3 ms",
    ],
)
def test_what_is_no_absolute_path_stays(text: str) -> None:
    assert without_folders(text) == text


@pytest.mark.parametrize(
    "path", ["~/models/a b/x.onnx", r"C:\Users\me\my models\x.onnx", "/srv/my models/x.onnx"]
)
def test_a_quoted_path_may_hold_spaces(path: str) -> None:
    assert without_folders(f"There is no '{path}' here") == "There is no 'x.onnx' here"
    assert plain_without_folders({"models": [path], path: 3}) == {"models": ["x.onnx"], "x.onnx": 3}


@given(st.lists(st.one_of(NAMES, PATHS), min_size=1, max_size=6))
def test_a_command_keeps_its_words_and_loses_its_folders(words: list[str]) -> None:
    told = shlex.split(command_without_folders(shlex.join(words)))
    assert told == [word.rpartition("/")[2] if word.startswith("/") else word for word in words]


def test_a_command_that_no_shell_wrote_is_cleaned_all_the_same() -> None:
    assert command_without_folders("sizewise bench '/home/me/x.onnx") == "sizewise bench 'x.onnx"
