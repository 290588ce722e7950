from __future__ import annotations

import json
import os
import pickle
import shlex
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from netzoo.training.settings import TrainingSettings
from netzoo.weights.checkpoint import (
    HEADER_KEY,
    Provenance,
    load_checkpoint,
    load_weights,
    read_header,
    save_checkpoint,
)
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.errors import InputError, OutputError
from tests.netzoo.factories import narrow_config, narrow_detector

PROVENANCE = Provenance(
    settings=TrainingSettings(steps=3, seed=7), data="squares", data_sha256="ab" * 32
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, narrow_detector(), PROVENANCE)
    return path


def outputs(network: Network) -> tuple[Tensor, ...]:
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return network.decode(network(images))


def test_a_checkpoint_gives_the_same_network_back(checkpoint: Path) -> None:
    original, loaded = narrow_detector(), load_checkpoint(checkpoint)
    assert loaded.config == original.config
    assert not loaded.training
    for ours, theirs in zip(outputs(loaded), outputs(original), strict=True):
        assert torch.equal(ours, theirs)


def test_the_header_tells_where_the_weights_come_from(checkpoint: Path) -> None:
    header = read_header(checkpoint)
    assert header.provenance == PROVENANCE
    assert header.config.decoding == "scaled"
    assert [p.name for p in checkpoint.parent.iterdir()] == [checkpoint.name]


@pytest.mark.parametrize("decoding", ["yolov3", "scaled"])
def test_the_decode_travels_with_the_weights(tmp_path: Path, decoding: str) -> None:
    network = narrow_detector("yolov3" if decoding == "yolov3" else "scaled")
    save_checkpoint(tmp_path / "net.safetensors", network, Provenance())
    boxes, _ = outputs(load_checkpoint(tmp_path / "net.safetensors"))
    assert torch.equal(boxes, outputs(network)[0])


def test_a_state_dict_loads_into_a_given_network(tmp_path: Path) -> None:
    original = narrow_detector()
    torch.save(original.state_dict(), tmp_path / "net.pt")
    network = build_network(narrow_config())
    load_weights(network, tmp_path / "net.pt")
    for ours, theirs in zip(outputs(network), outputs(original), strict=True):
        assert torch.equal(ours, theirs)


class Malicious:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {shlex.quote(str(self.path))}",)


def plain_pickle(value: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(value))


def archive(value: object, path: Path) -> None:
    torch.save(value, path)


def old_format(value: object, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [plain_pickle, archive, old_format])
@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.safetensors", "net.pkl", "net"])
def test_a_pickle_is_refused_and_never_unpickled(
    tmp_path: Path, name: str, write: Callable[[object, Path], None]
) -> None:
    touched = tmp_path / "touched"
    write({"backbone.stem.conv.weight": Malicious(touched)}, tmp_path / name)
    with pytest.raises(InputError, match=name):
        load_checkpoint(tmp_path / name)
    with pytest.raises(InputError, match=name):
        load_weights(narrow_detector(), tmp_path / name)
    assert not touched.exists()


def test_the_malicious_pickle_would_have_worked(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Malicious(tmp_path / "touched")))
    assert (tmp_path / "touched").exists()


def mangled_archive(path: Path, edit: Callable[[bytes], bytes]) -> None:
    torch.save({"a": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as original:
        parts = {name: original.read(name) for name in original.namelist()}
    with zipfile.ZipFile(path, "w") as changed:
        for name, content in parts.items():
            changed.writestr(name, edit(content) if name.endswith("data.pkl") else content)


@pytest.mark.parametrize("length", range(0, 120, 7))
def test_archives_that_are_cut_inside_are_refused(tmp_path: Path, length: int) -> None:
    mangled_archive(tmp_path / "net.pt", lambda content: content[:length])
    with pytest.raises(InputError):
        load_weights(narrow_detector(), tmp_path / "net.pt")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_file_that_was_cut_is_refused(checkpoint: Path, share: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_state_dict_that_was_cut_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "net.pt"
    torch.save(narrow_detector().state_dict(), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError):
        load_weights(narrow_detector(), path)


@pytest.mark.parametrize("value", [[torch.ones(2)], {"state_dict": {"a": torch.ones(2)}}, 3])
def test_more_than_a_state_dict_is_refused(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "net.pt")
    with pytest.raises(InputError, match="more than tensors"):
        load_weights(narrow_detector(), tmp_path / "net.pt")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("backbone.stem.conv.weight", torch.ones(4, 3, 3, 3), r"\[4, 3, 3, 3\] instead of"),
        ("backbone.stem.norm.bias", torch.full((8,), torch.nan), "not finite"),
        ("backbone.stem.norm.bias", torch.ones(8, dtype=torch.int32), r"torch\.int32"),
        ("backbone.stem.norm.bias", torch.ones(8).to_sparse(), r"torch\.float32 \(torch\.sparse"),
        ("neck.weight", torch.ones(1), "unknown"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, name: str, value: Tensor, complaint: str
) -> None:
    torch.save(narrow_detector().state_dict() | {name: value}, tmp_path / "net.pt")
    with pytest.raises(InputError, match=f"{name} is {complaint}"):
        load_weights(narrow_detector(), tmp_path / "net.pt")


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = narrow_detector().state_dict()
    del tensors["backbone.stem.conv.weight"]
    torch.save(tensors, tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"backbone\.stem\.conv\.weight is missing"):
        load_weights(narrow_detector(), tmp_path / "net.pt")


def test_safetensors_without_our_header_are_weights_only(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(narrow_detector().state_dict(), path)
    with pytest.raises(InputError, match="configuration"):
        load_checkpoint(path)
    load_weights(build_network(narrow_config()), path)


@pytest.mark.parametrize(
    "header",
    [
        "{",
        "[]",
        json.dumps({"config": {"name": "yolov3"}, "provenance": {}}),
        json.dumps({"config": {"name": "yolov3", "classes": []}, "provenance": {}}),
        json.dumps({"config": {"name": "nothing", "classes": ["a"]}, "provenance": {}}),
        json.dumps(
            {
                "config": {"name": "yolov3", "classes": ["a"], "width": 0.1, "depth": 0.1},
                "provenance": {},
            }
        ),
    ],
)
def test_a_header_that_is_wrong_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "net.safetensors"
    save_file(narrow_detector().state_dict(), path, metadata={HEADER_KEY: header})
    with pytest.raises(InputError):
        load_checkpoint(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.safetensors"):
        with pytest.raises(InputError, match="can't be opened"):
            load_checkpoint(path)
        with pytest.raises(InputError, match="can't be opened"):
            load_weights(narrow_detector(), path)


def test_a_folder_that_can_not_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        save_checkpoint(tmp_path / "file" / "net.safetensors", narrow_detector(), PROVENANCE)


def test_classes_of_another_network_do_not_fit(checkpoint: Path) -> None:
    other: NetworkConfig = replace(narrow_config(), classes=("a", "b", "c"))
    with pytest.raises(InputError, match=r"levels\.0\.head\.weight"):
        load_weights(build_network(other), checkpoint)
