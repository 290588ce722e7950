"""What inputs beside the picture are given, by their tensors and by what a user says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.further.arrays import array_of, arrays_of, shape_at
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
    with pytest.raises(InputError, match=r"how long length is\. .*tokens=0:batchx8 \(zeros\)"):
        array_of(given_to(words), 1, SIZE)
    assert array_of(given_to(words, "tokens=0:batchx7"), 2, SIZE).shape == (2, 7)
    assert array_of(given_to(words, "tokens=1,2,3"), 2, SIZE).tolist() == [[1, 2, 3]] * 2


@pytest.mark.parametrize("batch", ["None", 1, "n"])
def test_one_name_for_all_that_is_free_says_only_what_it_can(batch: Dimension) -> None:
    """As files have it whose tool called every free dimension the same."""
    picture = tensor("images", "float32", batch, 3, "None", "None")

    def given_beside(one: TensorSpec) -> tuple[int | str, ...]:
        (found,) = further_of(replace(model(), inputs=(picture, one)))
        return found.shape

    cases: tuple[tuple[tuple[Dimension, ...], tuple[Dimension, ...]], ...] = (
        (("None", 2), ("batch", 2)),
        (("None", 1, "None", "None"), ("batch", 1, "height", "width")),
        (("None", "None", "None", 1), ("batch", "height", "width", 1)),
        ((1, "None"), (1, "None")),
        (("None", "None"), ("batch", "None")),
    )
    for shape, wanted in cases:
        assert given_beside(tensor("x", "float32", *shape)) == wanted
    assert given_beside(tensor("x", "float32", "other", 2)) == ("batch", 2)
    with pytest.raises(InputError, match="nothing says how long None is"):
        shape_at(FurtherInput(name="x", dtype="int64", shape=("batch", "None")), 1, SIZE)


def test_a_name_of_batch_and_height_is_the_height_behind_the_batch() -> None:
    picture = tensor("images", "float32", "free", 3, "free", 640)
    mask = tensor("mask", "float32", "free", 1, "free", 640)
    (found,) = further_of(replace(model(), inputs=(picture, mask)))
    assert array_of(found, 2, Size(64, 640)).shape == (2, 1, 64, 640)


@pytest.mark.parametrize("name", ["scale_factor", "im_scale"])
def test_a_scale_that_nobody_named_is_one_since_models_divide_by_it(name: str) -> None:
    found = given_to(tensor(name, "float32", "n", 2))
    assert array_of(found, 2, SIZE).tolist() == [[1, 1]] * 2
    assert "is given 1, which nobody said" in why_unknown([found])


def test_a_size_that_nobody_named_is_known_at_square_sizes_alone() -> None:
    """Paddle takes the height first, RT-DETR the width."""
    square, oblong = Size(64, 64), Size(64, 96)
    shape = tensor("orig_target_sizes", "int64", "n", 2)
    assert not why_unknown([given_to(shape)], [square, Size(96, 96)])
    why = why_unknown([given_to(shape)], [square, oblong])
    assert "take the width first, and 64x96 is not square" in why
    assert "orig_target_sizes=height,width or width,height" in why
    assert not why_unknown([given_to(shape, "orig_target_sizes=width,height")], [oblong])


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
        ("x=1099511627776", "takes int32, which has no 1099511627776"),
        ("x=inf", "takes int32, which has no inf"),
        ("y=1", "the inputs beside the picture are x"),
        ("images=1", "it is the one that takes the pictures"),
    ],
)
def test_what_does_not_fit_is_refused(said: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        further_of(model(tensor("x", "int32", "n", 2), said=[said]))


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "complex": np.zeros((1, 2), complex),
        "words": np.array([["a", "b"]]),
        "long": np.zeros((1, 3), np.float32),
        "flat": np.zeros(2, np.float32),
    }
    for name, array in files.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(UsageError, match="The input x can't be given this"):
            given_to(tensor("x", "float32", "n", 2), f"x={tmp_path / name}.npy")


@pytest.mark.parametrize(
    ("found", "dtype"),
    [
        ("float64", "float32"),
        ("int64", "int32"),
        ("int64", "uint8"),
        ("int64", "float32"),
        ("bool", "int64"),
    ],
)
def test_numbers_as_numpy_writes_them_are_taken(found: str, dtype: str, tmp_path: Path) -> None:
    numbers = np.array([[0.1, 1, 200]]).astype(found)
    np.save(tmp_path / "x.npy", numbers)
    array = array_of(given_to(tensor("x", dtype, "n", 3), f"x={tmp_path / 'x.npy'}"), 1, SIZE)
    assert array.dtype == dtype
    np.testing.assert_allclose(array, numbers, rtol=1e-6)


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ([1, 2**40], "int32"),
        ([-1, 1], "uint8"),
        ([0.5, 1.0], "int64"),
        ([0.5, 1e300], "float32"),
        ([1, 70000], "float16"),
        ([0, 1], "bool"),
    ],
)
def test_numbers_of_a_file_that_would_change_are_refused(
    numbers: list[float], dtype: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.array([numbers]))
    with pytest.raises(UsageError, match=f"it takes {dtype}, and the file holds"):
        given_to(tensor("x", dtype, "n", 2), f"x={tmp_path / 'x.npy'}")


def test_a_pickle_in_a_file_is_never_opened(tmp_path: Path) -> None:
    pickled: Any = np.array([{"any": "thing"}], dtype=object)
    np.save(tmp_path / "x.npy", pickled, allow_pickle=True)
    with pytest.raises(InputError, match=r"x\.npy can't be read"):
        given_to(tensor("x", "float32", "n", 2), f"x={tmp_path / 'x.npy'}")


def test_an_input_of_strings_is_refused() -> None:
    with pytest.raises(InputError, match="words can't be given anything"):
        given_to(tensor("words", "object", "n"))


@given(st.floats(allow_nan=False, width=64) | st.integers(-(2**62), 2**62))
def test_what_is_given_tells_a_value_from_any_other(value: float) -> None:
    one = FurtherInput(name="x", dtype="float64", shape=(), values=(value,))
    assert float(one.given) == value or int(one.given) == value


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


def test_two_sides_that_nobody_said_may_be_those_of_the_picture() -> None:
    """Another picture beside the first: any other size fits few of them."""
    right = tensor("right", "float32", "n", 1, "h2", "w2")
    with pytest.raises(
        InputError, match=r"how long h2 and w2 are\. .*right=0:batchx1xheightxwidth \(zeros\)"
    ):
        array_of(given_to(right), 1, SIZE)
    said = given_to(right, "right=0:batchx1xheightxwidth")
    assert array_of(said, 2, SIZE).shape == (2, 1, SIZE.height, SIZE.width)
