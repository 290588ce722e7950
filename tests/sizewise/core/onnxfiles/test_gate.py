"""What is refused of an ONNX file before any library but protobuf has seen it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfiles.cards import CARD_KEY
from sizewise.core.onnxfiles.limits import LIMITS, NODES, WEIGHTS
from sizewise.core.onnxfiles.model import load_onnx, read_model
from sizewise.core.onnxfiles.weights import whole_graph_of
from tests.sizewise.core.onnxfiles.hostile import CARDS, HOSTILE, functions, outside, plain

PAGE = Path(__file__).parents[4] / "docs" / "models.md"
VALUES = np.arange(4, dtype=np.float32)


def written(folder: Path, proto: onnx.ModelProto) -> Path:
    """The file, with weights beside it that it may name."""
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    (folder / "weights.bin").write_bytes(VALUES.tobytes())
    (folder / "inner").mkdir(exist_ok=True)
    return path


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_wrong_is_said(what: str, tmp_path: Path) -> None:
    change, words = HOSTILE[what]
    proto = plain()
    change(proto)
    with pytest.raises(InputError, match=words):
        read_model(written(tmp_path, proto))


@pytest.mark.parametrize("text", CARDS)
def test_a_card_that_no_export_writes_is_refused(text: str, tmp_path: Path) -> None:
    proto = plain()
    proto.metadata_props.add(key=CARD_KEY, value=text)
    with pytest.raises(InputError, match=CARDS[text]):
        read_model(written(tmp_path, proto))


def test_the_plain_file_is_none_of_these(tmp_path: Path) -> None:
    model = read_model(written(tmp_path, plain()))
    assert [str(one) for one in model.outputs] == ["sums float32[1, 4, 8, 8]"]
    assert model.foreign == ()


def test_a_limit_is_raised_by_the_variable_that_the_error_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto = plain()
    functions(proto, 5)
    path = written(tmp_path, proto)
    monkeypatch.setattr("sizewise.core.onnxfiles.survey.NODES", type(NODES)("SIZEWISE_N", 50, "n"))
    with pytest.raises(InputError, match="SIZEWISE_N to a higher number"):
        read_model(path)
    monkeypatch.setenv("SIZEWISE_N", "64")
    assert read_model(path).outputs
    monkeypatch.setenv("SIZEWISE_N", "many")
    with pytest.raises(UsageError, match="SIZEWISE_N can't be used"):
        read_model(path)


def test_weights_beyond_the_limit_are_refused_unread(tmp_path: Path) -> None:
    """As a sparse file: it has a length, and takes no disk."""
    proto = plain()
    outside(proto)
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend([5, 2**29])
    proto.graph.initializer[0].data_type = onnx.TensorProto.DOUBLE
    path = written(tmp_path, proto)
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(20 * 2**30)
    with pytest.raises(InputError, match=f"bytes of weights are more.*{WEIGHTS.variable}"):
        load_onnx(path)


def test_files_of_weights_beyond_the_limit_are_refused_unread(tmp_path: Path) -> None:
    """However little a weight names of them: the model's hash takes in all of each, by each name
    that a weight has for it."""
    proto = plain()
    outside(proto)
    path = written(tmp_path, proto)
    os.truncate(tmp_path / "weights.bin", 12 * 2**30)
    load_onnx(path)
    second = proto.graph.initializer.add()
    second.CopyFrom(proto.graph.initializer[0])
    second.name, second.external_data[0].value = "again", "./weights.bin"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match=f"its files of weights: 25,.*{WEIGHTS.variable}"):
        read_model(path)


def test_a_checksum_must_be_that_of_the_file(tmp_path: Path) -> None:
    """SHA-1 of the whole file, as ONNX has it (docs/ExternalData.md)."""
    data = VALUES.tobytes() + b"more"
    right = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    for given in (right, right.upper(), ""):
        proto = plain()
        outside(proto, checksum=given)
        path = written(tmp_path, proto)
        (tmp_path / "weights.bin").write_bytes(data)
        assert read_model(path)
    outside(proto, checksum=right)
    path = written(tmp_path, proto)
    (tmp_path / "weights.bin").write_bytes(data[:-1] + b"E")
    with pytest.raises(InputError, match=f"the SHA-1 of weights.bin is .* gives {right} as its"):
        read_model(path)


def test_only_the_bytes_that_a_weight_names_are_read(tmp_path: Path) -> None:
    proto = plain()
    outside(proto)
    path = written(tmp_path, proto)
    with (tmp_path / "weights.bin").open("r+b") as file:
        file.truncate(2**40)
    (read,) = whole_graph_of(path).graph.initializer
    np.testing.assert_array_equal(numpy_helper.to_array(read).ravel(), VALUES)


@pytest.mark.parametrize("name", ["weights.bin", "location", "images", "mean", "sums"])
def test_names_that_are_no_text_are_refused(name: str, tmp_path: Path) -> None:
    """Protobuf gives them as bytes."""
    proto = plain()
    outside(proto)
    path = written(tmp_path, proto)
    path.write_bytes(path.read_bytes().replace(name.encode(), b"\xff" + name.encode()[1:]))
    with pytest.raises(InputError, match="isn't a valid ONNX file"):
        read_model(path)


@pytest.mark.parametrize("how", ["symbolic", "hard", "of a folder", "pipe"])
def test_weights_that_are_no_plain_file_of_the_folder_are_refused(how: str, tmp_path: Path) -> None:
    proto = plain()
    outside(proto, location="inner/weights.bin" if how == "of a folder" else "weights.bin")
    path = written(tmp_path, proto)
    weights = tmp_path / "weights.bin"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = weights.rename(elsewhere / "weights.bin")
    if how == "symbolic":
        weights.symlink_to(moved)
    elif how == "hard":
        weights.hardlink_to(moved)
    elif how == "pipe":
        os.mkfifo(weights)
    else:
        (tmp_path / "inner").rmdir()
        (tmp_path / "inner").symlink_to(elsewhere)
    with pytest.raises(InputError, match=r"link|there is no file") as caught:
        read_model(path)
    assert "Put the whole file" in str(caught.value)


def test_a_link_to_a_model_reads_the_weights_beside_the_link(tmp_path: Path) -> None:
    """Where a hub's cache links to a file whose name is a hash, in a folder without weights."""
    proto = plain()
    outside(proto)
    (tmp_path / "blobs").mkdir()
    blob = written(tmp_path, proto).rename(tmp_path / "blobs" / "9f86d0")
    path = tmp_path / "m.onnx"
    path.symlink_to(blob)
    model = read_model(path)
    assert model.path == path.resolve().parents[1] / "m.onnx"
    assert read_model(model.path).sha256 == model.sha256
    path.unlink()
    path.symlink_to(written(tmp_path / "blobs", plain()))
    assert read_model(path).path == path.resolve()


