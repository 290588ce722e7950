"""Programs (``.pt2``) whose pickles would run code when PyTorch loads them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.engines.nets import write_program
from tests.netzoo.weights.gadgets import zipped

Parts = dict[str, bytes]
"""The members of an archive, by their names below its folder."""


def program() -> Parts:
    """Those of a sound program, as ``torch.export.save`` writes it."""
    with TemporaryDirectory() as folder:
        write_program(Path(folder) / "net.pt2")
        with zipfile.ZipFile(Path(folder) / "net.pt2") as archive:
            return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def packed(parts: Mapping[str, bytes], root: str = "net/") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(f"{root}{name}", content)
    return file.getvalue()


def as_inputs(sound: Parts, content: bytes) -> bytes:
    """As the inputs that the program was traced with."""
    return packed(sound | {"data/sample_inputs/model.pt": zipped(content)})


def as_weight(sound: Parts, content: bytes) -> bytes:
    return _as_payload(sound, "weights", "weight_9", zipped(content))


def as_constant(sound: Parts, content: bytes) -> bytes:
    return _as_payload(sound, "constants", "tensor_9", zipped(content))


def as_object(sound: Parts, content: bytes) -> bytes:
    return _as_payload(sound, "constants", "opaque_obj_9", content)


def as_machine_code(sound: Parts, content: bytes) -> bytes:
    """Where AOTInductor has its libraries: what is there is loaded by the system."""
    return packed(sound | {"data/aotinductor/other/net.so": content})


def earlier(sound: Parts, content: bytes) -> bytes:
    """The format of PyTorch 2.7."""
    from torch._export.serde.schema import SCHEMA_VERSION

    names = ("state_dict", "constants", "example_inputs")
    return packed(
        {
            "version": ".".join(map(str, SCHEMA_VERSION)).encode(),
            "serialized_exported_program.json": sound["models/model.json"],
            **{f"serialized_{name}.pt": zipped(content) for name in names},
        },
        root="",
    )


PROGRAMS: tuple[Callable[[Parts, bytes], bytes], ...] = (
    *(as_inputs, as_weight, as_constant),
    *(as_object, as_machine_code, earlier),
)


def _as_payload(sound: Parts, kind: str, file: str, content: bytes) -> bytes:
    """Among what the archive lists as pickled."""
    listed = f"data/{kind}/model_{kind}_config.json"
    config = json.loads(sound[listed])
    meta = {"path_name": file, "is_param": False, "use_pickle": True, "tensor_meta": None}
    config["config"]["other"] = meta
    added = {listed: json.dumps(config).encode(), f"data/{kind}/{file}": content}
    return packed(sound | added)
