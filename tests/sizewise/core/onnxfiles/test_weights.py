"""Weights beside an ONNX file: read, counted and refused without their values.

Files of gigabytes are sparse here: they have a length, and take no disk.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.model import load_onnx, read_model
from sizewise.core.onnxfiles.weights import bytes_of, save, too_large, weights_beside, weights_bytes

GIB = 2**30


def outside(path: Path, *, dims: tuple[int, ...] = (4, 4), held: int | None = None) -> Path:
    """A graph that adds one float32 weight, which stands in ``weights.bin`` of ``held`` bytes."""
    size = 4 * math.prod(dims)
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", str(size))):
        weight.external_data.add(key=key, value=value)
    images, sums = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", 3, "h", "w"])
        for name in ("images", "sums")
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["w"], ["most"], keepdims=0),
            helper.make_node("Add", ["images", "most"], ["sums"]),
        ],
        "outside",
        [images],
        [sums],
        [weight],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(proto.SerializeToString())
    with (path.parent / "weights.bin").open("wb") as file:
        file.truncate(size if held is None else held)
    return path


def test_weights_of_three_gigabytes_are_counted_and_left_where_they_are(tmp_path: Path) -> None:
    path = outside(tmp_path / "large.onnx", dims=(3, GIB // 4))
    proto = load_onnx(path, weights=False)
    assert weights_bytes(path) == bytes_of(proto) == 3 * GIB
    assert weights_beside(path) == ("weights.bin",)
    assert proto.ByteSize() < 1000
    assert "3.22 GB" in too_large(3 * GIB)


def test_a_file_beyond_protobufs_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2 * GIB)
    with pytest.raises(InputError, match=r"holds less than 2 GiB.*beside it \(external data\)"):
        read_model(path)


def test_a_file_of_weights_that_was_cut_is_told_with_the_weight_that_it_lacks(
    tmp_path: Path,
) -> None:
    path = outside(tmp_path / "cut.onnx", held=60)
    with pytest.raises(InputError, match=r"has 60 bytes, and the weight 'w' ends at byte 64"):
        read_model(path)


def test_a_file_of_weights_that_is_missing_is_named(tmp_path: Path) -> None:
    path = outside(tmp_path / "alone.onnx")
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InputError, match=r"no file weights\.bin in its folder\. Put the whole"):
        read_model(path)


def test_weights_behind_a_link_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """As model hubs lay them into their cache; the libraries refuse to follow them as well."""
    path = outside(tmp_path / "linked.onnx")
    (tmp_path / "weights.bin").rename(tmp_path / "blob")
    (tmp_path / "weights.bin").symlink_to(tmp_path / "blob")
    with pytest.raises(InputError, match=r"symbolic link.*itself, not a link, beside"):
        read_model(path)


@pytest.mark.parametrize(("key", "value"), [("offset", "-4"), ("length", "many")])
def test_places_that_make_no_sense_are_refused_with_a_sentence(
    key: str, value: str, tmp_path: Path
) -> None:
    path = outside(tmp_path / "odd.onnx")
    proto = onnx.load(path, load_external_data=False)
    (entry,) = (e for e in proto.graph.initializer[0].external_data if e.key == key)
    entry.value = value
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="isn't a valid ONNX file"):
        read_model(path)


def test_a_folder_above_is_no_place_for_weights(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = outside(tmp_path / "inner" / "up.onnx")
    (tmp_path / "inner" / "weights.bin").rename(tmp_path / "weights.bin")
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer[0].external_data[0].value = "../weights.bin"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="isn't a valid ONNX file"):
        read_model(path)


@given(
    shapes=st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=5),
    dtype=st.sampled_from([np.float32, np.float16, np.int8, np.int64]),
)
def test_the_bytes_of_a_graph_are_those_of_its_arrays(
    shapes: list[list[int]], dtype: type[np.generic]
) -> None:
    arrays = [np.zeros(shape, dtype) for shape in shapes]
    held = [numpy_helper.from_array(a, f"w{n}") for n, a in enumerate(arrays)]
    proto = helper.make_model(helper.make_graph([], "g", [], [], held))
    assert bytes_of(proto) == sum(array.nbytes for array in arrays)


@pytest.mark.parametrize(("most", "files"), [(10_000, 1), (1_000, 2)])
def test_a_graph_is_saved_with_its_weights_beside_it_only_where_they_do_not_fit(
    most: int, files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewise.core.onnxfiles.weights.MOST_BYTES", most)
    weights = np.arange(1500, dtype=np.float32)
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(weights, "w")])
    save(helper.make_model(graph), tmp_path / "saved.onnx")
    assert len(list(tmp_path.iterdir())) == files
    (read,) = onnx.load(tmp_path / "saved.onnx").graph.initializer
    np.testing.assert_array_equal(numpy_helper.to_array(read), weights)
