"""What inputs beside the picture are given, by their tensors and by what a user says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.further.arrays import array_of, arrays_of
from sizewise.core.further.reading import read_inputs
from sizewise.core.further.resolving import further_of, remarks_on, said_again, why_unknown
from sizewise.core.specs import ExportedModel, FurtherInput, ModelCard, Size, TensorSpec
from sizewise.core.specs.models import Dimension

SIZE = Size(64, 96)
PICTURE = TensorSpec(name="images", dtype="float32", shape=("n", 3, "h", "w"))


def tensor(name: str, dtype: str, *shape: Dimension) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def model(*others: TensorSpec, said: list[str] | None = None) -> ExportedModel:
    return ExportedModel(
        path=Path("some.onnx"),
        sha256="",
        card=ModelCard(network="some", inputs=read_inputs(said or [])),
        opset_version=20,
        inputs=(*others[:1], PICTURE, *others[1:]),
        outputs=(),
    )


def given_to(one: TensorSpec, *said: str) -> FurtherInput:
    (found,) = further_of(model(one, said=list(said)))
    return found


def test_the_picture_is_found_among_several_inputs() -> None:
    mask = tensor("mask", "float32", "n", 1, "h", "w")
    found = model(mask, tensor("size", "int64", "n", 2))
    assert found.image.tensor == PICTURE
    assert [one.name for one in further_of(found)] == ["mask", "size"]
    assert further_of(model()) == ()


@pytest.mark.parametrize("name", ["orig_target_sizes", "im_shape", "image_shape", "InputSize"])
@pytest.mark.parametrize("dtype", ["int64", "int32", "float32"])
def test_a_size_that_nobody_named_is_the_pictures(name: str, dtype: str) -> None:
    found = given_to(tensor(name, dtype, "n", 2))
    assert not found.said
    assert not why_unknown([found])
    array = array_of(found, 3, SIZE)
    assert (array.dtype.name, array.tolist()) == (dtype, [[64, 96]] * 3)
    assert "height, width" in remarks_on([found])[0]


def test_anything_else_that_nobody_named_is_zeros_and_says_so() -> None:
    found = given_to(tensor("mask", "float32", "n", 1, "h", "w"))
    array = array_of(found, 2, SIZE)
    assert array.shape == (2, 1, 64, 96)
    assert not array.any()
    assert "its input mask is given 0, which nobody said" in why_unknown([found])
    assert "mask is given 0" in remarks_on([found])[0]
    assert not remarks_on([given_to(tensor("mask", "float32", "n", 1), "mask=0")])


def test_the_first_dimension_is_the_batch_whatever_it_is_called() -> None:
    assert given_to(tensor("scale_factor", "float32", "unk__3", 2)).shape == ("batch", 2)
    assert given_to(tensor("boxes", "float32", 1, 4, 2)).shape == (1, 4, 2)


def test_a_dimension_that_nobody_said_is_asked_for_with_what_to_write() -> None:
    words = tensor("tokens", "int64", "n", "length")
    with pytest.raises(InputError, match=r"length is no dimension .* tokens=0:batchx8 \(zeros\)"):
        array_of(given_to(words), 1, SIZE)
    assert array_of(given_to(words, "tokens=0:batchx7"), 2, SIZE).shape == (2, 7)
    assert array_of(given_to(words, "tokens=1,2,3"), 2, SIZE).tolist() == [[1, 2, 3]] * 2


def test_values_stand_along_the_last_axis() -> None:
    found = given_to(tensor("scale", "float32", "n", 2), "scale=0.5,2")
    assert array_of(found, 2, SIZE).tolist() == [[0.5, 2], [0.5, 2]]
    assert found.said
    assert array_of(given_to(tensor("on", "bool"), "on=true"), 1, SIZE).item() is True


def test_a_file_is_given_as_it_is_or_to_each_image(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).random((1, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", numbers)
    free = given_to(tensor("x", "float32", "n", "k"), f"x={tmp_path / 'x.npy'}")
    np.testing.assert_array_equal(array_of(free, 3, SIZE), np.repeat(numbers, 3, axis=0))
    assert "SHA-256" in free.given
    assert str(tmp_path) not in str(free)
    double = given_to(tensor("x", "float64", "n", 5), f"x={tmp_path / 'x.npy'}")
    assert array_of(double, 1, SIZE).dtype == np.float64


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((1, 5), np.float32))
    found = given_to(tensor("x", "float32", "n", 5), f"x={path}")
    np.save(path, np.ones((1, 5), np.float32))
    with pytest.raises(InputError, match="it changed after it was read"):
        array_of(found, 1, SIZE)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("x=1,2,3", "3 values were given"),
        ("x=2x5", r"not \[2, 5\]"),
        ("x=1:batchx3x3", "not"),
        ("x=0.5", "takes int32, which has no 0.5"),
        ("y=1", "the inputs beside the picture are x"),
        ("images=1", "it is the one that takes the pictures"),
    ],
)
def test_what_does_not_fit_is_refused(said: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        further_of(model(tensor("x", "int32", "n", 2), said=[said]))


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "doubles": np.zeros((1, 2)),
        "long": np.zeros((1, 3), np.float32),
        "flat": np.zeros(2, np.float32),
    }
    for name, array in files.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(UsageError, match="The input x can't be given this"):
            given_to(tensor("x", "float32", "n", 2), f"x={tmp_path / name}.npy")


def test_a_pickle_in_a_file_is_never_opened(tmp_path: Path) -> None:
    pickled: Any = np.array([{"any": "thing"}], dtype=object)
    np.save(tmp_path / "x.npy", pickled, allow_pickle=True)
    with pytest.raises(InputError, match=r"x\.npy can't be read"):
        given_to(tensor("x", "float32", "n", 2), f"x={tmp_path / 'x.npy'}")


def test_an_input_of_strings_is_refused() -> None:
    with pytest.raises(InputError, match="words can't be given anything"):
        given_to(tensor("words", "object", "n"))


def test_an_engine_is_given_other_values_of_the_same_shape() -> None:
    built = further_of(model(tensor("scale", "float32", "n", 2)))
    (again,) = said_again(built, read_inputs(["scale=2,3"]))
    assert array_of(again, 1, SIZE).tolist() == [[2, 3]]
    assert said_again(built, ()) == built
    with pytest.raises(UsageError, match="There is no input 'other'"):
        said_again(built, read_inputs(["other=1"]))


DIMENSIONS = st.sampled_from(["n", "h", "w", "free", 1, 2, 3])
DTYPES = st.sampled_from(["int32", "int64", "float16", "float32", "uint8", "bool", "object"])
SAID = st.sampled_from(
    ["x=1", "x=0.5", "x=height,width", "x=1,2,3", "x=2x3", "x=0:batchx2", "x=1:3", "z=1"]
)


@given(st.lists(DIMENSIONS, max_size=3), DTYPES, st.none() | SAID, st.integers(1, 3))
def test_every_input_is_given_its_own_shape_and_type_or_refused(
    shape: list[Dimension], dtype: str, said: str | None, batch_size: int
) -> None:
    one = tensor("x", dtype, *shape)
    try:
        further = further_of(model(one, said=[said] if said else []))
        array = arrays_of(further, batch_size, SIZE)["x"]
    except SizewiseError:
        return
    assert array.dtype == np.dtype(dtype)
    known = {"n": batch_size, "h": 64, "w": 96}
    for declared, found in zip(shape, array.shape, strict=True):
        assert isinstance(declared, str) or declared == found
        if not said and declared != shape[0]:
            assert known.get(str(declared), found) == found
