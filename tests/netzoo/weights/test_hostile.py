"""Weights from elsewhere: nothing in them runs, and nothing takes more memory than the file."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from engines.backends._torch.loading import load_program
from netzoo.backbones._registry import four_levels
from netzoo.weights.archives import checked_archive
from netzoo.weights.cfg import read_heads
from netzoo.weights.checkpoint import HEADER_KEY, load_checkpoint, read_header, read_tensors
from netzoo.zoo.config import MULTISCALE, MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network, networks
from sizewise.core.errors import EngineMismatchError, InputError
from tests.netzoo.factories import narrow_config
from tests.netzoo.weights.gadgets import GADGETS, gadgets, pickled, reduced
from tests.netzoo.weights.pickles import campaign
from tests.netzoo.weights.programs import PROGRAMS, Parts, as_machine_code, program


@pytest.fixture(scope="module")
def sound() -> Parts:
    return program()


@pytest.mark.filterwarnings("ignore")  # some leave a file open where they run after all
def test_no_pickle_runs(sound: Parts, tmp_path: Path) -> None:
    """Of all kinds of files, by all functions and some commands."""
    found = campaign(8, 0, tmp_path, commands=1, sound=sound)
    assert found.violations == []
    assert found.kinds == {"refused, and else it runs", "refused, and else it does not run either"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # some leave a file open
@pytest.mark.parametrize("number", range(GADGETS))
def test_each_gadget_would_have_worked(number: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(pickled(gadgets(canary)[number], reduced))
    assert canary.is_symlink() or canary.exists()


@pytest.mark.filterwarnings("ignore")  # some leave a file open where they run after all
@pytest.mark.parametrize("place", PROGRAMS)
def test_no_pickle_in_a_program_runs(
    place: Callable[[Parts, bytes], bytes], sound: Parts, tmp_path: Path
) -> None:
    """PyTorch left to itself runs each, and loads a library where it finds one."""
    canary, path = tmp_path / "canary", tmp_path / "net.pt2"
    path.write_bytes(place(sound, pickled(gadgets(canary)[2], reduced)))
    with pytest.raises(EngineMismatchError, match="could not open the engine"):
        load_program("torch_eager", path)
    assert not canary.exists()
    with contextlib.suppress(Exception):
        torch.export.load(path)
    assert canary.exists() or place is as_machine_code


def packed(content: bytes, entries: int = 1, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr("net/data.pkl", pickle.dumps({}, 2))
        archive.writestr("net/version", "3\n")
        for number in range(entries):
            archive.writestr(f"net/data/{number}", content)
    return file.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.pt"


def test_an_archive_that_unpacks_to_much_more_is_refused(path: Path) -> None:
    path.write_bytes(packed(bytes(30_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="Set the variable SIZEWISE_MAX_ARCHIVE_RATIO"):
        read_tensors(path)


def test_an_archive_that_hides_what_it_unpacks_to_is_refused(path: Path) -> None:
    content = packed(bytes(30_000_000))
    said = struct.pack("<I", 30_000_000)
    assert content.count(said) >= 2
    path.write_bytes(content.replace(said, struct.pack("<I", 1000)))
    with pytest.raises(InputError, match=r"net\.pt"):
        read_tensors(path)


def test_an_archive_of_other_packing_is_refused(path: Path) -> None:
    path.write_bytes(packed(b"1234", packing=zipfile.ZIP_LZMA))
    with pytest.raises(InputError, match=r"packed in a way that torch\.save never uses"):
        read_tensors(path)


def test_an_archive_of_too_many_entries_is_refused(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + b"PK\x01\x02" * 100_001)
    with pytest.raises(InputError, match="SIZEWISE_MAX_ARCHIVE_ENTRIES"):
        read_tensors(path)


def test_members_of_one_name_are_refused(path: Path) -> None:
    torch.save({"a": torch.ones(2)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        folder = archive.namelist()[0].split("/")[0]  # after the file's name where that is ASCII
        archive.writestr(f"{folder}/DATA.pkl", pickle.dumps({}, 2))
    with pytest.raises(InputError, match="several of its members have the same name"):
        read_tensors(path)


def test_a_directory_that_only_pytorch_would_read_is_not_read(path: Path) -> None:
    """Python takes the directory right before the end, PyTorch that at the offset in it."""
    torch.save({"a": torch.ones(2)}, path)
    ours = path.read_bytes()
    path.write_bytes(ours + packed(b"1234", packing=zipfile.ZIP_STORED))
    found = read_tensors(path)
    assert found == {}


@pytest.mark.parametrize("count", [78, 65_535])
def test_a_tensor_of_more_numbers_than_its_file_holds_is_refused(path: Path, count: int) -> None:
    torch.save({"a": torch.ones(77)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    (name,) = (name for name in parts if name.endswith("data.pkl"))
    assert parts[name].count(b"K\x4d") == 2  # of the storage and of the tensor
    parts[name] = parts[name].replace(b"K\x4d", b"M" + struct.pack("<H", count))
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in parts.items():
            archive.writestr(member, content)
    with pytest.raises(InputError, match=f"says {count} numbers .*, and has 308 bytes"):
        read_tensors(path)


def test_an_archive_of_torch_comes_through_as_it_is(path: Path) -> None:
    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    tensors = {str(kind): torch.ones(3, 5, dtype=kind) for kind in kinds}
    tensors |= {"view": torch.arange(10.0)[2:8:2], "none": torch.zeros(0), "one": torch.tensor(3)}
    torch.save(tensors, path)
    found = read_tensors(path)
    assert list(found) == list(tensors)
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert checked_archive(path, path.read_bytes()).read(4) == b"PK\x03\x04"


def safetensors(header: object, content: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + content


def tensor(dtype: str, shape: list[int], start: int, end: int) -> dict[str, object]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}


@pytest.mark.parametrize(
    "content",
    [
        safetensors({}, length=2**63),
        safetensors({}, length=2**64 - 1),
        safetensors({}, length=100_000_001),
        safetensors(tensor("F32", [2], 0, 8), b"1234"),
        safetensors(tensor("F32", [2], 0, 4), b"1234"),
        safetensors(tensor("F32", [2], 0, 8), b"12345678ab"),
        safetensors(tensor("F32", [2**32, 2**32], 0, 8), b"12345678"),
        safetensors(tensor("F32", [2**62, 4], 0, 0)),
        safetensors(tensor("F32", [2], 8, 0), b"12345678"),
        safetensors(tensor("F99", [2], 0, 8), b"12345678"),
        safetensors(tensor("F32", [-2], 0, 8), b"12345678"),
        safetensors(b"[" * 100_000),
        safetensors(b'{"a":' * 100_000),
        safetensors(b""),
    ],
    ids=map(str, range(14)),
)
def test_a_header_that_is_not_of_its_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    for load in (read_tensors, read_header, load_checkpoint):
        with pytest.raises(InputError, match=r"net\.safetensors"):
            load(path)


@pytest.mark.parametrize(
    "header",
    [
        "[" * 100_000,
        '{"config":' * 100_000,
        json.dumps({"config": {"name": "yolov3", "classes": ["a"], "width": 10**400}}),
        f'{{"config": {{"name": "yolov3", "classes": ["a"], "width": {"9" * 5000}}}}}',
        json.dumps({"config": {"name": "yolov3", "classes": ["a"], "masks": [[10**30]]}}),
    ],
    ids=map(str, range(5)),
)
def test_a_configuration_that_is_none_is_refused(header: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.ones(1)}, path, metadata={HEADER_KEY: header})
    with pytest.raises(InputError, match=r"net\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize("given", [{"width": 8}, {"classes": list(map(str, range(9999)))}])
def test_a_few_words_do_not_ask_for_a_large_network(
    given: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.safetensors"
    config = {"name": "yolov3-tiny", "classes": ["a"]} | given
    header = json.dumps({"config": config, "provenance": {}})
    path.write_bytes(save({"a": torch.ones(1)}, metadata={HEADER_KEY: header}))
    with pytest.raises(InputError, match=r"the network has [\d,]+ numbers, and the file"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", sorted(networks()))
def test_every_network_can_be_counted_without_its_memory(name: str) -> None:
    anchors = narrow_config().anchors if name == "yolov3" else ()
    config = NetworkConfig(name=name, classes=("a", "b"), width=0.125, depth=0.1, anchors=anchors)
    with torch.device("meta"):
        counted = build_network(config).state_dict()
    assert all(value.is_meta for value in counted.values())
    real = build_network(config).state_dict()
    assert {n: v.shape for n, v in counted.items()} == {n: v.shape for n, v in real.items()}


@pytest.mark.parametrize("name", four_levels())
def test_every_backbone_can_be_counted_without_its_memory(name: str) -> None:
    scales = MultiscaleConfig(backbones=(name,))
    with torch.device("meta"):
        network = build_network(NetworkConfig(name=MULTISCALE, classes=("a",), multiscale=scales))
    assert all(value.is_meta for value in network.state_dict().values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[yolo]\nanchors=1,2\nclasses=999999999\n", "SIZEWISE_MAX_CLASSES"),
        (f"[yolo]\nanchors=1,2\nclasses={'9' * 5000}\n", "no numbers"),
        ("[yolo]\nanchors=1,2\nmask=1e9\n", "no numbers"),
    ],
    ids=("classes", "digits", "mask"),
)
def test_numbers_in_a_cfg_are_held_against_limits(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "net.cfg"
    path.write_text(text)
    with pytest.raises(InputError, match=reason):
        read_heads(path)