def test_domains_that_nobody_defines_are_listed(tmp_path: Path) -> None:
    proto = plain()
    node = helper.make_node("Sort", ["sums"], ["sorted"], domain="their.own")
    proto.graph.node.extend(
        [node, helper.make_node("Gelu", ["sums"], ["g"], domain="com.microsoft")]
    )
    proto.opset_import.extend(
        helper.make_opsetid(name, 1) for name in ("their.own", "com.microsoft")
    )
    assert read_model(written(tmp_path, proto)).foreign == ("their.own (Sort)",)


def test_sparse_weights_outside_are_part_of_the_hash(tmp_path: Path) -> None:
    proto = plain()
    values = onnx.TensorProto(name="s", data_type=onnx.TensorProto.FLOAT, dims=[4])
    values.data_location = onnx.TensorProto.EXTERNAL
    values.external_data.add(key="location", value="weights.bin")
    places = numpy_helper.from_array(np.arange(4), "s_places")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [8]))
    path = written(tmp_path, proto)
    before = read_model(path).sha256
    (tmp_path / "weights.bin").write_bytes((VALUES + 1).tobytes())
    assert read_model(path).sha256 != before


def test_places_of_sparse_weights_outside_are_refused_with_a_sentence(tmp_path: Path) -> None:
    """ONNX's checker reads them, and can't."""
    proto = plain()
    places = onnx.TensorProto(name="places", data_type=onnx.TensorProto.INT64, dims=[2])
    places.data_location = onnx.TensorProto.EXTERNAL
    places.external_data.add(key="location", value="weights.bin")
    values = numpy_helper.from_array(VALUES[:2], "s")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [8]))
    with pytest.raises(InputError, match="Cannot parse data from external tensors"):
        read_model(written(tmp_path, proto))


def test_the_page_lists_all_limits() -> None:
    rows = re.findall(r"^\| `(SIZEWISE_MAX_ONNX_\w+)` \| ([\d,]+) ", PAGE.read_text("utf-8"), re.M)
    found = {name: int(number.replace(",", "")) for name, number in rows}
    assert found == {limit.variable: limit.usual for limit in LIMITS}
