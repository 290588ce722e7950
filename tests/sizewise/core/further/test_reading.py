"""``--input`` as a user writes it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.tasks.showing import PictureOptions
from sizewise.core.errors import InputError, OptionError
from sizewise.core.further.reading import read_input, read_inputs
from sizewise.core.options.declared import fill
from sizewise.core.specs import SaidInput

READ = {
    "size=height,width": SaidInput(name="size", values=("height", "width")),
    "prompt=1x77": SaidInput(name="prompt", shape=(1, 77)),
    "mask=batchx1xheightxwidth": SaidInput(name="mask", shape=("batch", 1, "height", "width")),
    "mask=1:batchx4": SaidInput(name="mask", values=(1,), shape=("batch", 4)),
    "labels=0,1:2": SaidInput(name="labels", values=(0, 1), shape=(2,)),
    "threshold = 0.5": SaidInput(name="threshold", values=(0.5,)),
    "on=true": SaidInput(name="on", values=(True,)),
    "a=-1e-3": SaidInput(name="a", values=(-0.001,)),
}


@pytest.mark.parametrize("text", READ)
def test_an_input_is_read_and_written_again(text: str) -> None:
    assert read_input(text) == READ[text]
    assert read_input(str(READ[text])) == READ[text]


@pytest.mark.parametrize(
    "text", ["", "size", "size=", "=1", "size=big", "size=1x", "size=1:2y", "size=1,,2", "a=1:"]
)
def test_anything_else_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(OptionError, match=r"for input\. Give NAME=VALUE .*FILE\.npy"):
        fill(PictureOptions, {"input": [text]})


def test_an_input_is_named_once() -> None:
    with pytest.raises(OptionError, match="'size' for input"):
        fill(PictureOptions, {"input": ["size=1", "size=2"]})


def test_a_file_is_told_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "prompt.npy"
    np.save(path, np.arange(6, dtype=np.float32).reshape(1, 6))
    (said,) = read_inputs([f"prompt={path}"])
    assert said.file == str(path)
    assert said.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.npy can't be read: there is no such file"):
        read_input(f"prompt={tmp_path / 'no.npy'}")


@given(st.lists(st.integers(-(2**31), 2**31), min_size=1, max_size=4))
def test_whole_numbers_stay_whole(values: list[int]) -> None:
    said = read_input(f"x={','.join(map(str, values))}")
    assert said.values == tuple(values)
    assert all(isinstance(one, int) for one in said.values)
